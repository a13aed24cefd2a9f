"""The alert worker is killed again and again while rules fire and resolve; the full count is `make chaos`."""

import pytest

from tests.chaos.alert_kills import run
from tests.chaos.kill_outcome import Outcome, text

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

KILLS = 20


def test_kills_lose_no_notification_and_repeat_only_what_was_under_way(tmp_path):
    """Every promised message arrives, again only when a kill in between cut off its send, each group's in order."""
    outcome = run(tmp_path, KILLS, seed=20)
    nothing_wrong = Outcome(
        kills=KILLS,
        seconds=outcome.seconds,
        fired=outcome.fired,
        messages=outcome.messages,
        cut_off=outcome.cut_off,
        repeated=outcome.repeated,
        repetitions=outcome.repetitions,
        hit=outcome.hit,
    )
    assert outcome == nothing_wrong, text(outcome)
    assert outcome.fired > 0
    assert all(outcome.messages.values())
