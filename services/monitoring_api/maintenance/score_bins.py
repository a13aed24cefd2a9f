"""Bins of scores: a model without a reference gets them from what it predicted first; days in other bins are marked."""

from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.score_histogram import RANKED
from services.monitoring_api.queries.sources import OUTCOMES

# Half of one bin's share is about what an area under a curve may be off.
BINS: Final = 4_096
# Of fewer rows every figure is read from these.
_FEWEST_ROWS: Final = 2_000
_SAMPLE: Final = 200_000

_OBSERVE: Final = f"""INSERT INTO score_bins (ModelName, Edges, MadeFrom)
SELECT
    ModelName,
    arrayDistinct(arrayMap(n -> Ordered[1 + intDiv(n * length(Ordered), {BINS})], range({BINS}))),
    'observed'
FROM
(
    SELECT ModelName, arraySort(groupArraySample({_SAMPLE}, 1)(assumeNotNull(Score))) AS Ordered
    FROM outcomes_data
    WHERE {RANKED}
        AND ModelName NOT IN (SELECT ModelName FROM score_bins)
    GROUP BY ModelName
    HAVING count() >= {_FEWEST_ROWS}
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
