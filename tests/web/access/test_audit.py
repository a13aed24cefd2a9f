"""The audit log: whole lines from several writers at once, and a clear word when it can't be written."""

import json
import os
import pwd

import pytest

from services.web.access.audit import Action, AuditError, AuditLog, local_actor
from tests.at_once import run_at_once

WRITE = """
from pathlib import Path
from services.web.access.audit import Action, AuditLog
log = AuditLog(Path("audit"), "ml-api")
for each in range(200):
    log.record(Action("model.promote", f"{NUMBER}-{each}-" + "x" * 5000, "ci", "ok"))
"""


def test_workers_that_write_at_once_make_whole_lines(tmp_path):
    """Four processes, 200 long lines each: 800 of them, none torn."""
    run_at_once(WRITE, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "audit" / "ml-api.jsonl").read_text().splitlines()]
    assert len({line["target"] for line in lines}) == len(lines) == 800


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path):
    """So it can be archived while the process runs."""
    log = AuditLog(tmp_path, "api")
    log.record(Action("a", None, "x", "ok"))
    (tmp_path / "api.jsonl").rename(tmp_path / "api.1.jsonl")
    log.record(Action("b", None, "x", "ok"))
    assert json.loads((tmp_path / "api.jsonl").read_text())["action"] == "b"


@pytest.mark.parametrize("method", ["check", "record"])
@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_what_cant_be_written_says_so(tmp_path, method, obstacle):
    """Naming the file and the setting; a link is not followed, for it may lead anywhere."""
    if obstacle == "file":
        (tmp_path / "audit").write_text("")
    else:
        (tmp_path / "audit").mkdir()
        (tmp_path / "audit" / "api.jsonl").symlink_to(tmp_path / "elsewhere")
    log = AuditLog(tmp_path / "audit", "api")
    arguments = (Action("a", None, "x", "ok"),) if method == "record" else ()
    with pytest.raises(AuditError, match=r"api\.jsonl \(SIGHTGLASS_AUDIT_DIR\) can't be written"):
        getattr(log, method)(*arguments)


def test_who_works_here_is_told_by_number_not_by_variables(monkeypatch, tmp_path):
    """LOGNAME and USER can be set to anything."""
    for name in ("LOGNAME", "USER", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")
    assert local_actor(tmp_path / "none") == f"local:{pwd.getpwuid(os.getuid()).pw_name}"


def test_whose_login_led_to_another_user_is_told_too(tmp_path):
    """As by sudo. One's own login, none, and what is no number say nothing; a number without a name stays one."""
    user = f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    other = next(entry for entry in pwd.getpwall() if entry.pw_uid != os.getuid())
    login = tmp_path / "loginuid"
    for number, said in (
        (other.pw_uid, f"{user}({pwd.getpwuid(other.pw_uid).pw_name})"),
        (987654321, f"{user}(987654321)"),
        (os.getuid(), user),
        (2**32 - 1, user),
        ("", user),
    ):
        login.write_text(str(number))
        assert local_actor(login) == said
