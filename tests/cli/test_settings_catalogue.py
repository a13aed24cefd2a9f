"""`sightglass settings` lists every setting of every process, each with a meaning."""

import ast
import json
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli.main import cli
from services.cli.settings_catalogue import LIBRARY_SETTINGS, all_settings, known_names, settings_classes
from sightglass.process_names import PREFIXES, SHARED
from sightglass.process_settings import fields

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    """What the caller of the tests has set is not looked at."""
    for name in [name for name in os.environ if name.upper().startswith(("SIGHTGLASS_", "OTEL_"))]:
        monkeypatch.delenv(name)


def _classes_in_the_source():
    """Every settings class in the tree that names the prefix of its variables, wherever its file is."""
    for package in ("services", "dashboard", "sightglass"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.ClassDef) or "env_prefix" not in ast.unparse(node):
                    continue
                if any(ast.unparse(base).endswith("Settings") for base in node.bases):
                    yield file.relative_to(ROOT), node.name


def test_every_settings_class_is_found():
    """No settings class hides in a module of another name, where the list would miss it."""
    in_source = {name for _, name in _classes_in_the_source()}
    assert in_source == {cls.__name__ for cls in settings_classes()}
    assert "SupervisorSettings" in in_source


def test_the_library_s_own_variables_are_listed():
    """What the library reads by itself is listed too."""
    read = {
        name
        for file in (ROOT / "sightglass").rglob("*.py")
        if file.name != "process_names.py"  # others' names, which the next test looks at
        for name in re.findall(r'"(SIGHTGLASS_[A-Z_]+)"', file.read_text())
    }
    assert read == {setting.name for setting in LIBRARY_SETTINGS}


def test_a_process_knows_how_all_names_begin_and_which_are_shared():
    """The library may not import the settings classes, so what it has to tell apart is written there, and held here."""
    prefixes = {cls.model_config["env_prefix"] for cls in settings_classes()} - {"SIGHTGLASS_"}
    assert set(PREFIXES) == prefixes
    names = {name for name in known_names() if name.startswith("SIGHTGLASS_")}
    assert {name for name in names if not name.startswith(PREFIXES)} == set(SHARED)


def test_every_setting_is_described():
    """Each setting has a name of its process, a type, and a meaning that is a sentence."""
    for setting in all_settings():
        assert setting.name.startswith("SIGHTGLASS_"), setting
        assert setting.name == setting.name.upper(), setting
        assert setting.type, setting
        assert setting.meaning.endswith("."), setting


def test_no_two_classes_disagree_about_a_setting():
    """A setting that several processes read has the same default in each."""
    from services.cli.settings_catalogue import _setting

    defaults = {}
    for cls in settings_classes():
        for field in fields(cls):
            setting = _setting(cls, field)
            assert defaults.setdefault(setting.name, setting.default) == setting.default, setting.name


def test_settings_are_frozen():
    """Settings are read once and handed down; nobody changes them on the way."""
    for cls in settings_classes():
        assert cls.model_config.get("frozen") is True, cls
        assert cls.model_config.get("extra") == "ignore", cls
        assert cls.model_config.get("env_file") == ".env", cls


def test_every_default_is_good(monkeypatch, tmp_path):
    """Every process's settings can be made on a machine where nothing is set and no file is there."""
    monkeypatch.chdir(tmp_path)
    for cls in settings_classes():
        cls()


def test_json_has_one_object_per_setting(monkeypatch, tmp_path):
    """`settings --json` is a list of name, type, default, meaning and what it is now, sorted by name."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["settings", "--json"])
    assert result.exit_code == 0
    listed = json.loads(result.stdout)
    names = [entry["name"] for entry in listed]
    assert names == sorted(set(names))
    keys = {"name", "type", "default", "meaning", "value", "source", "secret"}
    assert all(set(entry) == keys for entry in listed)
    by_name = {entry["name"]: entry for entry in listed}
    assert by_name["SIGHTGLASS_DATA_DIR"]["default"] == ".sightglass"
    assert by_name["SIGHTGLASS_ML_API_PORT"] == {
        "name": "SIGHTGLASS_ML_API_PORT", "type": "int", "default": 8002, "meaning": "Port to listen on.",
        "value": 8002, "source": "default", "secret": False,
    }  # fmt: skip


def test_what_the_collector_s_files_read_is_listed():
    """Every variable of ours in collector/*.yaml is a listed setting, but for one that follows from another."""
    read = {
        name
        for file in (ROOT / "collector").glob("*.yaml")
        for name in re.findall(r"env:(SIGHTGLASS_[A-Z_]+)", file.read_text())
    }
    derived = {"SIGHTGLASS_COLLECTOR_QUEUE_DIR"}
    assert read - {setting.name for setting in all_settings()} == derived
