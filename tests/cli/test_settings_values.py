"""`sightglass settings` shows what each setting is and where that comes from, and never a secret."""

import json

import pytest

from tests.cli.processes import PROCESSES, start
from tests.cli.test_commands import run

CANARY = "canary-7d1f"
SECRETS = {
    "SIGHTGLASS_DASHBOARD_API_TOKEN": f"{CANARY}-token",
    "SIGHTGLASS_ENTITY_SALT": f"{CANARY}-salt",
    "SIGHTGLASS_WORKER_STORE_URL": f"postgresql://worker:{CANARY}-pass@db/alerts",
    "SIGHTGLASS_MONITORING_API_ALERT_STORE_URL": f"postgresql://worker:{CANARY}/slash@db/alerts?password={CANARY}",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{CANARY}",
}


def listed(cwd, env=None, *, code=0):
    """Settings by name, and what was said on stderr."""
    result = run("settings", "--json", cwd=cwd, env=env)
    assert result.returncode == code, result.stderr
    return {entry["name"]: entry for entry in json.loads(result.stdout)}, result.stderr


@pytest.mark.parametrize("form", [(), ("--json",), ("--markdown",)])
def test_no_form_shows_a_secret(tmp_path, form):
    """Text, JSON and Markdown mask secrets, and of a URL only its password."""
    (tmp_path / ".env").write_text(f"SIGHTGLASS_DASHBOARD_API_TOKEN={CANARY}-of-the-file\n")
    for env in (SECRETS, {}):
        result = run("settings", *form, cwd=tmp_path, env=env)
        assert result.returncode == 0, result.stderr
        assert CANARY not in result.stdout + result.stderr
    if form == ("--json",):
        values, _ = listed(tmp_path, SECRETS)
        assert values["SIGHTGLASS_DASHBOARD_API_TOKEN"]["value"] == "****"
        assert values["SIGHTGLASS_DASHBOARD_API_TOKEN"]["secret"] is True
        assert values["SIGHTGLASS_WORKER_STORE_URL"]["value"] == "postgresql://worker:****@db/alerts"
        assert values["SIGHTGLASS_WORKER_STORE_URL"]["secret"] is False


def test_the_source_is_told(tmp_path):
    """The environment wins over `.env`, that over what the supervisor wires, and that over the default."""
    (tmp_path / ".env").write_text("SIGHTGLASS_ML_API_PORT=18002\nSIGHTGLASS_ML_API_WORKERS=3\n")
    values, _ = listed(tmp_path, {"SIGHTGLASS_ML_API_PORT": "28002", "SIGHTGLASS_MONITORING_API_PORT": "28003"})

    def of(name):
        return values[f"SIGHTGLASS_{name}"]["value"], values[f"SIGHTGLASS_{name}"]["source"]

    assert of("ML_API_PORT") == (28002, "environment")
    assert of("ML_API_WORKERS") == (3, ".env")
    assert of("DASHBOARD_API_URL") == ("http://127.0.0.1:28003", "derived")
    assert of("ENTITY_SALT") == ("", "default")
    assert of("ENTITY_SALT_FILE") == (str(tmp_path / ".sightglass" / "secrets" / "entity.salt"), "derived")
    assert of("ML_API_HOST") == ("127.0.0.1", "default")
    assert of("DATA_DIR") == (".sightglass", "default")
    assert not (tmp_path / ".sightglass").exists(), "looking makes nothing"


def test_a_bad_value_does_not_keep_the_list_from_being_shown(tmp_path):
    """The list is what helps, so it is shown all the same; what is wrong is on stderr, and the exit code says so."""
    values, said = listed(tmp_path, {"SIGHTGLASS_ML_API_PORT": "eighty", "SIGHTGLASS_ML_API_PROT": "1"}, code=1)
    assert values["SIGHTGLASS_ML_API_PORT"]["value"] == "eighty"
    assert "SIGHTGLASS_ML_API_PORT=eighty can't be used" in said
    assert "SIGHTGLASS_ML_API_PROT is no setting (is SIGHTGLASS_ML_API_PORT meant?)" in said


