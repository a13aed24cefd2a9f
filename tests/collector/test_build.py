"""Building the Collector: once, whole or not at all, with a reason when it fails. `go` is a script here."""

import subprocess
import threading

import pytest

from services.cli.collector import build as builder
from services.cli.collector.build import BuildError, build
from services.cli.collector.cache import BUILDER_CONFIG, cached_binary
from services.cli.collector.toolchain import machine_go
from tests.collector.test_resolve import program

VERSION = 'if [ "$1" = version ]; then echo "go version go1.26.1 linux/amd64"; exit; fi\n'
# `go run builder --config FILE`: writes the program where the file says.
WORKS = VERSION + (
    'echo "go: downloading x v1"; printf "T\\tINFO\\tx\\tCompiling\\n"; sleep 0.3\n'
    "out=$(sed -n 's/^ *output_path: //p' \"$4\"); name=$(sed -n 's/^ *name: //p' \"$4\")\n"
    'mkdir -p "$out"; echo built >> "$COUNT"; echo whole > "$out/$name"'
)


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Puts a `go` of the given text first on PATH and returns the file that counts its builds."""

    def make(text):
        program(tmp_path / "bin" / "go", text)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        monkeypatch.setenv("COUNT", str(tmp_path / "count"))
        return tmp_path / "count"

    return make


def test_two_builds_at_once_make_one(tmp_path, go):
    """The second waits, says so, and takes the first's result."""
    count = go(WORKS)
    said = []
    threads = [threading.Thread(target=build, args=(BUILDER_CONFIG, tmp_path, said.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert cached_binary(BUILDER_CONFIG, tmp_path).read_text() == "whole\n"
    assert count.read_text() == "built\n"
    assert any("waiting" in line for line in said)
    assert any("Compiling" in line for line in said)


def test_a_failed_build_leaves_nothing_and_says_why(tmp_path, go):
    """The builder's last words are in the error; the cache has no half of a binary, and no scratch folder."""
    go(VERSION + 'echo "cannot find module"; exit 3')
    with pytest.raises(BuildError, match="cannot find module"):
        build(BUILDER_CONFIG, tmp_path, lambda _: None)
    target = cached_binary(BUILDER_CONFIG, tmp_path)
    assert [path.name for path in target.parent.iterdir()] == ["lock"]


def test_a_build_that_was_killed_is_cleared_away(tmp_path, go):
    """What a killed build left behind goes when the next one runs."""
    go(WORKS)
    leftover = cached_binary(BUILDER_CONFIG, tmp_path).parent / "build-left"
    leftover.mkdir(parents=True)
    build(BUILDER_CONFIG, tmp_path, lambda _: None)
    assert not leftover.exists()


def test_an_interrupted_build_stops_its_compiler(tmp_path, go, monkeypatch):
    """When the caller is interrupted, the compiler is not left running."""
    go(VERSION + "echo start; exec sleep 60")
    processes = []
    start = subprocess.Popen

    def remembered(*arguments, **options):
        processes.append(start(*arguments, **options))
        return processes[-1]

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(builder.subprocess, "Popen", remembered)
    monkeypatch.setattr(builder, "_lines", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(BUILDER_CONFIG, tmp_path, lambda _: None)
    assert processes[-1].poll() is not None


@pytest.mark.parametrize(("version", "used"), [("1.26.0", True), ("1.27.3", True), ("1.25.9", False), ("devel", False)])
def test_only_a_recent_go_is_used(tmp_path, version, used):
    """An older Go could not compile these modules without fetching another toolchain."""
    found = program(tmp_path / "go", f"echo go version go{version} linux/amd64")
    assert machine_go(str(tmp_path)) == (found if used else None)
