"""What a look at a page gives in place of what it is not told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dashboard.answers import Alerts, Catalogue
from dashboard.api_client import Question
from dashboard.api_errors import ApiDeniedError, ApiRefusedError, StoreUnavailableError
from dashboard.last_known import Look, looks_back, under

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
AWAY = StoreUnavailableError("away")


def question(path: str = "/a", **parameters: str) -> Question[Alerts]:
    """A question with these parameters."""
    return Question(path, Alerts, tuple(parameters.items()))


def told(*asked: tuple[Question[Any], Any]) -> dict[Any, Any]:
    """What is kept after a look in which these were answered."""
    kept: dict[Any, Any] = {}
    look = Look(kept, NOW)
    for each, answer in asked:
        assert look.settle(each, answer) is answer
    assert look.end()
    return kept


def test_a_failure_that_may_pass_is_replaced_and_dated() -> None:
    """By the answer to the same question; the oldest of all that was replaced dates the look."""
    one, two = Alerts(), Alerts()
    kept = told((question(x="1"), one), (question(x="2"), two))
    later = Look(kept, NOW + timedelta(minutes=1))
    assert later.settle(question(x="2"), two) is two
    assert later.failure is None
    assert later.settle(question(x="1"), AWAY) is one
    assert (later.failure, later.since) == (AWAY, NOW)
    later.end()
    latest = Look(kept, NOW + timedelta(minutes=2))
    latest.settle(question(x="2"), AWAY)
    assert latest.since == NOW + timedelta(minutes=1)
    latest.settle(question(x="1"), AWAY)
    assert latest.since == NOW


def test_what_is_unknown_or_refused_stays_so() -> None:
    """Another question, another shape, a denial and a refusal are answered by nothing that was known."""
    look = Look(told((question(x="1"), Alerts())), NOW)
    denied, refused = ApiDeniedError("no"), ApiRefusedError("no")
    assert look.settle(question(x="3"), AWAY) is AWAY
    assert look.settle(question("/b", x="1"), AWAY) is AWAY
    assert look.settle(Question("/a", Catalogue, (("x", "1"),)), AWAY) is AWAY
    assert look.settle(question(x="1"), denied) is denied
    assert look.settle(question(x="1"), refused) is refused
    assert look.failure is None
    assert not look.end()


def test_a_range_that_ends_now_is_the_same_question() -> None:
    """Asked for by its times it is known all the same, and only its last answer is kept; of two alike neither is."""
    first, second = Alerts(), Alerts()
    kept = told((question(x="1", to="12:00"), first))
    look = Look(kept, NOW)
    look.settle(question(x="1", to="12:01"), second)
    look.end()
    assert [answer for _, answer in kept.values()] == [second]
    assert Look(kept, NOW).settle(question(x="1", to="12:02"), AWAY) is second
    both = told((question(x="1", to="11:00"), first), (question(x="1", to="12:00"), second))
    assert Look(both, NOW).settle(question(x="1", to="12:02"), AWAY) is AWAY
    assert Look(both, NOW).settle(question(x="1", to="11:00"), AWAY) is first


def test_only_within_a_look_that_replaced_something_is_the_page_old() -> None:
    """Before, after, and in a look that is told everything it is not."""
    with under(Look(told((question(), Alerts())), NOW)) as look:
        assert not looks_back()
        look.settle(question(), AWAY)
        assert looks_back()
    assert not looks_back()
