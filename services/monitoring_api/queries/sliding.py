"""Windows that slide: one statement for all of them, from states of the pieces that they have in common.

Windows that follow each other overlap, and each would read its rows anew. Here every row is read once: it goes into the
piece of time between two neighbouring edges, and each window merges the states of its pieces.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from services.monitoring_api.database import Query
from services.monitoring_api.queries.metric import Metric
from services.monitoring_api.queries.plan import Plan
from services.monitoring_api.queries.question import Question
from services.monitoring_api.queries.series import states_query
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.timerange import TimeRange

_MICROSECOND: Final = 1_000
# An exact percentile, which has a state of its own.
_EXACT: Final = re.compile(r"quantileExact\((?P<level>[0-9.]+)\)\((?P<value>.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Slides:
    """Windows of one length, one after another at one distance.

    Args:
        first: The first.
        interval_ns: From the beginning of one to the next's.
        count: How many there are.
    """

    first: TimeRange
    interval_ns: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.interval_ns < _MICROSECOND:
            raise ValueError("windows need a distance, and there must be one at least")

    @property
    def span(self) -> TimeRange:
        """All that they cover."""
        return TimeRange(self.first.start_ns, self.first.end_ns + (self.count - 1) * self.interval_ns)

    @property
    def piece_ns(self) -> int:
        """How long the pieces are that each of them is made of."""
        return math.gcd(self.interval_ns, self.first.end_ns - self.first.start_ns)

    @property
    def pieces_each(self) -> int:
        """Of how many pieces each is made."""
        return (self.first.end_ns - self.first.start_ns) // self.piece_ns

    def window(self, number: int) -> TimeRange:
        """One of them."""
        moved = number * self.interval_ns
        return TimeRange(self.first.start_ns + moved, self.first.end_ns + moved)

    @property
    def windows(self) -> str:
        """SQL for the numbers of the windows that a piece is part of."""
        return _WINDOWS

    def part(self, start: int, count: int) -> Self:
        """Some of them, from one on."""
        return replace(self, first=self.window(start), count=count)

    def expression(self, column: str) -> str:
        """SQL for the piece that a time lies in."""
        return f"toUInt32(intDiv(toUnixTimestamp64Nano({column}) - {{slides_from:Int64}}, {{piece_ns:Int64}}))"

    def parameters(self) -> dict[str, int]:
        """The values that it needs, and those that tell which windows a piece is part of."""
        return {
            "slides_from": self.first.start_ns,
            "piece_ns": self.piece_ns,
            "pieces_each": self.pieces_each,
            "pieces_apart": self.interval_ns // self.piece_ns,
            "slides": self.count,
        }


_WINDOWS: Final = """range(
    toUInt32(if(Bucket < {pieces_each:UInt32}, 0, intDiv(Bucket - {pieces_each:UInt32}, {pieces_apart:UInt32}) + 1)),
    toUInt32(least({slides:UInt32}, intDiv(Bucket, {pieces_apart:UInt32}) + 1))
)"""


def can_slide(metric: Metric) -> bool:
    """Whether a metric's windows can be made of pieces; else each has to be asked for by itself."""
    if metric.bound is not None:
        return False
    return all(
        measure.rollup is not None or measure.exact is None or _EXACT.fullmatch(measure.exact)
        for measure in (metric.value, metric.base)
    )


def slides_query(
    question: Question, plan: Plan, slides: Slides, measures: Sequence[Measure], *, exact: bool, most_rows: int
) -> Query:
    """Measures by window and group: the window's number, the figures, then the group's values.

    Args:
        question: What is asked; its range is that of all windows.
        plan: Which pieces of the range come from where; rows only.
        slides: The windows.
        measures: What to measure, each of the question's source.
        exact: Whether percentiles are exact, or merged from sketches.
        most_rows: Rows after which the answer is cut off.
    """
    states: dict[str, str] = {}
    figures = []
    for number, measure in enumerate(measures):
        name, state, merged = _mergeable(measure, number, exact=exact)
        states[name] = state
        figures.append(f"toFloat64({merged}) AS Figure{number}")
    inner = states_query(question, plan, slides, states)
    names = [f"G{number}" for number, _ in enumerate(question.group_by)]
    keys = ", ".join(["Slide", *names])
    # Columns are texts of ours; what people give is bound.
    sql = (
        f"SELECT {', '.join(['Slide', *figures, *names])}\n"
        f"FROM (\n{inner.sql}\n)\nARRAY JOIN {slides.windows} AS Slide\nGROUP BY {keys}\nORDER BY {keys}\n"
        "LIMIT {most_rows:UInt64}"
    )
    return Query(sql, {**inner.parameters, "most_rows": most_rows})


def exact_slides_query(
    question: Question, plan: Plan, slides: Slides, measures: Sequence[Measure], *, most_rows: int
) -> Query:
    """The same answer where no states make up a figure: from all rows of each window.

    Args:
        question: What is asked; its range is that of all windows.
        plan: Which pieces of the range come from where; rows only.
        slides: Windows whose expression puts a row into each of them.
        measures: What to measure, each of the question's source.
        most_rows: Rows after which the answer is cut off.
    """
    exact = {f"Exact{number}": measure.exact or measure.raw for number, measure in enumerate(measures)}
    inner = states_query(question, plan, slides, exact)
    names = [f"G{number}" for number, _ in enumerate(question.group_by)]
    figures = [f"toFloat64({name}) AS Figure{number}" for number, name in enumerate(exact)]
    # Columns are texts of ours; what people give is bound.
    sql = (
        f"SELECT {', '.join(['Bucket', *figures, *names])}\nFROM (\n{inner.sql}\n)\n"
        f"ORDER BY {', '.join(['Bucket', *names])}\nLIMIT {{most_rows:UInt64}}"
    )
    return Query(sql, {**inner.parameters, "most_rows": most_rows})


def _mergeable(measure: Measure, number: int, *, exact: bool) -> tuple[str, str, str]:
    """The name of a measure's state, SQL that makes it of rows, and SQL that merges it."""
    percentile = _EXACT.fullmatch((measure.exact or measure.raw) if exact else measure.raw)
    if percentile is None:
        return measure.name, measure.raw, measure.merge.format(measure.name)
    name = f"Exact{number}"
    state = f"quantileExactState({percentile['level']})({percentile['value']})"
    return name, state, f"quantileExactMerge({percentile['level']})({name})"
