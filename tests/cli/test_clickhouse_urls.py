"""ClickHouse's URL is shown, logged and handed on as it is, so it may hold no login."""

import json
import stat

import pytest

from services.cli.settings_catalogue import all_settings, settings_classes
from services.cli.supervisor.run_folder import RunFolder
from sightglass.process_settings import BadSettingsError, checked_settings, fields
from tests.cli.processes import PROCESSES, start
from tests.cli.test_commands import run

CANARY = "canary-5ec2"
URLS = {setting.name for setting in all_settings() if setting.name.endswith(("CLICKHOUSE_URL", "CLICKHOUSE_ENDPOINT"))}
LOGINS = (
    f"http://reader:{CANARY}@127.0.0.1:8123",
    f"https://reader:{CANARY}@ss/word@127.0.0.1:8443/",
    f"reader:{CANARY}@127.0.0.1:8123",
    f"http://{CANARY}@127.0.0.1:8123",
    f"http://127.0.0.1:8123/?user=reader&password={CANARY}",
    f"http://127.0.0.1:8123?Password={CANARY}",
)


def test_these_are_all_the_settings_that_tell_where_clickhouse_is():
    """A new one whose default is ClickHouse's port is found here, whatever its name."""
    assert {
        setting.name for setting in all_settings() if "8123" in str(setting.default) and setting.type == "str"
    } < URLS
    assert {
        "SIGHTGLASS_CLICKHOUSE_URL",
        "SIGHTGLASS_COLLECTOR_CLICKHOUSE_ENDPOINT",
        *(f"SIGHTGLASS_{name}_CLICKHOUSE_URL" for name in ("MONITORING_API", "WORKER", "MAINTENANCE", "MIGRATE")),
    } == URLS


@pytest.mark.parametrize("url", LOGINS)
@pytest.mark.parametrize("name", sorted(URLS))
def test_a_login_in_the_url_is_refused_and_not_told(monkeypatch, tmp_path, name, url):
    """The text names the setting and the two that are meant instead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, url)
    (cls,) = (each for each in settings_classes() if name in {field.variable for field in fields(each)})
    with pytest.raises(BadSettingsError) as error:
        checked_settings(cls, others=("SIGHTGLASS_CLICKHOUSE_URL",))
    text = str(error.value)
    assert text.startswith(f"{name} can't be used: ")
    assert "*_CLICKHOUSE_USER" in text
    assert "*_CLICKHOUSE_PASSWORD_FILE" in text
    assert CANARY not in text


@pytest.mark.parametrize("words", [("up",), ("status", "--json"), ("doctor", "--json"), ("settings",), ("migrate",)])
@pytest.mark.parametrize("name", ["SIGHTGLASS_CLICKHOUSE_URL", "SIGHTGLASS_MIGRATE_CLICKHOUSE_URL"])
def test_no_verb_tells_it(tmp_path, words, name):
    """Neither verbs that refuse it, nor those that answer all the same."""
    result = run(*words, cwd=tmp_path, env={name: LOGINS[0]})
    assert CANARY not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("process", ["MONITORING_API", "WORKER", "MAINTENANCE", "MIGRATE"])
def test_a_process_refuses_it_at_its_start(tmp_path, process):
    """Also where it is not started by `up`."""
    assert process in PROCESSES
    result = start(process, tmp_path, {f"SIGHTGLASS_{process}_CLICKHOUSE_URL": LOGINS[0]})
    assert result.returncode == 1
    assert f"SIGHTGLASS_{process}_CLICKHOUSE_URL can't be used: the URL holds" in result.stderr
    assert CANARY not in result.stdout + result.stderr


def test_what_the_supervisor_leaves_is_for_its_owner(tmp_path):
    """State and process id are files of mode 0600, also where an older version left an open one."""
    folder = RunFolder(tmp_path)
    folder.path.mkdir()
    (folder.path / "state.json").write_text("{}")
    (folder.path / "state.json").chmod(0o644)
    with folder.owned():
        folder.write_state({"phase": "up"})
        assert json.loads((folder.path / "state.json").read_text()) == {"phase": "up"}
        for name in ("state.json", "supervisor.pid"):
            assert stat.S_IMODE((folder.path / name).stat().st_mode) == 0o600
