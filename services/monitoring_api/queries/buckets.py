"""Steps and the buckets they cut a range into."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from services.monitoring_api.errors import bad_field
from services.monitoring_api.queries import local_days
from services.monitoring_api.queries.local_days import DAY_SECONDS, LocalDays, Piece
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, parse_seconds
from services.web.problems import BadInput

MOST_POINTS_PER_SERIES: Final = 11_000
MOST_POINTS: Final = 100_000
_AUTO_POINTS: Final = 400
_QUARTER_SECONDS: Final = 900
_LONGEST_STEP_DAYS: Final = 3660
_NICE_SECONDS: Final = (
    *(1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(days * DAY_SECONDS for days in (1, 2, 7, 14, 28, 91, 365, 3650)),
)
_SHORTEST_AUTO_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Step:
    """How long a bucket is.

    Args:
        seconds: Its length; of a day step the nominal one (days have 23 or 25 hours where clocks change).
    """

    seconds: int

    @property
    def days(self) -> int:
        """Its length in local days; 0 when it is no whole number of days."""
        return self.seconds // DAY_SECONDS if self.seconds % DAY_SECONDS == 0 else 0

    def __str__(self) -> str:
        for unit, length in (("d", DAY_SECONDS), ("h", 3600), ("m", 60)):
            if self.seconds % length == 0:
                return f"{self.seconds // length}{unit}"
        return f"{self.seconds}s"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One point's part of the range.

    Args:
        key: What SQL calls it: `Buckets.expression` gives the same number.
        start: When it begins, in epoch seconds (may lie before the range).
        seconds: How much of it lies within the range.
    """

    key: int
    start: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """A range cut by a step: by the clock since 1970 UTC, or by local days.

    Args:
        span: The range.
        step: The length of a bucket.
        tz: Whose days, for day steps.
    """

    span: TimeRange
    step: Step
    tz: ZoneInfo

    def expression(self, column: str) -> str:
        """SQL for the key of the bucket that a DateTime or DateTime64 column lies in, for times of the range."""
        if self.step.days:
            return local_days.expression(self._pieces(), column)
        return f"intDiv(toUnixTimestamp({column}), {{step:UInt32}})"

    def made_of(self, seconds: int) -> bool:
        """Whether every bucket is made of whole ones of a length, by the clock since 1970 UTC."""
        if self.step.seconds % seconds:
            return False
        # Days begin at a quarter of an hour everywhere; whole days of UTC they are where clocks show UTC.
        if not self.step.days or seconds <= _QUARTER_SECONDS:
            return True
        return all(bucket.start % seconds == 0 for bucket in self.all())

    def parameters(self) -> dict[str, int]:
        """The values that `expression` needs."""
        if self.step.days:
            return local_days.parameters(self._pieces(), self.step.days)
        return {"step": self.step.seconds}

    def count(self) -> int:
        """How many buckets there are (for day steps at most one too many)."""
        length = self.step.seconds * NANOSECONDS
        return (self.span.end_ns - 1) // length - self.span.start_ns // length + 1 + (1 if self.step.days else 0)

    def all(self) -> list[Bucket]:
        """Every bucket that overlaps the range, in order."""
        first, last = self.key_at(self.span.start_ns), self.key_at(self.span.end_ns - 1)
        starts = [self.start_of(key) for key in range(first, last + 2)]
        found = []
        for offset, start in enumerate(starts[:-1]):
            begins = max(start * NANOSECONDS, self.span.start_ns)
            ends = min(starts[offset + 1] * NANOSECONDS, self.span.end_ns)
            found.append(Bucket(first + offset, start, (ends - begins) / NANOSECONDS))
        return found

    def key_at(self, at_ns: int) -> int:
        """The key of the bucket that a time lies in."""
        seconds = at_ns // NANOSECONDS
        return self._days.key_at(seconds) if self.step.days else seconds // self.step.seconds

    def start_of(self, key: int) -> int:
        """When a bucket begins, in epoch seconds."""
        return self._days.start_of(key) if self.step.days else key * self.step.seconds

    @property
    def _days(self) -> LocalDays:
        return LocalDays(self.tz, self.step.days)

    def _pieces(self) -> tuple[Piece, ...]:
        return local_days.pieces(self._days, self.key_at(self.span.start_ns), self.key_at(self.span.end_ns - 1))


def choose_step(text: str, span: TimeRange, tz: ZoneInfo) -> Buckets:
    """Cut a range by the step that was asked for; ``auto`` gives at most 400 points.

    Raises:
        BadInput: When it is no step, or would make more points than a series may have; it says which step would do.
    """
    if text.strip() == "auto":
        return Buckets(span, nice_step(span.seconds / _AUTO_POINTS, shortest=_SHORTEST_AUTO_SECONDS), tz)
    step = Step(parse_seconds(text, field="step"))
    if step.seconds > _LONGEST_STEP_DAYS * DAY_SECONDS:
        raise bad_field("step", f"longer than {_LONGEST_STEP_DAYS} days")
    buckets = Buckets(span, step, tz)
    if buckets.count() > MOST_POINTS_PER_SERIES:
        raise too_many_points(buckets, series=1)
    return buckets


def check_points(buckets: Buckets, *, series: int) -> None:
    """Refuse an answer of more points than all series may have together.

    Raises:
        BadInput: It says which step would do.
    """
    if series * buckets.count() > MOST_POINTS and series > 1:
        raise too_many_points(buckets, series=series)


def too_many_points(buckets: Buckets, *, series: int, at_least: bool = False) -> BadInput:
    """The problem of too many points, with the step that would do."""
    per_series = max(1, min(MOST_POINTS_PER_SERIES, MOST_POINTS // series) - 2)
    step = nice_step(buckets.span.seconds / per_series)
    count = buckets.count()
    many = f"{'at least ' if at_least else ''}{count * series:,} points"
    limit = f"{MOST_POINTS_PER_SERIES:,} per series and {MOST_POINTS:,} in all are the most"
    advice = f"step={step} would do" if MOST_POINTS // series > 1 else "group by less"
    return bad_field("step", f"{many} are too many ({limit}); {advice}")


def nice_step(seconds: float, *, shortest: int = 1) -> Step:
    """The shortest step that people count in and that is at least this long."""
    return Step(next((nice for nice in _NICE_SECONDS if nice >= max(seconds, shortest)), _NICE_SECONDS[-1]))
