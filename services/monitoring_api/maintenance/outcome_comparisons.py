"""What the rows and the sums of predictions' outcomes are held against."""

from collections.abc import Iterator
from typing import Final

from services.monitoring_api.maintenance.comparison import (
    MINUTE,
    Comparison,
    Figure,
    close,
    compare,
    equal,
    grouped_by,
    summed,
    within,
)
from services.monitoring_api.maintenance.outcomes import DAY, DIMENSIONS, QUARTER, now_joined
from services.monitoring_api.queries.class_measures import MERGED_TALLIES, MOST_CLASSES, classes_in
from services.monitoring_api.queries.local_days import DAY_SECONDS
from services.monitoring_api.queries.outcome_measures import COUNTS, SPREAD, SUMS
from services.monitoring_api.queries.plan import QUARTER_SECONDS
from services.monitoring_api.queries.score_histogram import RANKED
from services.monitoring_api.queries.sources import OUTCOMES
from services.monitoring_api.queries.synthetic import REAL

_ROLLUP: Final = OUTCOMES.rolled_up
_GROUP: Final = grouped_by(DIMENSIONS.split(", "))
_PREPARED: Final = "outcomes_data"
_TALLIED: Final = classes_in(MERGED_TALLIES)


def _figures(*, of_rows: bool) -> Iterator[Figure]:
    """Every sum, as rows say; found in rows too, or in a column of sums."""
    for name, sql in SUMS.items():
        found = sql if of_rows else f"sum({name})"
        yield equal(name, sql, found) if name in COUNTS else summed(name, sql, f"abs({sql})", found)
    if not of_rows:
        # Without a regression there is no spread, of which some say 0 and others that it is no number.
        variance = f"ifNotFinite({SPREAD.replace('StateIf', 'If')}, 0)"
        yield close("TruthSpread", variance, "ifNotFinite(varPopStableMerge(TruthSpread), 0)")
        # Of more classes than can be told only some are kept.
        tallied = f"if(length(tupleElement({MERGED_TALLIES}, 1)) > {MOST_CLASSES}, sum(Classified), {_TALLIED})"
        yield equal("ClassTallies", SUMS["Classified"], tallied)


def _comparison(name: str, bucket: str, seconds: int, *more: Figure) -> Comparison:
    figures = [*_figures(of_rows=False), *more]
    sql = compare(
        figures,
        bucket_below=bucket.format("Minute"),
        of_below=_GROUP,
        below=f"{_PREPARED} FINAL",
        within_below=within("Minute"),
        above=name,
        of=_GROUP,
        within=within("Minute"),
    )
    return Comparison(name, OUTCOMES, _PREPARED, sql, tuple(each.name for each in figures), seconds)


_of_rows: Final = list(_figures(of_rows=True))

OUTCOME_COMPARISONS: Final = (
    Comparison(
        _PREPARED,
        OUTCOMES,
        "predictions_data",
        compare(
            _of_rows,
            bucket=QUARTER.format("Minute"),
            bucket_below=QUARTER.format(MINUTE),
            of_below=_GROUP,
            below=now_joined(f"{within('Timestamp')} AND {REAL}"),
            within_below="1",
            above=_PREPARED,
            of=_GROUP,
            within=within("Minute"),
        ),
        tuple(each.name for each in _of_rows),
        QUARTER_SECONDS,
    ),
    _comparison(_ROLLUP.table, QUARTER, QUARTER_SECONDS),
    _comparison(
        _ROLLUP.longer,
        DAY,
        DAY_SECONDS,
        # Every row that ranks is in one bin.
        equal("ScoreCounts", f"countIf({RANKED})", "arraySum(mapValues(sumMap(ScoreCounts)))"),
    ),
)
