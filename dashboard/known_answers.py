"""Answers that the dashboard has already, by the ETag that the API gave them."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from dashboard.answers import Answer

_MOST_BYTES: Final = 8_000_000
# One answer may take so much of them, lest one long range push everybody's pages out.
_LARGEST_PART: Final = 4
# What a parsed answer takes in memory, more or less, for each byte that it came as.
_GROWTH: Final = 6


@dataclass(frozen=True, slots=True)
class Known:
    """An answer and its name.

    Attributes:
        etag: what the API is asked whether it still holds.
        answer: the answer, parsed; frozen, so that whoever is given it again finds it as it was.
        size: bytes of memory, about.
    """

    etag: str
    answer: Answer
    size: int


class KnownAnswers:
    """The answers given last, up to a number of bytes; the least recently used go first. Safe to share between threads.

    Args:
        max_bytes: about how much memory they may take; 0 keeps none.
    """

    def __init__(self, max_bytes: int = _MOST_BYTES) -> None:
        self._max_bytes = max_bytes
        self._answers: OrderedDict[Hashable, Known] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> Known | None:
        """The answer that was last given to a question."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def keep(self, key: Hashable, etag: str, answer: Answer, body_bytes: int) -> None:
        """Keep an answer in place of the last one to the same question.

        Args:
            key: all that the answer depends on, whose rights it was asked with included.
            etag: the answer's name.
            answer: the answer.
            body_bytes: how long it was as it came.
        """
        known = Known(etag, answer, 1_000 + _GROWTH * body_bytes)
        with self._lock:
            before = self._answers.pop(key, None)
            self._size -= before.size if before else 0
            if known.size * _LARGEST_PART > self._max_bytes:
                return
            self._answers[key] = known
            self._size += known.size
            while self._size > self._max_bytes:
                _, dropped = self._answers.popitem(last=False)
                self._size -= dropped.size
