"""`sightglass demo --check` as a user runs it, twice on the same folder."""

import json

import pytest

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
