"""Bins of scores: a model without a reference gets them from what it predicted; days in other bins are marked."""

from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.score_histogram import RANKED
from services.monitoring_api.queries.sources import OUTCOMES

# Half of one bin's share is about what an area under a curve may be off.
BINS: Final = 4_096
# Of fewer rows every figure is read from these.
_FEWEST_ROWS: Final = 2_000
_SAMPLE: Final = 200_000
# With so many times the rows, bins are made anew: the first scores may have been peculiar.
_GROWN: Final = 4

# Scores are put in order only of models that need bins.
_OBSERVE: Final = f"""INSERT INTO score_bins (ModelName, Edges, MadeFrom, Rows)
SELECT
    ModelName,
    arrayDistinct(arrayMap(n -> Ordered[1 + intDiv(n * length(Ordered), {BINS})], range({BINS}))),
    'observed',
    Rows
FROM
(
    SELECT
        ModelName,
        count() AS Rows,
        arraySort(groupArraySample({_SAMPLE}, 1)(assumeNotNull(Score))) AS Ordered
    FROM outcomes_data
    WHERE {RANKED}
        AND ModelName IN
        (
            SELECT ModelName
            FROM outcomes_data
            LEFT ANY JOIN (SELECT ModelName, MadeFrom, Rows AS Before FROM score_bins FINAL) AS bins
            ON outcomes_data.ModelName = bins.ModelName
            WHERE {RANKED}
                AND MadeFrom != 'reference'
            GROUP BY ModelName
            HAVING count() >= greatest({_FEWEST_ROWS}, {_GROWN} * max(Before))
        )
    GROUP BY ModelName
)"""  # noqa: S608  (constants of ours)

_MARK: Final = f"""INSERT INTO rollup_dirty (Id, Kind, Minute)
SELECT generateUUIDv4(), '{OUTCOMES.rolled_up.longer_kind}', Minute
FROM
(
    SELECT DISTINCT Minute
    FROM {OUTCOMES.rolled_up.longer} FINAL
    LEFT ANY JOIN (SELECT ModelName, CreatedAt FROM score_bins FINAL) AS bins
    ON {OUTCOMES.rolled_up.longer}.ModelName = bins.ModelName
    WHERE BinsAt != bins.CreatedAt
)"""  # noqa: S608  (constants of ours)


async def keep_bins(database: Database) -> None:
    """Give bins to models that have none, and mark the days whose scores are in bins of before.

    Args:
        database: Where, as a user who may write.
    """
    await database.execute(Query(_OBSERVE))
    await database.execute(Query(_MARK))
