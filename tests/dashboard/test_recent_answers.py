"""Answers that are kept for a moment."""

from collections.abc import Sequence
from typing import Any

from dashboard.api_client import Question
from dashboard.api_errors import ApiError
from dashboard.model_answers import Models
from dashboard.recent_answers import RecentAnswers


class Counting:
    """A client that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False

    def ask_all(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """An answer for each."""
        self.asked += [question.path for question in questions]
        return [ApiError("no") if self.fails else Models() for _ in questions]


def test_an_answer_is_asked_once_in_its_time_by_rights() -> None:
    """Others with other rights ask for themselves; after half a minute it is asked anew; failures are not kept."""
    now = [0.0]
    kept, client = RecentAnswers(30, lambda: now[0]), Counting()
    one, other = Question("/a", Models), Question("/b", Models)
    kept.ask_all(client, "r", [one, other])  # type: ignore[arg-type]
    kept.ask_all(client, "r", [other, one, one])  # type: ignore[arg-type]
    assert client.asked == ["/a", "/b"]
    kept.ask_all(client, "s", [one])  # type: ignore[arg-type]
    assert client.asked == ["/a", "/b", "/a"]
    now[0] = 31
    client.fails = True
    (failed,) = kept.ask_all(client, "r", [one])  # type: ignore[arg-type]
    assert isinstance(failed, ApiError)
    client.fails = False
    (again,) = kept.ask_all(client, "r", [one])  # type: ignore[arg-type]
    assert isinstance(again, Models)
    assert client.asked[3:] == ["/a", "/a"]


def test_what_is_asked_anew_goes_along_and_is_kept_for_others() -> None:
    """One batch; its answers come last, and it is asked again each time that it is to be of now, and only then."""
    kept, client = RecentAnswers(30, lambda: 0.0), Counting()
    one, other = Question("/a", Models), Question("/b", Models)
    for _ in range(2):
        assert len(kept.ask_all(client, "r", [one], anew=[other])) == 2  # type: ignore[arg-type]
    assert client.asked == ["/a", "/b", "/b"]
    assert len(kept.ask_all(client, "r", [other, one])) == 2  # type: ignore[arg-type]
    assert client.asked == ["/a", "/b", "/b"]


def test_whether_an_answer_is_there_is_told_by_rights() -> None:
    """All of them, for whom they were asked, as long as they are kept."""
    now = [0.0]
    kept, client = RecentAnswers(30, lambda: now[0]), Counting()
    one, other = Question("/a", Models), Question("/b", Models)
    kept.ask_all(client, "r", [], anew=[one])  # type: ignore[arg-type]
    assert kept.knows("r", [one, one])
    assert not kept.knows("r", [one, other])
    assert not kept.knows("s", [one])
    now[0] = 31
    assert not kept.knows("r", [one])
