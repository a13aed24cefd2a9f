"""Setting up a checkout: what the script says and decides, without installing anything."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import bootstrap

SOURCE = Path(bootstrap.__file__)


def test_an_old_python_can_say_that_it_is_too_old():
    """The script parses on Python 3.7 and imports the standard library only, so it gets as far as its message."""
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 7))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= sys.stdlib_module_names


def test_a_machine_without_a_recent_python_is_told_what_installs_one(monkeypatch):
    """The sentence names what is there, what is needed and the command."""
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    found = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(bootstrap.shutil, "which", found.get)
    with pytest.raises(
        bootstrap.Lack, match=r"needs 3\.11 or newer: .*apt-get install -y python3\.11 python3\.11-venv"
    ):
        bootstrap.find_python()


def test_a_newer_python_on_path_is_taken(monkeypatch, tmp_path):
    """Where `python3` is old but `python3.13` is there, that one is used."""
    python = tmp_path / "python3.13"
    python.symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(bootstrap.shutil, "which", {"python3.13": str(python)}.get)
    assert bootstrap.find_python() == str(python)


def test_a_machine_without_venv_is_told_what_installs_it(monkeypatch):
    """Debian's python3 without python3-venv is recognised before anything is made."""
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda *_, **__: 1)
    monkeypatch.setattr(bootstrap.shutil, "which", {"apt-get": "/usr/bin/apt-get"}.get)
    with pytest.raises(bootstrap.Lack, match=r"lacks the venv module: .*apt-get install -y python3-venv"):
        bootstrap.find_python()


def test_a_full_disk_is_told_before_the_download(monkeypatch, tmp_path):
    """Too little room ends the set-up at once, with the figures."""
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "none")
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 30}))
    with pytest.raises(bootstrap.Lack, match=r"1\.0 GiB free .* needs 4"):
        bootstrap.install_uv(sys.executable)


def test_the_size_of_the_download_is_counted_for_this_machine():
    """What is announced counts one file per package, this machine's."""
    packages, size = bootstrap.download_size()
    assert 80 < packages < 300
    assert 300 << 20 < size < 1500 << 20


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("click-8.5.1-py3-none-any.whl", True),
        ("six-1.17.0-py2.py3-none-any.whl", True),
        ("chdb_core-26.9.0-cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", True),
        ("chdb_core-26.9.0-cp39-abi3-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", False),
        ("chdb_core-26.9.0-cp39-abi3-macosx_11_0_arm64.whl", False),
        ("numpy-2.4.6-cp39-cp39-manylinux_2_28_x86_64.whl", False),
        ("numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl", False),
        ("pywin32-311-cp311-cp311-win_amd64.whl", False),
    ],
)
def test_which_file_of_a_package_is_meant(monkeypatch, wheel, fits):
    """A wheel for another system, processor or Python is not counted."""
    monkeypatch.setattr(bootstrap.sys, "platform", "linux")
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: "x86_64")
    assert bootstrap.fits(wheel) is fits


def test_a_second_run_has_nothing_to_do(monkeypatch, tmp_path):
    """The stamp in the environment is believed until the lock file or the project changes."""
    (tmp_path / "uv.lock").write_text("1")
    (tmp_path / "pyproject.toml").write_text("1")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    assert not bootstrap.is_synced("/usr/bin/python3")
    (tmp_path / ".venv" / ".set-up").write_text(bootstrap.stamp_of("/usr/bin/python3"))
    assert bootstrap.is_synced("/usr/bin/python3")
    assert not bootstrap.is_synced("/usr/bin/python3.12")
    (tmp_path / "uv.lock").write_text("2")
    assert not bootstrap.is_synced("/usr/bin/python3")


def test_a_lack_is_one_line_without_a_traceback(tmp_path):
    """Whoever runs it sees a sentence, not a stack."""
    code = (
        "import sys; sys.argv = ['bootstrap.py']; sys.version_info = (3, 9, 2)\n"
        "from services.cli import bootstrap\n"
        "bootstrap.shutil.which = lambda name: None\n"
        "bootstrap.main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Set-up stopped. This machine's newest Python is")
    assert len(result.stderr.splitlines()) == 1
