"""What each tier of the rollups is held against, group by group: the statements of `rollups verify`.

Counts are equal. Sums of numbers with a fraction are within a billionth of what their rows add up to by size, for they
may be added in another order. Percentiles of a minute's sketch are within its bound of the raw values at their rank;
those of quarters and the finished ones are those of the sketches below.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.monitoring_api.maintenance.finished import DURATIONS, SCORES
from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.plan import MINUTE_SECONDS, QUARTER_SECONDS
from services.monitoring_api.queries.source import Source
from services.monitoring_api.queries.sources import ERRORS, PREDICTIONS, REQUESTS
from services.monitoring_api.queries.synthetic import REAL

_START: Final = "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')"
_END: Final = "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"
_MINUTE: Final = "toStartOfMinute(toDateTime(Timestamp, 'UTC'))"
_ROUNDING: Final = 1e-9
# The bound of a sketch with what rounding adds; of a value below a billionth it is larger, and that is next to nothing.
_BOUND: Final = sketch.ERROR * 1.01
_NEXT_TO_NOTHING: Final = 5e-11

# One row for each bucket: how many groups differ, and of the first of them the first figure that does.
_COMPARE: Final = """SELECT
    toUnixTimestamp(Bucket), countIf(Wrong > 0), minIf(Of, Wrong > 0), toUInt32(argMinIf(Wrong, Of, Wrong > 0)),
    argMinIf(toString(Low[Wrong]), Of, Wrong > 0), argMinIf(toString(High[Wrong]), Of, Wrong > 0),
    argMinIf(toString(Found[Wrong]), Of, Wrong > 0)
FROM
(
    SELECT
        Bucket, Of, anyIf(Lows, Below) AS Low, anyIf(Highs, Below) AS High, anyIf(Figures, NOT Below) AS Found,
        toUInt32(if(length(Low) != length(Found), 1, arrayFirstIndex(
            (low, high, figure) -> NOT (
                (low <= figure AND figure <= high)
                OR (isNaN(low) AND isNaN(figure))
                OR (low = -inf AND high = inf)
            ),
            Low, High, Found
        ))) AS Wrong
    FROM
    (
        SELECT {bucket_below} AS Bucket, {of_below} AS Of, true AS Below,
            [{lows}]::Array(Float64) AS Lows, [{highs}]::Array(Float64) AS Highs, []::Array(Float64) AS Figures
        FROM {below}
        WHERE {within_below}
        GROUP BY Bucket, Of
        UNION ALL
        SELECT Minute AS Bucket, {of} AS Of, false AS Below,
            []::Array(Float64) AS Lows, []::Array(Float64) AS Highs, [{figures}]::Array(Float64) AS Figures
        FROM {above} FINAL
        WHERE {within}
        GROUP BY Bucket, Of
    )
    GROUP BY Bucket, Of
)
GROUP BY Bucket
ORDER BY Bucket"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One tier against what it is made of.

    Args:
        name: What it is called.
        source: Whose.
        made_of: The table below.
        sql: SQL that gives for each bucket how many groups differ, and the first difference.
        figures: What the figures are called, in the statement's order; the first is a count.
        seconds: How long a bucket is.
        finished: Whether it is one of finished figures.
    """

    name: str
    source: Source
    made_of: str
    sql: str
    figures: tuple[str, ...]
    seconds: int
    finished: bool = False

    @property
    def is_of_raw_rows(self) -> bool:
        """Whether what is below are raw rows, whose values are held in memory to be put in order."""
        return self.made_of not in {self.source.rolled_up.table, self.source.rolled_up.longer}


class _Figure(NamedTuple):
    """One figure: its name, SQL for the least and the most that it may be, and for what it is."""

    name: str
    low: str
    high: str
    found: str


def _equal(name: str, below: str, found: str | None = None) -> _Figure:
    return _Figure(name, below, below, found or f"sum({name})")


def _sum(name: str, below: str, size: str) -> _Figure:
    """A sum, with what its rows add up to by size; where that is beyond a number, any sum is right."""
    slack = f"{_ROUNDING} * {size}"
    low, high = (f"if(isFinite({size}), {below} {sign} {slack}, {sign}inf)" for sign in "-+")
    return _Figure(name, low, high, f"sum({name})")


def _close(name: str, below: str, found: str) -> _Figure:
    low, high = (f"({below}) {sign} {_ROUNDING} * abs({below})" for sign in "-+")
    return _Figure(name, low, high, found)


def _near(name: str, level: float, values: str, found: str) -> _Figure:
    """A sketch's percentile, near one of the two values around its rank."""
    ordered = f"arraySort({values})"

    def bound(sign: str, rounded: str) -> str:
        value = f"{ordered}[toUInt64({rounded}({level} * (length({ordered}) - 1))) + 1]"
        slack = f"greatest({_BOUND} * abs({value}), {_NEXT_TO_NOTHING})"
        return f"if(empty({ordered}), nan, {value} {sign} {slack})"

    return _Figure(name, bound("-", "floor"), bound("+", "ceil"), found)


def _compare(figures: Sequence[_Figure], **parts: str) -> str:
    return _COMPARE.format(
        lows=", ".join(each.low for each in figures),
        highs=", ".join(each.high for each in figures),
        figures=", ".join(each.found for each in figures),
        **parts,
    )


def _within(time: str) -> str:
    return f"{time} >= {_START} AND {time} < {_END}"


def _of(columns: Sequence[str]) -> str:
    return "[{}]".format(", ".join(f"toString({column})" for column in columns))


def _sketched(column: str, percentiles: Mapping[str, float]) -> dict[str, str]:
    """SQL for the percentiles of a sketch, by name."""
    return {f"{column} {name[-3:]}": sketch.merged_quantile(level, column) for name, level in percentiles.items()}


