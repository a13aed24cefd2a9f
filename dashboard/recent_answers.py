"""Answers that take long and change slowly, kept for a moment, so that another look at them asks nobody."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final

from dashboard.api_client import ApiClient, Question
from dashboard.api_errors import ApiError

SECONDS: Final = 30.0
_MOST: Final = 128


class RecentAnswers:
    """Answers by who asked and what; failures are not kept.

    Args:
        seconds: how long an answer is kept.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def ask_all(
        self,
        client: ApiClient,
        rights: str,
        questions: Sequence[Question[Any]],
        *,
        anew: Sequence[Question[Any]] = (),
    ) -> list[Any]:
        """For each question its answer or the `ApiError` that stands for it; those that are kept are not asked.

        Args:
            client: asks the others, all at once.
            rights: what answers are shared by, so that nobody is shown what only others may see.
            questions: to ask.
            anew: more questions, asked at the same time whatever is kept; their answers come last, and are kept too.
        """
        keys = [_key(rights, question) for question in questions]
        known = self._known(keys)
        missing = {key: question for key, question in zip(keys, questions, strict=True) if key not in known}
        found = client.ask_all([*missing.values(), *anew])
        answers = dict(zip(missing, found[: len(missing)], strict=True))
        of_now = {_key(rights, question): answer for question, answer in zip(anew, found[len(missing) :], strict=True)}
        with self._lock:
            for key, answer in (*answers.items(), *of_now.items()):
                if isinstance(answer, ApiError):
                    continue
                self._kept[key] = (self._clock(), answer)
                self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return [*(known[key] if key in known else answers[key] for key in keys), *found[len(missing) :]]

    def knows(self, rights: str, questions: Sequence[Question[Any]]) -> bool:
        """Whether none of these would have to be asked."""
        keys = {_key(rights, question) for question in questions}
        return len(self._known(keys)) == len(keys)

    def _known(self, keys: Iterable[Hashable]) -> dict[Hashable, Any]:
        with self._lock:
            oldest = self._clock() - self._seconds
            return {key: self._kept[key][1] for key in keys if key in self._kept and self._kept[key][0] >= oldest}


def _key(rights: str, question: Question[Any]) -> Hashable:
    return rights, question.path, question.parameters
