"""Answers that take long and change slowly, kept for a moment, so that another look at them asks nobody."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
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
            anew: more questions, asked at the same time whatever is kept; their answers come last.
        """
        keys = [(rights, question.path, question.parameters) for question in questions]
        with self._lock:
            oldest = self._clock() - self._seconds
            known = {key: self._kept[key][1] for key in keys if key in self._kept and self._kept[key][0] >= oldest}
        missing = {key: question for key, question in zip(keys, questions, strict=True) if key not in known}
        found = client.ask_all([*missing.values(), *anew])
        answers = dict(zip(missing, found[: len(missing)], strict=True))
        with self._lock:
            for key, answer in answers.items():
                if isinstance(answer, ApiError):
                    continue
                self._kept[key] = (self._clock(), answer)
                self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return [*(known[key] if key in known else answers[key] for key in keys), *found[len(missing) :]]