def _tiers(
    source: Source,
    made_of: str,
    *,
    raw: str,
    where: str,
    ordered: str,
    dimensions: Mapping[str, str],
    figures: Sequence[_Figure],
    merged: Sequence[_Figure],
    counted: str,
    sketched: str,
    percentiles: Mapping[str, float],
) -> Iterator[Comparison]:
    rollup = source.rolled_up
    sketches = _sketched(sketched, percentiles)
    near = [
        _near(name, level, ordered, sketches[name]) for name, level in zip(sketches, percentiles.values(), strict=True)
    ]
    same = [_close(name, sql, sql) for name, sql in sketches.items()]
    of = _of(list(dimensions))

    def comparison(name: str, made_of: str, seconds: int, shown: Sequence[_Figure], **parts: str) -> Comparison:
        sql = _compare(shown, **parts)
        names = tuple(each.name for each in shown)
        return Comparison(name, source, made_of, sql, names, seconds, finished=name == source.finished.table)

    yield comparison(
        rollup.table,
        made_of,
        MINUTE_SECONDS,
        [*figures, *near],
        bucket_below=_MINUTE,
        of_below=_of(list(dimensions.values())),
        below=raw,
        within_below=where,
        above=rollup.table,
        of=of,
        within=_within("Minute"),
    )
    yield comparison(
        rollup.longer,
        rollup.table,
        QUARTER_SECONDS,
        [*merged, *same],
        bucket_below="toStartOfFifteenMinutes(Minute)",
        of_below=of,
        below=f"{rollup.table} FINAL",
        within_below=_within("Minute"),
        above=rollup.longer,
        of=of,
        within=_within("Minute"),
    )
    told_apart = sorted(frozenset().union(*source.finished.groupings))
    columns = [str(source.dimensions[name].rollup) for name in told_apart]
    groupings = []
    for each in source.finished.groupings:
        values = [f"toString({source.dimensions[name].rollup})" if name in each else "''" for name in told_apart]
        groupings.append(f"['{source.finished.name(each)}', {', '.join(values)}]")
    finished = [_equal(counted, f"sum({counted})")]
    finished += [
        _close(name, sketch.merged_quantile(level, sketched), f"any({name})") for name, level in percentiles.items()
    ]
    for table, seconds in ((rollup.table, MINUTE_SECONDS), (rollup.longer, QUARTER_SECONDS)):
        yield comparison(
            source.finished.table,
            table,
            seconds,
            finished,
            bucket_below="Minute",
            of_below=f"arrayJoin([{', '.join(groupings)}])",
            below=f"{table} FINAL",
            within_below=f"{_within('Minute')} AND {counted} > 0",
            above=source.finished.table,
            of=f"arrayConcat([toString(GroupedBy)], {_of(columns)})",
            within=f"{_within('Minute')} AND Seconds = {seconds}",
        )


def _exactly(level: float, column: str) -> str:
    return f"quantileExact({level})({column})"


_PREDICTION_COLUMNS: Final = ("ServiceName", "ModelName", "ModelVersion", "Variant", "FeaturesSource")
_STATUS_CLASS: Final = str(REQUESTS.dimensions["status_class"].raw)

COMPARISONS: Final = (
    *_tiers(
        REQUESTS,
        "otel_traces",
        raw="otel_traces FINAL",
        where=f"SpanKind = 'Server' AND {_within('Timestamp')}"
        f" AND Minute >= toStartOfMinute({_START}) AND Minute < {_END}",
        ordered="groupArray(Duration / 1e9)",
        dimensions={"ServiceName": "ServiceName", "HttpRoute": "HttpRoute", "StatusClass": _STATUS_CLASS},
        figures=[
            _equal("Requests", "count()"),
            _equal("Errors", f"countIf({ERRORS})"),
            _sum("DurationSum", "sum(Duration) / 1e9", "sum(Duration) / 1e9"),
            _close("DurationMax", "max(Duration) / 1e9", "max(DurationMax)"),
            *(_close(name, _exactly(level, "Duration / 1e9"), f"any({name})") for name, level in DURATIONS.items()),
        ],
        merged=[
            _equal("Requests", "sum(Requests)"),
            _equal("Errors", "sum(Errors)"),
            _sum("DurationSum", "sum(DurationSum)", "sum(DurationSum)"),
            _equal("DurationMax", "max(DurationMax)", "max(DurationMax)"),
        ],
        counted="Requests",
        sketched="DurationSketch",
        percentiles=DURATIONS,
    ),
    *_tiers(
        PREDICTIONS,
        "predictions_data",
        raw="predictions",
        where=f"{_within('Timestamp')} AND {REAL}",
        ordered=f"groupArrayIf({sketch.SCORE} / {sketch.SCALE}, Score IS NOT NULL)",
        dimensions={column: column for column in _PREDICTION_COLUMNS},
        figures=[
            _equal("Predictions", "count()"),
            _equal("Positives", "countIf(Positive)"),
            _equal("Judged", "count(Positive)"),
            _equal("Scored", "count(Score)"),
            _sum("ScoreSum", "sum(ifNull(Score, 0))", "sum(abs(ifNull(Score, 0)))"),
            *(
                _close(name, f"ifNull({_exactly(level, 'Score')}, nan)", f"any(ifNull({name}, nan))")
                for name, level in SCORES.items()
            ),
        ],
        merged=[
            *(_equal(name, f"sum({name})") for name in ("Predictions", "Positives", "Judged", "Scored")),
            _sum("ScoreSum", "sum(ScoreSum)", "sum(abs(ScoreSum))"),
        ],
        counted="Scored",
        sketched="ScoreSketch",
        percentiles=SCORES,
    ),
)
