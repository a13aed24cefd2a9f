"""The command line as a whole: every verb is there, is quick to list, and tells the truth by its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.main import cli, load
from services.cli.verb_table import VERBS
from tests import warm


def run(*arguments, cwd, env=None):
    """Run `sightglass` in a folder, with no settings but these."""
    import os

    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIGHTGLASS_")}
    return warm.run(["-m", "sightglass", *arguments], cwd=cwd, env={**clean, **(env or {})}, timeout=60)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help(name):
    """`sightglass VERB --help` explains the verb, and the list's line about it is not a different story."""
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert load(name, VERBS[name]).help


def test_the_table_holds_all_that_the_packages_bring():
    """No package brings a verb that the table leaves out."""
    import importlib

    root = Path(__file__).resolve().parents[2]
    modules = {
        ".".join(file.relative_to(root).with_suffix("").parts) for file in (root / "services").rglob("verbs.py")
    } | {verb.module for verb in VERBS.values()}
    brought = {command.name for module in modules for command in importlib.import_module(module).commands}
    assert brought == set(VERBS)


def test_listing_the_verbs_imports_none_of_them():
    """`sightglass --help` stays quick, because it imports neither pydantic nor any service."""
    code = (
        "import sys; from services.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "heavy = {'pydantic', 'psutil', 'httpx', 'clickhouse_connect', 'fastapi', 'rich', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in VERBS)


def test_an_unknown_verb_is_refused():
    """A misspelt verb is exit code 2 and a message."""
    result = CliRunner().invoke(cli, ["upp"])
    assert result.exit_code == 2
    assert "upp" in result.output


def test_down_with_nothing_running_is_a_success(tmp_path):
    """`down` promises that nothing runs, and so it keeps its promise where nothing ran."""
    result = run("down", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "Nothing was running on .sightglass.\n")


def test_status_of_nothing_has_its_shape_and_fails(tmp_path):
    """`status --json` keeps its shape when nothing runs, names every process, and exits with 1."""
    result = run("status", "--json", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert not (tmp_path / ".sightglass").exists(), "looking makes nothing"
    report = json.loads(result.stdout)
    names = ["clickhouse", "collector", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"]
    assert [entry["name"] for entry in report["processes"]] == names
    assert {entry["state"] for entry in report["processes"]} == {"down"}
    assert all({"name", "pid", "state", "port"} <= set(entry) for entry in report["processes"])
    assert report["clickhouse"] == {
        "url": "http://127.0.0.1:8123",
        "reader_user": "reader",
        "reader_password_file": str(tmp_path / ".sightglass" / "secrets" / "clickhouse-reader.password"),
    }


def test_a_moved_port_is_reported(tmp_path):
    """What the environment moves, `status` reports, and `.env` counts like the environment, but less."""
    (tmp_path / ".env").write_text("SIGHTGLASS_CLICKHOUSE_PORT=18123\nSIGHTGLASS_ML_API_PORT=18002\n")
    result = run("status", "--json", cwd=tmp_path, env={"SIGHTGLASS_ML_API_PORT": "28002"})
    report = json.loads(result.stdout)
    ports = {entry["name"]: entry["port"] for entry in report["processes"]}
    assert (ports["clickhouse"], ports["ml-api"]) == (18123, 28002)
    assert report["clickhouse"]["url"] == "http://127.0.0.1:18123"


def test_a_bad_setting_is_a_sentence(tmp_path):
    """A setting's bad value is named in one line, without a traceback."""
    result = run("status", cwd=tmp_path, env={"SIGHTGLASS_ML_API_PORT": "eighty"})
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "SIGHTGLASS_ML_API_PORT=eighty can't be used: input should be a valid integer" in result.stderr


def test_up_of_an_unknown_process_names_the_known_ones(tmp_path):
    """`up --only` with a wrong name starts nothing and lists the right ones."""
    result = run("up", "--only", "clickhose", cwd=tmp_path)
    assert result.returncode == 1
    assert "clickhose" in result.stderr
    assert "monitoring-api" in result.stderr


def test_up_on_an_unusable_folder_is_a_sentence(tmp_path):
    """A data folder that cannot be made is named, with the setting that moves it."""
    (tmp_path / "file").touch()
    result = run("up", cwd=tmp_path, env={"SIGHTGLASS_DATA_DIR": str(tmp_path / "file" / "data")})
    assert result.returncode == 1
    assert "cannot be used" in result.stderr
    assert "SIGHTGLASS_DATA_DIR" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", VERBS)
def test_help_options_are_the_same_everywhere(name, tmp_path):
    """`-h` works for every verb as `--help` does."""
    # In a process of its own: click remembers the help option of a command's first call, and others call verbs alone.
    assert run(name, "-h", cwd=tmp_path).returncode == 0
