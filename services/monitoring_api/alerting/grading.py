"""Firings graded by what labels later said: pure arithmetic over two timelines.

In each slot a labelled figure says whether the predictions of the window before it were bad, not bad, or that too few
labels have come to say. Bad slots in a row are one episode, which lasts from the beginning of its first window to its
last slot. A firing is right when it overlaps with an episode, wrong when all windows that it overlaps with are known to
be fine, and else nobody can say.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from services.monitoring_api.alerting.bad_when import Definition

GroupKey: TypeAlias = tuple[str, ...]
Truth: TypeAlias = Mapping[GroupKey, Sequence[tuple[float, bool | None]]]
"""For each group and slot (epoch seconds) whether it was bad; None where labels do not say."""


class Verdict(StrEnum):
    """What labels say of a firing."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that an alert fired.

    Attributes:
        group: The values of what the definition groups by.
        fired_at: Since when.
        ended_at: Until when; the end of the range where it still fired then.
    """

    group: GroupKey
    fired_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class GradedFiring:
    """A firing, what labels say of it, and how many seconds before the labels it said so."""

    firing: Firing
    verdict: Verdict
    lead_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which the model was bad.

    Attributes:
        group: Whose.
        begins: When its first window begins.
        bad_at: The end of that window: the first slot that is bad.
        ends: Its last bad slot.
        found: Whether a firing overlaps with it.
    """

    group: GroupKey
    begins: float
    bad_at: float
    ends: float
    found: bool = False


@dataclass(frozen=True, slots=True)
class Grade:
    """How good a rule is at telling that the model is bad.

    Attributes:
        definition: What bad means.
        label_delay_seconds: How long labels take to come; None where that is unknown, and lead times then count from
            the figures that they make, as if they came at once.
        firings: Every firing, graded.
        episodes: Every time in which the model was bad.
        known_share: The share of slots for which labels say whether it was.
    """

    definition: Definition
    label_delay_seconds: float | None
    firings: tuple[GradedFiring, ...]
    episodes: tuple[Episode, ...]
    known_share: float

    @property
    def precision(self) -> float | None:
        """The share of right firings among those that labels can judge; None where there is none."""
        judged = [each for each in self.firings if each.verdict is not Verdict.UNKNOWN]
        return sum(each.verdict is Verdict.RIGHT for each in judged) / len(judged) if judged else None

    @property
    def recall(self) -> float | None:
        """The share of episodes that were found; None where there is none."""
        return sum(each.found for each in self.episodes) / len(self.episodes) if self.episodes else None

    @property
    def lead_seconds(self) -> float | None:
        """The median of how long before the labels right firings said so."""
        leads = [each.lead_seconds for each in self.firings if each.lead_seconds is not None]
        return statistics.median(leads) if leads else None


def grade(
    definition: Definition, firings: Sequence[Firing], truth: Truth, *, label_delay_seconds: float | None = None
) -> Grade:
    """Grade firings.

    Args:
        definition: What bad means.
        firings: The firings, in order.
        truth: What labels say of each slot.
        label_delay_seconds: How long labels take to come.
    """
    window = definition.window_seconds
    found: set[tuple[GroupKey, float]] = set()
    graded = []
    episodes = [episode for group, slots in truth.items() for episode in _episodes(group, slots, window)]
    for firing in firings:
        mine = [each for each in episodes if each.group == firing.group and _overlap(firing, each.begins, each.ends)]
        lead = None
        for episode in mine:
            if (episode.group, episode.bad_at) not in found and lead is None:
                lead = episode.bad_at + (label_delay_seconds or 0.0) - firing.fired_at
            found.add((episode.group, episode.bad_at))
        graded.append(GradedFiring(firing, _verdict(firing, mine, truth, window), lead))
    known = [said is not None for slots in truth.values() for _, said in slots]
    return Grade(
        definition,
        label_delay_seconds,
        tuple(graded),
        tuple(
            Episode(each.group, each.begins, each.bad_at, each.ends, (each.group, each.bad_at) in found)
            for each in episodes
        ),
        sum(known) / len(known) if known else 0.0,
    )


def _verdict(firing: Firing, episodes: Sequence[Episode], truth: Truth, window: float) -> Verdict:
    if episodes:
        return Verdict.RIGHT
    said = [bad for at, bad in truth.get(firing.group, ()) if _overlap(firing, at - window, at)]
    return Verdict.WRONG if said and None not in said else Verdict.UNKNOWN


def _overlap(firing: Firing, begins: float, ends: float) -> bool:
    return firing.fired_at <= ends and firing.ended_at >= begins


def _episodes(group: GroupKey, slots: Sequence[tuple[float, bool | None]], window: float) -> list[Episode]:
    found: list[Episode] = []
    first = last = None
    for at, bad in slots:
        if bad:
            first, last = (at, at) if first is None else (first, at)
        # Where labels do not say, an episode may go on.
        elif bad is not None and first is not None and last is not None:
            found.append(Episode(group, first - window, first, last))
            first = last = None
    if first is not None and last is not None:
        found.append(Episode(group, first - window, first, last))
    return found
