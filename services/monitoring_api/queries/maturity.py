"""Whether the labels of some predictions have come, as far as they ever will.

Early labels are biased, not merely few: whoever is on time is known first. So a figure counts only when nearly all
labels that are to be expected are there. How many those are is learned from history (see
`services.monitoring_api.queries.arrivals`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from services.monitoring_api.queries.performance.intervals import wilson
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

# A bucket is mature when this share of the labels that are ever expected for it is to have come.
MATURE_SHARE: Final = 0.95
# Labels that are not there after so many times the time in which 95 % of them come are not awaited any more.
_PATIENCE: Final = 3
# Bins of delays: so many to a doubling, the first of them from 0 to about a second.
BINS_PER_DOUBLING: Final = 4
# Of those that still wait for their label this share at most may have got one unseen, at 95 % confidence: the rule of
# three (Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983).
_MOST_UNSEEN: Final = 0.05
_RULE_OF_THREE: Final = 3
_NEARLY_NONE: Final = 1e-9

NO_LABELS: Final = "no label has come for this model"
TOO_FEW: Final = "too few predictions to learn when labels come"
NOT_WATCHED: Final = "labels were still coming as long as predictions have been watched"
NO_PREDICTION: Final = "no prediction"


@dataclass(frozen=True, slots=True)
class ArrivalCurve:
    """Which share of predictions has its label by which age.

    Args:
        points: Age in seconds and the share, both ascending, from (0, 0) on; between them it grows evenly.
        predictions: How many predictions it is learned from.
        labels: How many of these had a label.
    """

    points: tuple[tuple[float, float], ...]
    predictions: int
    labels: int

    @property
    def final(self) -> float:
        """The share that ever gets a label, as far as was watched."""
        return self.points[-1][1]

    @property
    def watched_seconds(self) -> float:
        """Up to which age predictions were watched."""
        return self.points[-1][0]

    @property
    def mature_seconds(self) -> float:
        """The age by which 95 % of the labels that ever come are there."""
        return self.age_of(MATURE_SHARE)

    @property
    def is_settled(self) -> bool:
        """Whether predictions were watched for long enough to know that hardly any more labels come."""
        nobody_waits = self.final >= 1 - _NEARLY_NONE
        return self.final > 0 and (nobody_waits or self.mature_seconds <= self.watched_seconds / 2)

    def age_of(self, share: float) -> float:
        """The age in seconds by which this share of all labels that ever come is there."""
        wanted = share * self.final
        for (before, lower), (after, upper) in pairwise(self.points):
            if upper >= wanted:
                return before if upper == lower else before + (after - before) * (wanted - lower) / (upper - lower)
        return self.watched_seconds

    def at(self, age_seconds: float) -> float:
        """The share of predictions of this age that has a label."""
        if age_seconds <= 0:
            return 0.0
        index = bisect_right(self.points, age_seconds, key=lambda point: point[0])
        if index == len(self.points):
            return self.final
        (before, lower), (after, upper) = self.points[index - 1], self.points[index]
        return lower + (upper - lower) * (age_seconds - before) / (after - before)

    def mean(self, youngest_seconds: float, oldest_seconds: float) -> float:
        """The same of predictions made evenly over time, the last so long ago, the first so long."""
        youngest, oldest = max(0.0, youngest_seconds), max(0.0, oldest_seconds)
        if oldest <= youngest:
            return self.at(youngest)
        ages = [youngest, *(age for age, _ in self.points if youngest < age < oldest), oldest]
        # Between points it is a straight line, so trapezes are exact.
        area = sum((self.at(age) + self.at(later)) / 2 * (later - age) for age, later in pairwise(ages))
        return area / (oldest - youngest)


@dataclass(frozen=True, slots=True)
class Maturity:
    """Whether labels are there, and how many are expected.

    Args:
        mature: Whether nearly all labels have come that ever will.
        expected_now: The label coverage that is to be expected by now; None where nothing is known of that.
        expected_finally: The one that is to be expected in the end.
        reason: Why it is not mature.
    """

    mature: bool
    expected_now: float | None
    expected_finally: float | None
    reason: str | None

    @classmethod
    def unknown(cls, reason: str) -> Self:
        """Nothing is known of what is to be expected."""
        return cls(mature=False, expected_now=None, expected_finally=None, reason=reason)


def arrival_curve(arrived: Mapping[int, int], waiting: Mapping[int, int]) -> ArrivalCurve | None:
    """Learn from predictions of which some wait still; None where they say too little.

    The life-table estimate: in each bin of age, of those that have had no label yet and are old enough, the share that
    gets one; who gets older than it is now within the bin counts half. Where all are old enough it is the plain share.
    It ends where too few are old enough. Source: Kaplan and Meier, Nonparametric estimation from incomplete
    observations, JASA 53, 1958; Cutler and Ederer, Maximum utilization of the life table method, J. Chronic Dis. 8,
    1958.

    Args:
        arrived: Predictions by the bin of the time that their label took.
        waiting: Predictions without a label, by the bin of their age.
    """
    total, labels = sum(arrived.values()) + sum(waiting.values()), sum(arrived.values())
    at_risk, without = float(total), 1.0
    points = [(0.0, 0.0)]
    for number in range(max([-1, *arrived, *waiting]) + 1):
        came, left = arrived.get(number, 0), waiting.get(number, 0)
        exposed = at_risk - left / 2
        if exposed <= 0 or without * min(1.0, _RULE_OF_THREE / exposed) > _MOST_UNSEEN:
            break
        without *= 1 - min(1.0, came / exposed)
        points.append((bin_end(number), 1 - without))
        at_risk -= came + left
    return ArrivalCurve(tuple(points), total, labels) if len(points) > 1 else None


def made_in(number: int, now_ns: int) -> TimeRange:
    """When predictions were made whose age is in a bin now."""
    youngest = bin_end(number - 1) if number > 0 else 0.0
    return TimeRange(now_ns - round(bin_end(number) * NANOSECONDS), now_ns - round(youngest * NANOSECONDS))


def bin_end(number: int) -> float:
    """Up to how many seconds a bin goes."""
    return float(2 ** ((number + 1) / BINS_PER_DOUBLING))


def maturity(
    curve: ArrivalCurve | None,
    parts: Iterable[tuple[TimeRange, int]],
    now_ns: int,
    *,
    labels: int | None = None,
) -> Maturity:
    """Whether the labels of predictions have come.

    Args:
        curve: How labels come; None where nothing is known of that.
        parts: Ranges of time in which predictions were made, and how many in each; within each they count as spread
            evenly. Of one bucket alone any number does.
        now_ns: The time at which that is asked.
        labels: How many of them have a label, where that is known: labels that ought to be there and are not make
            a bucket immature, until they are not awaited any more.
    """
    made = [(span, count) for span, count in parts if count > 0]
    total = sum(count for _, count in made)
    if not total:
        return Maturity.unknown(NO_PREDICTION)
    if curve is None or curve.labels == 0 or not curve.is_settled:
        return Maturity.unknown(TOO_FEW if curve is None else NO_LABELS if curve.labels == 0 else NOT_WATCHED)
    now = sum(count * curve.mean(*_ages(span, now_ns)) for span, count in made) / total
    reason = _unripe(curve, now) or _overdue(curve, made, now, now_ns, labels)
    return Maturity(reason is None, now, curve.final, reason)


def _ages(span: TimeRange, now_ns: int) -> tuple[float, float]:
    """How old the youngest and the oldest prediction of a range are, in seconds."""
    return max(0, now_ns - span.end_ns) / NANOSECONDS, max(0, now_ns - span.start_ns) / NANOSECONDS


def _unripe(curve: ArrivalCurve, expected_now: float) -> str | None:
    share = expected_now / curve.final
    if share >= MATURE_SHARE:
        return None
    return f"by now {share:.0%} of the labels that are expected come; {MATURE_SHARE:.0%} make it mature"


def _overdue(
    curve: ArrivalCurve, made: Sequence[tuple[TimeRange, int]], expected_now: float, now_ns: int, labels: int | None
) -> str | None:
    if labels is None:
        return None
    total = sum(count for _, count in made)
    youngest = min(_ages(span, now_ns)[0] for span, _ in made)
    _, most = wilson(min(labels, total), total)
    if youngest > _PATIENCE * curve.mature_seconds or most is None or most >= MATURE_SHARE * expected_now:
        return None
    share = labels / total
    return f"labels are late: {share:.0%} of the predictions have one, {expected_now:.0%} are to be expected by now"
