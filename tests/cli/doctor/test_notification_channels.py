"""The doctor looks whether alerts could reach people, and sends nothing."""

import pytest

from services.cli.doctor.check import Verdict
from services.cli.doctor.notification_channels import check_channels
from tests.notify.receivers import HttpReceiver, SmtpReceiver


def look(folder, entries: str, *, worker_is_here: bool = True, **environment: str):
    """Check a file with these channels."""
    path = folder / "notifications.yaml"
    path.write_text(f"channels:\n{entries}\n")
    return check_channels(path, {"SIGHTGLASS_DATA_DIR": str(folder), **environment}, worker_is_here=worker_is_here)


def test_receivers_that_answer_are_well(tmp_path):
    """Every kind that reaches out is connected to, none is sent a message, and the real test is named."""
    with SmtpReceiver() as mails, HttpReceiver() as hooks:
        check = look(
            tmp_path,
            f"- {{name: m, type: email, host: 127.0.0.1, port: {mails.port}, tls: none, from: a@b, to: [a@b]}}\n"
            f"- {{name: h, type: webhook, url: '{hooks.url}', allow: [127.0.0.1]}}\n"
            "- {name: s, type: slack, url_env: U, allow_private: true}\n- {name: l, type: log}",
            U=hooks.url,
        )
        assert (check.verdict, "m, h, s, l" in check.found) == (Verdict.OK, True), check
        assert "sightglass channels test NAME" in check.found
        assert (mails.mails, hooks.requests) == ([], [])


@pytest.mark.parametrize(
    ("entries", "verdict", "found"),
    [
        ("- {name: l, type: log}", Verdict.OK, "none of them reaches people"),
        ("- {name: s, type: slack, url_env: NOWHERE}", Verdict.WARNING, "not set here: NOWHERE"),
        ("- {name: h, type: webhook, url: 'http://127.0.0.1:1/'}", Verdict.FAILED, "h: 127.0.0.1:1 is not called"),
        ("- {name: h, type: webhook, url_file: /nowhere/x}", Verdict.FAILED, "can't read the secret file"),
        ("- {name: d, type: demo-mail}", Verdict.FAILED, "d: no worker takes mails"),
        ("- {name: x, type: pager}", Verdict.FAILED, "notifications.yaml:2"),
    ],
)
def test_what_is_not_well_is_named(tmp_path, entries, verdict, found):
    """With the channel and its reason; a variable that only this shell lacks is a warning."""
    check = look(tmp_path, entries)
    assert check.verdict is verdict, check
    assert found in check.found
    assert check.remedy or verdict is Verdict.OK


def test_what_the_worker_keeps_elsewhere_is_not_looked_for(tmp_path):
    """Beside containers or other machines the demo's mails can't be seen."""
    check = look(tmp_path, "- {name: d, type: demo-mail}", worker_is_here=False)
    assert check.verdict is Verdict.SKIPPED
