"""`sightglass demo` as a user runs it: `--check` twice on the same folder, and as a newcomer does."""

import json
import signal
import subprocess
import sys

import pytest

from services.monitoring_api.mail_catcher.mailbox import Mailbox
from tests.integration.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

DAYS = "0.06"


def test_what_was_sent_is_what_is_stored_also_the_second_time(tmp_path):
    """Backfill and live flights agree in every row, everything is stopped, and a second run agrees and only adds."""
    stack = Stack(tmp_path)
    stack.prepare()
    try:
        first = stack.cli("demo", "--check", "--json", "--days", DAYS, timeout=300)
        assert first.returncode == 0, first.stdout + first.stderr
        assert stack.cli("status").returncode != 0, "it stops what it started"
        second = stack.cli("demo", "--check", "--json", "--days", DAYS, timeout=300)
        assert second.returncode == 0, second.stdout + second.stderr
        assert stack.cli("up", "--only", "clickhouse").returncode == 0
        references = stack.clickhouse("SELECT ModelName, length(ScoreEdges) > 1000 FROM model_references FINAL")
        assert sample_mails(stack) == [], "a check sends none"
        assert list(references) == [("flight-delay", 1)], "what the model was trained on is there without a command"
    finally:
        stack.stop()
    before, after = (json.loads(run.stdout) for run in (first, second))
    for result in (before, after):
        assert result["agrees"] is True
        assert result["visible_after_seconds"]["unseen"] == 0
        assert 0 < result["visible_after_seconds"]["p50"] <= result["visible_after_seconds"]["p95"]
    sent = {row["what"]: row["sent"] for row in before["rows"]}
    assert sent["predictions"] > 500
    assert sent["requests"] == sent["predictions"] + sent["labels"]
    later = {row["what"]: row["sent"] for row in after["rows"]}
    assert later["predictions"] >= sent["predictions"]


def test_a_newcomer_finds_a_mail_without_asking(tmp_path):
    """The first start leaves one test mail with a picture in the data folder, and says where it is shown."""
    stack = Stack(tmp_path)
    stack.prepare()
    try:
        ready = shown_until_ready(stack)
        (mail,) = sample_mails(stack)
    finally:
        stack.stop()
    assert "data:image/png" in mail.html
    assert f"{stack.url('dashboard')}/alerts?section=mails" in ready
    assert "`sightglass channels test demo-mail`" in ready


def sample_mails(stack):
    """The mails of its data folder that are tests of the demo's channel."""
    return [mail for mail in Mailbox(stack.data_dir).mails() if "A test of the channel demo-mail" in mail.subject]


def shown_until_ready(stack):
    """Run the demo until it is ready, end it with Ctrl-C, and return what it printed."""
    command = [sys.executable, "-m", "sightglass", "demo", "--no-traffic", "--days", "0.01"]
    environment = {**stack.env, "COLUMNS": "300"}
    with subprocess.Popen(command, env=environment, cwd=stack.folder, stdout=subprocess.PIPE, text=True) as demo:
        shown = []
        for line in demo.stdout:
            shown.append(line)
            if line.startswith("Ctrl-C"):
                break
        demo.send_signal(signal.SIGINT)
        shown += demo.stdout.readlines()
    return "".join(shown)
