"""The command `sightglass` of a machine where it runs by systemd; `make deploy-check` runs it."""

import runpy

import pytest

from tests.deploy.compose_file import DEPLOY

COMMAND = runpy.run_path(str(DEPLOY / "systemd" / "sightglass"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('SIGHTGLASS_X=["a","b"]', {"SIGHTGLASS_X": '["a","b"]'}),
        ("SIGHTGLASS_X = 'a b' ", {"SIGHTGLASS_X": "a b"}),
        ('SIGHTGLASS_X="a"', {"SIGHTGLASS_X": "a"}),
        ("# SIGHTGLASS_X=a", {}),
        ("; SIGHTGLASS_X=a", {}),
        ("", {}),
    ],
)
def test_its_files_are_read_as_systemd_reads_them(tmp_path, line, found):
    """Values keep what is within them, and lose the quotes around them; remarks are none."""
    file = tmp_path / "sightglass.env"
    file.write_text(f"{line}\n")
    assert COMMAND["settings_of"](file) == found


def test_what_the_caller_sets_wins(tmp_path):
    """Defaults of the units, then the two files, then the caller's variables; of root's own home nothing stays."""
    (tmp_path / "sightglass.env").write_text("SIGHTGLASS_AUTH=on\nSIGHTGLASS_COLLECTOR_BINARY=/opt/otelcol\n")
    (tmp_path / "channels.env").write_text("SMTP_PASSWORD='from a file'\n")
    caller = {"SIGHTGLASS_TOKEN": "mine", "SIGHTGLASS_AUTH": "auto", "HOME": "/root", "XDG_CACHE_HOME": "/root/.cache"}
    given = COMMAND["environment"](caller, tmp_path)
    assert given["SIGHTGLASS_TOKEN"] == "mine"
    assert given["SIGHTGLASS_AUTH"] == "auto"
    assert given["SIGHTGLASS_COLLECTOR_BINARY"] == "/opt/otelcol"
    assert given["SIGHTGLASS_DATA_DIR"] == "/var/lib/sightglass"
    assert given["SMTP_PASSWORD"] == "from a file"
    assert given["HOME"] == "/var/lib/sightglass"
    assert "XDG_CACHE_HOME" not in given


@pytest.mark.parametrize(
    "name", ["SIGHTGLASS_COLLECTOR_OVERLAYS", "SIGHTGLASS_COLLECTOR_BINARY", "SIGHTGLASS_DATA_DIR"]
)
def test_its_defaults_are_those_of_the_unit(name):
    """What the Collector's unit sets is what the command believes."""
    unit = (DEPLOY / "systemd" / "sightglass-collector.service").read_text()
    assert f"{name}={COMMAND['DEFAULTS'][name]}" in unit


@pytest.mark.parametrize(
    ("known", "sudo", "kept"),
    [
        ("4294967295", "1000", "1000"),
        ("4294967295", None, "4294967295"),
        ("4294967295", "ann", "4294967295"),
        ("0", "1000", "0"),
        ("1001", "1000", "1001"),
    ],
)
def test_who_called_sudo_is_kept_where_no_login_is_known(tmp_path, known, sudo, kept):
    """A login that the kernel knows stays, whatever a variable says; without one sudo's number is the best there is."""
    login = tmp_path / "loginuid"
    login.write_text(known)
    COMMAND["keep_the_caller"]({} if sudo is None else {"SUDO_UID": sudo}, login)
    assert login.read_text() == kept
    COMMAND["keep_the_caller"]({"SUDO_UID": "1000"}, tmp_path / "none")
    assert not (tmp_path / "none").exists()
