"""What a page was told last, given again while the API is away, and from when it is."""

import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final, TypeVar

from dashboard.answers import Answer
from dashboard.api_client import ApiClient, ApiConnection, Question
from dashboard.api_errors import ApiError
from dashboard.identity import Identity

A = TypeVar("A", bound=Answer)
Key = tuple[str, tuple[tuple[str, str], ...]]
Kept = MutableMapping[Key, tuple[datetime, Any]]
_RANGE: Final = frozenset({"from", "to"})


class Look:
    """One look at a page: it keeps what is answered, and what is not it replaces by what was kept before.

    Args:
        kept: answers of earlier looks at the same state of the page, each with its time.
        at: the time of this look.

    Attributes:
        failure: why something had to be replaced; None while nothing was.
        since: from when the oldest of what was replaced is.
    """

    def __init__(self, kept: Kept, at: datetime) -> None:
        self.failure: ApiError | None = None
        self.since: datetime | None = None
        self._kept = kept
        self._at = at
        self._told: dict[Key, tuple[datetime, Any]] = {}
        self._lock = threading.Lock()  # questions go out in parallel

    def settle(self, question: Question[A], answer: A | ApiError) -> A | ApiError:
        """The answer; in place of a failure that may pass, what was known. What is refused stays refused."""
        key = (question.path, tuple(question.parameters))
        with self._lock:
            if not isinstance(answer, ApiError):
                self._told[key] = (self._at, answer)
                return answer
            found = self._find(key) if answer.passing else None
            if found is None or not isinstance(found[1], question.answer):
                return answer
            self.failure = self.failure or answer
            self.since = min(self.since or found[0], found[0])
            return found[1]

    def end(self) -> bool:
        """Keep what was told, in place of what the same questions were told before; say whether there was anything."""
        with self._lock:
            ranges = {_but_range(key) for key in self._told}
            for key in [key for key in self._kept if _but_range(key) in ranges and key not in self._told]:
                del self._kept[key]
            self._kept.update(self._told)
            return bool(self._told)

    def _find(self, key: Key) -> tuple[datetime, Any] | None:
        if key in self._kept:
            return self._kept[key]
        # A range that ends now was asked for by its times: then the same question has another name each second.
        alike = [kept for other, kept in self._kept.items() if _but_range(other) == _but_range(key)]
        return alike[0] if len(alike) == 1 else None


_LOOK: ContextVar[Look | None] = ContextVar("look", default=None)


def present_look() -> Look | None:
    """The look that is under way here; None outside of any."""
    return _LOOK.get()


def looks_back() -> bool:
    """Whether the look that is under way shows something old, so that nobody may take it for new."""
    look = _LOOK.get()
    return look is not None and look.failure is not None


@contextmanager
def under(look: Look) -> Iterator[Look]:
    """Let every question that is asked within belong to a look."""
    token = _LOOK.set(look)
    try:
        yield look
    finally:
        _LOOK.reset(token)


class LastingClient(ApiClient):
    """A client whose failures a look may replace.

    Args:
        connection: to the API.
        identity: who asks.
        look: what the questions belong to.
    """

    def __init__(self, connection: ApiConnection, identity: Identity, look: Look) -> None:
        super().__init__(connection, identity)
        self._look = look

    def ask(self, question: Question[A]) -> A:
        """Ask one question.

        Raises:
            ApiError: There is no answer, and none is known.
        """
        answer: A | ApiError
        try:
            answer = super().ask(question)
        except ApiError as error:
            answer = error
        settled = self._look.settle(question, answer)
        if isinstance(settled, ApiError):
            raise settled
        return settled


def _but_range(key: Key) -> Key:
    return key[0], tuple(pair for pair in key[1] if pair[0] not in _RANGE)
