"""Several slots asked about at once: what an outage left out, or what a rule would have seen in history."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import TypeAlias

from services.monitoring_api.alerting.evaluation import Change, StoredAlert, ask
from services.monitoring_api.alerting.measurement import Answers, Measure
from services.monitoring_api.alerting.questions import Question

MeasureSlots: TypeAlias = Callable[[Sequence[Question], Sequence[float]], Awaitable[Sequence[Answers]]]
"""Answers all questions for each slot (epoch seconds, one after another at one distance); never raises."""


def one_by_one(measure: Measure) -> MeasureSlots:
    """Ask about each slot by itself."""

    async def ask(questions: Sequence[Question], slots: Sequence[float]) -> Sequence[Answers]:
        return [await measure(questions, slot) for slot in slots]

    return ask


async def ask_slots(
    questions: Iterable[Question], measure: MeasureSlots, slots: Sequence[float], *, timeout_seconds: float
) -> list[Answers]:
    """Ask the questions of several looks; whatever goes wrong comes back as text (see `ask`).

    Args:
        questions: All of them; what several rules ask is asked once.
        measure: Answers them.
        slots: The slots, epoch seconds.
        timeout_seconds: Longest wait for all of them.
    """
    asked = tuple(dict.fromkeys(questions))
    found: Mapping[float, Answers] = {}
    reason = ""
    try:
        async with asyncio.timeout(timeout_seconds):
            found = dict(zip(slots, await measure(asked, slots), strict=True))
    except TimeoutError:
        reason = f"no answer within {timeout_seconds:g} seconds"
    except Exception as error:  # a bug in a query must not stop the worker
        reason = f"{type(error).__name__}: {error}"

    async def of_slot(_questions: Sequence[Question], slot: float) -> Answers:
        return found.get(slot, dict.fromkeys(asked, reason))

    return [await ask(asked, of_slot, slot, timeout_seconds=timeout_seconds) for slot in slots]


def unanswered(answers: Iterable[Answers]) -> str | None:
    """Why there is not a single answer; None when there is one, or nothing was asked."""
    reason = None
    for each in answers:
        for answer in each.values():
            if not isinstance(answer, str):
                return None
            reason = answer
    return reason


def follow(stored: MutableMapping[str, StoredAlert], changes: Iterable[Change]) -> None:
    """Bring alerts to where a look left them, as the store would."""
    for change in changes:
        if change.forget:
            stored.pop(change.alert.fingerprint, None)
        else:
            stored[change.alert.fingerprint] = change.alert
