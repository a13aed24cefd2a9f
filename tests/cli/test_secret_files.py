"""A file of a secret that a setting names must be there, be readable and hold something, or nothing starts."""

import os

import pytest

from services.cli.settings_catalogue import all_settings
from tests.certificates import Certificates
from tests.cli.processes import PROCESSES, start
from tests.cli.test_commands import run

NAMED = [setting.name for setting in all_settings() if setting.secret_file]
# Read by the library, so by every process.
SHARED = {"SIGHTGLASS_ENTITY_SALT_FILE", "SIGHTGLASS_OTLP_TOKEN_FILE"}
STATES = ("missing", "empty", "unreadable")


def in_turn(names):
    """Each name with one of the states, in turn: a start costs seconds, and one function reads all of them."""
    return [(name, STATES[n % len(STATES)]) for n, name in enumerate(names)]


def owner_of(name):
    """The process whose setting it is: the longest prefix counts."""
    owners = [each for each in (*PROCESSES, "COLLECTOR") if name.startswith(f"SIGHTGLASS_{each}_")]
    return max(owners, key=len)


def made(path, state):
    """A file in this state; where tests run as root, who may read everything, a folder is what can't be read."""
    if state == "empty":
        path.write_bytes(b"\n")
        path.chmod(0o600)
    elif state == "unreadable" and os.geteuid() == 0:
        path.mkdir()
    elif state == "unreadable":
        path.write_bytes(b"secret")
        path.chmod(0)
    return path


def assert_refused(result, **named):
    """It ended with a sentence that has each variable and its path, not with a traceback."""
    assert result.returncode not in {0, None}
    for name, path in named.items():
        assert name in result.stderr
        assert str(path) in result.stderr
    assert "Traceback" not in result.stderr


def test_the_catalogue_knows_the_files_of_secrets():
    """The tests below would prove nothing about a list without these."""
    kinds = ("_PASSWORD_FILE", "_TOKEN_FILE", "_SALT_FILE", "_OIDC_FILE", "_TLS_KEY_FILE")
    assert {kind for kind in kinds if any(name.endswith(kind) for name in NAMED)} == set(kinds)
    assert set(NAMED) > SHARED
    assert len(NAMED) >= 15


@pytest.mark.parametrize(("name", "state"), in_turn([name for name in NAMED if name not in SHARED]))
def test_a_process_does_not_start_without_a_secret_that_was_named(tmp_path, name, state):
    """It says which setting and which file; what is the Collector's is said by `up`, which starts it."""
    path = made(tmp_path / "secret.toml", state)
    env = {name: str(path)}
    if name.endswith("TLS_KEY_FILE"):
        env[name.replace("_KEY_", "_CERT_")] = str(Certificates(tmp_path / "certificates").cert)
    owner = owner_of(name)
    result = run("up", cwd=tmp_path, env=env) if owner == "COLLECTOR" else start(owner, tmp_path, env)
    assert_refused(result, **{name: path})
    assert not list(tmp_path.glob(".sightglass/run/*.pid"))


@pytest.mark.parametrize(("process", "state"), in_turn(PROCESSES))
def test_no_process_starts_without_the_library_s_secrets_that_were_named(tmp_path, process, state):
    """The library itself only warns, in somebody else's service; ours stop, and name both at once."""
    env = {name: str(made(tmp_path / name.lower(), state)) for name in SHARED}
    assert_refused(start(process, tmp_path, env), **env)


def test_migrate_does_not_log_in_without_a_password(tmp_path):
    """The file that is looked for by default may be made later; until then its path is what one is told."""
    result = start("MIGRATE", tmp_path, {"SIGHTGLASS_DATA_DIR": str(tmp_path / "data")})
    assert result.returncode == 1
    assert f"{tmp_path / 'data' / 'secrets' / 'clickhouse-migrator.password'}, the file with" in result.stderr
    assert "can't be read (No such file or directory)" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("process", "user", "state"),
    [
        ("MONITORING_API", "reader", "empty"),
        ("WORKER", "reader", "unreadable"),
        ("MAINTENANCE", "maintainer", "empty"),
        ("MIGRATE", "migrator", "unreadable"),
    ],
)
def test_no_process_starts_on_a_default_file_of_no_use(tmp_path, process, user, state):
    """A file that is not there yet is waited for; one that is there and gives no password is somebody's mistake."""
    secrets = tmp_path / "data" / "secrets"
    secrets.mkdir(parents=True)
    path = made(secrets / f"clickhouse-{user}.password", state)
    result = start(process, tmp_path, {"SIGHTGLASS_DATA_DIR": str(tmp_path / "data")})
    assert result.returncode not in {0, None}
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"p\xff\n", "a folder"], ids=["empty", "blank", "bytes", "unreadable"])
def test_the_embedded_clickhouse_names_a_password_file_of_no_use(tmp_path, content):
    """It makes what is missing, and nothing over what somebody put there."""
    path = tmp_path / "data" / "secrets" / "clickhouse-reader.password"
    path.parent.mkdir(parents=True)
    path.mkdir() if content == "a folder" else path.write_bytes(content)
    with_port = {"SIGHTGLASS_DATA_DIR": str(tmp_path / "data"), "SIGHTGLASS_CLICKHOUSE_PORT": str(free_port())}
    result = start("CLICKHOUSE", tmp_path, with_port)
    assert result.returncode == 1
    assert f"{path}, the file with a password, " in result.stderr
    assert "Traceback" not in result.stderr


def free_port():
    """A port that nobody listens on."""
    from tests.integration.stack import free_ports

    return free_ports(["one"])["one"]
