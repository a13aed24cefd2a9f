"""Which Collector is used: the named one, the cached build, one on PATH, a build."""

import os
from pathlib import Path

import pytest

from services.cli.collector import CollectorBinaryError, CollectorSettings, binary_path, command
from services.cli.collector.cache import BUILDER_CONFIG, build_key, cached_binary


def program(path: Path, text: str) -> Path:
    """Writes an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def root(tmp_path):
    """An empty cache folder."""
    return tmp_path / "cache"


def contrib(folder: Path, version: str) -> Path:
    """An `otelcol-contrib` that says it has this version."""
    return program(folder / "otelcol-contrib", f"echo otelcol-contrib version {version}")


def test_a_named_path_wins(tmp_path, root):
    """What the user names is used, even when the cache has a build."""
    program(cached_binary(BUILDER_CONFIG, root), "")
    named = program(tmp_path / "mine", "")
    assert binary_path(named, root=root) == named


@pytest.mark.parametrize("kind", ["missing", "not executable"])
def test_a_named_path_that_cannot_be_used_is_an_error(tmp_path, root, kind):
    """A wrong path is not silently replaced by another Collector."""
    program(cached_binary(BUILDER_CONFIG, root), "")
    named = tmp_path / "mine"
    if kind == "not executable":
        named.write_text("")
    with pytest.raises(CollectorBinaryError, match=str(named)):
        binary_path(named, root=root)


def test_the_cached_build_comes_before_path(tmp_path, root):
    """A build of this list of components is preferred to an installed otelcol-contrib."""
    cached = program(cached_binary(BUILDER_CONFIG, root), "")
    contrib(tmp_path / "bin", "0.161.0")
    assert binary_path(root=root, search_path=str(tmp_path / "bin")) == cached


@pytest.mark.parametrize(("version", "used"), [("0.161.0", True), ("0.161.3", True), ("0.160.0", False), ("x", False)])
def test_only_a_supported_otelcol_contrib_is_used(tmp_path, root, version, used):
    """An otelcol-contrib of another minor version may not know these configuration keys."""
    installed = contrib(tmp_path / "bin", version)
    search_path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if used:
        assert binary_path(root=root, search_path=search_path, build_missing=False) == installed
    else:
        with pytest.raises(CollectorBinaryError, match="sightglass collector build"):
            binary_path(root=root, search_path=search_path, build_missing=False)


def test_a_reworded_comment_keeps_the_build_and_a_component_does_not(tmp_path):
    """The cache key follows the content of the list, not its wording."""
    text = BUILDER_CONFIG.read_text()
    commented, changed = tmp_path / "commented.yaml", tmp_path / "changed.yaml"
    commented.write_text(f"# another comment\n{text}")
    changed.write_text(text.replace("filterprocessor", "otherprocessor"))
    assert build_key(commented) == build_key(BUILDER_CONFIG) != build_key(changed)


def test_the_command_carries_no_secret(tmp_path):
    """The password is named by its file only; moved ports and folders are in the environment."""
    settings = CollectorSettings(_env_file=None, data_dir=tmp_path, http_port=5555, overlays=("production",))
    settings.password_file.parent.mkdir(parents=True)
    settings.password_file.write_text("topsecret")
    arguments, variables = command(settings, Path("/x/otelcol"), environ={"PATH": "/bin"})
    assert arguments[0] == "/x/otelcol"
    assert [Path(each).name for each in arguments[2::2]] == ["config.yaml", "config.production.yaml"]
    assert variables["SIGHTGLASS_COLLECTOR_HTTP_PORT"] == "5555"
    assert "SIGHTGLASS_COLLECTOR_FSYNC" not in variables  # the overlay's default holds
    assert variables["SIGHTGLASS_COLLECTOR_QUEUE_DIR"] == str(tmp_path / "collector" / "queue")
    assert "topsecret" not in " ".join([*arguments, *variables.values()])