@pytest.mark.parametrize(
    "env", [{"SIGHTGLASS_ATUH": "on"}, {"SIGHTGLASS_WROKER_POOL_SIZE": "1"}, {"SIGHTGLASS_ML_API_PORT": "eighty"}]
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_script_sees_that_a_setting_is_wrong(tmp_path, env, form):
    """`settings` exits with 1 for a name that nobody reads or a value that can't be used."""
    result = run("settings", *form, cwd=tmp_path, env=env)
    assert result.returncode == 1
    assert next(iter(env)) in result.stderr
    assert "SIGHTGLASS_DATA_DIR" in result.stdout


REFUSED = {
    "a name of a process": ({"SIGHTGLASS_ML_API_PROT": CANARY}, "SIGHTGLASS_ML_API_PORT"),
    "a shared name": ({"SIGHTGLASS_AUHT": CANARY}, "SIGHTGLASS_AUTH"),
    "a name of the library": ({"SIGHTGLASS_SPOOL_DIRS": CANARY}, "SIGHTGLASS_SPOOL_DIR"),
    "a value": ({"SIGHTGLASS_WORKER_POOL_SIZE": "many"}, "SIGHTGLASS_WORKER_POOL_SIZE"),
    "an open Collector": ({"SIGHTGLASS_COLLECTOR_HOST": "0.0.0.0"}, "SIGHTGLASS_COLLECTOR_OVERLAYS='[\"token\"]'"),
    "no token": (
        {"SIGHTGLASS_COLLECTOR_OVERLAYS": '["token"]', "SIGHTGLASS_COLLECTOR_TOKEN_FILE": "/none"},
        "SIGHTGLASS_COLLECTOR_TOKEN_FILE=/none can't be used: the file /none can't be read",
    ),
    "no salt": ({"SIGHTGLASS_ENTITY_SALT_FILE": "/none"}, "SIGHTGLASS_ENTITY_SALT_FILE=/none can't be read"),
    "two salts": (
        {"SIGHTGLASS_ENTITY_SALT_FILE": "/none", "SIGHTGLASS_ENTITY_SALT": CANARY},
        "SIGHTGLASS_ENTITY_SALT and SIGHTGLASS_ENTITY_SALT_FILE are both set",
    ),
}


@pytest.mark.parametrize("verb", ["up", "demo"])
@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_started_with_a_wrong_setting(tmp_path, verb, case):
    """`up` and `demo` refuse what no process reads, and what leaves a door open, before anything starts."""
    env, named = REFUSED[case]
    result = run(verb, cwd=tmp_path, env=env)
    assert result.returncode == 1, result.stdout
    assert named in result.stderr
    assert CANARY not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert "pydantic" not in result.stderr.lower()
    assert not (tmp_path / ".sightglass" / "logs").exists()


@pytest.mark.parametrize("content", [b"", "a folder"], ids=["empty", "unreadable"])
def test_nothing_is_started_with_a_data_folder_s_salt_of_no_use(tmp_path, content):
    """Ids without the salt could be guessed, and ids with a new one would not match: `up` names the file and stops."""
    salt = tmp_path / ".sightglass" / "secrets" / "entity.salt"
    salt.parent.mkdir(parents=True)
    salt.mkdir() if content == "a folder" else salt.write_bytes(content)
    result = run("up", cwd=tmp_path)
    assert result.returncode == 1, result.stdout
    assert f"SIGHTGLASS_ENTITY_SALT_FILE={salt} " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / ".sightglass" / "logs").exists()


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_refuses_an_unknown_name_of_its_own(process, tmp_path):
    """Whatever it does not know ends a process at its start, from the environment or `.env`, but for another's."""
    name = f"SIGHTGLASS_{process}_HOTS"
    (tmp_path / ".env").write_text(f"{name}S={CANARY}\n")
    result = start(
        process, tmp_path, {name: CANARY, "SIGHTGLASS_ATUH": "on", "SIGHTGLASS_COLLECTOR_OTHER": "is not its"}
    )
    assert result.returncode not in {0, None}
    assert f"{name} is no setting" in result.stderr
    assert f"{name}S is no setting" in result.stderr
    assert "SIGHTGLASS_ATUH is no setting (is SIGHTGLASS_AUTH meant?)" in result.stderr
    assert "SIGHTGLASS_COLLECTOR_OTHER" not in result.stderr
    assert CANARY not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_process_refuses_a_salt_of_no_use(tmp_path):
    """A failed command leaves an empty one: ids would be hashed without."""
    result = start("ML_API", tmp_path, {"SIGHTGLASS_ENTITY_SALT": ""})
    assert result.returncode not in {0, None}
    assert "SIGHTGLASS_ENTITY_SALT is set, but empty" in result.stderr
    assert "Traceback" not in result.stderr
