"""How a tier of the rollups is held against what it is made of, bucket by bucket and group by group.

Counts are equal. Sums of numbers with a fraction are within a billionth of what their rows add up to by size, for they
may be added in another order. Percentiles of a minute's sketch are within its bound of the raw values at their rank;
those of quarters and the finished ones are those of the sketches below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.monitoring_api.queries import sketch
from services.monitoring_api.queries.local_days import DAY_SECONDS
from services.monitoring_api.queries.source import Source

START: Final = "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')"
END: Final = "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"
MINUTE: Final = "toStartOfMinute(toDateTime(Timestamp, 'UTC'))"
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
        SELECT {bucket} AS Bucket, {of} AS Of, false AS Below,
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
        rollup = self.source.rolled_up
        return self.seconds < DAY_SECONDS and self.made_of not in {rollup.table, rollup.longer}


class Figure(NamedTuple):
    """One figure: its name, SQL for the least and the most that it may be, and for what it is."""

    name: str
    low: str
    high: str
    found: str


def equal(name: str, below: str, found: str | None = None) -> Figure:
    """A count."""
    return Figure(name, below, below, found or f"sum({name})")


def summed(name: str, below: str, size: str, found: str | None = None) -> Figure:
    """A sum, with what its rows add up to by size; where that is beyond a number, any sum is right."""
    slack = f"{_ROUNDING} * {size}"
    low, high = (f"if(isFinite({size}), {below} {sign} {slack}, {sign}inf)" for sign in "-+")
    return Figure(name, low, high, found or f"sum({name})")


def close(name: str, below: str, found: str) -> Figure:
    """A figure to the last digits."""
    low, high = (f"({below}) {sign} {_ROUNDING} * abs({below})" for sign in "-+")
    return Figure(name, low, high, found)


def near(name: str, level: float, values: str, found: str) -> Figure:
    """A sketch's percentile, near one of the two values around its rank."""
    ordered = f"arraySort({values})"

    def bound(sign: str, rounded: str) -> str:
        value = f"{ordered}[toUInt64({rounded}({level} * (length({ordered}) - 1))) + 1]"
        slack = f"greatest({_BOUND} * abs({value}), {_NEXT_TO_NOTHING})"
        return f"if(empty({ordered}), nan, {value} {sign} {slack})"

    return Figure(name, bound("-", "floor"), bound("+", "ceil"), found)


def compare(figures: Sequence[Figure], *, bucket: str = "Minute", **parts: str) -> str:
    """SQL that gives for each bucket how many groups differ, and the first difference.

    Args:
        figures: What is compared.
        bucket: The bucket of a row above.
        parts: The rows below and above, their buckets and groups, and which of them.
    """
    return _COMPARE.format(
        lows=", ".join(each.low for each in figures),
        highs=", ".join(each.high for each in figures),
        figures=", ".join(each.found for each in figures),
        bucket=bucket,
        **parts,
    )


def within(time: str) -> str:
    """SQL condition: a time lies within the range."""
    return f"{time} >= {START} AND {time} < {END}"


def grouped_by(columns: Sequence[str]) -> str:
    """SQL for the group of a row."""
    return "[{}]".format(", ".join(f"toString({column})" for column in columns))
