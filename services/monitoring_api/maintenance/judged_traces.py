"""What follows from labels: their predictions are joined anew, and traces that waited for one are kept or let go.

A label may come after raw spans are gone: then a copy of the trace waited for it, kept if the prediction was wrong.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.maintenance.keep_traces import kept_to
from services.monitoring_api.maintenance.kept_traces import (
    COLUMNS,
    DECIDED,
    WRONG,
    KeepingRules,
    Reason,
    copy_traces,
    labels_of,
)
from services.monitoring_api.maintenance.outcomes import join_labels

_MARKS: Final = """SELECT toString(Id), PredictionId
FROM label_marks
ORDER BY PredictionId, Id
LIMIT {most:UInt64}"""

# Thousands of ids are read from one text in a fifth of the time that a list of as many takes.
_DELETE_MARKS: Final = """DELETE FROM label_marks
WHERE Id IN (SELECT arrayJoin(JSONExtract({ids:String}, 'Array(UUID)')))"""

# Traces that were looked at before retention took them, of these predictions.
_TRACES: Final = f"""SELECT TraceId, toUnixTimestamp(min(Timestamp)), toUnixTimestamp(max(Timestamp))
FROM predictions
WHERE PredictionId IN {{predictions:Array(String)}}
    AND {DECIDED}
    AND Timestamp < fromUnixTimestamp64Nano({{kept_to:Int64}} * 1000000000, 'UTC')
GROUP BY TraceId"""  # noqa: S608  (constants of ours)

_OF_TRACES: Final = """TraceId IN {trace_ids:Array(String)}
        AND Timestamp >= fromUnixTimestamp64Nano({first:Int64} * 1000000000, 'UTC')
        AND Timestamp < fromUnixTimestamp64Nano({last:Int64} * 1000000000, 'UTC')"""
_LABELS_OF_TRACES: Final = labels_of(_OF_TRACES)

# A trace may hold many predictions: one that is wrong keeps it, and so does one that still has no label.
_VERDICTS: Final = f"""SELECT TraceId, max({WRONG}), min(labels.Known)
FROM predictions
LEFT ANY JOIN {_LABELS_OF_TRACES} AS labels
ON predictions.PredictionId = labels.PredictionId
WHERE {_OF_TRACES}
    AND {DECIDED}
GROUP BY TraceId"""  # noqa: S608  (constants of ours)

_PROMOTE: Final = f"""INSERT INTO kept_traces ({COLUMNS}, KeptFor, KeepUntil)
SELECT {COLUMNS}, '{Reason.WRONG}', toDateTime({{until:UInt32}}, 'UTC')
FROM kept_traces FINAL
WHERE TraceId IN {{trace_ids:Array(String)}}
    AND KeptFor = '{Reason.UNLABELLED}'"""  # noqa: S608  (constants of ours)
_LET_GO: Final = f"""DELETE FROM kept_traces
WHERE TraceId IN {{trace_ids:Array(String)}}
    AND KeptFor = '{Reason.UNLABELLED}'"""  # noqa: S608  (constants of ours)
_HAS_KEPT: Final = f"""SELECT DISTINCT TraceId
FROM kept_traces
WHERE TraceId IN {{trace_ids:Array(String)}}
    AND KeptFor = '{Reason.UNLABELLED}'"""  # noqa: S608  (constants of ours)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one pass did.

    Args:
        marks: How many labels it looked at.
        wrong: How many traces are kept from now on.
        right: How many were let go.
    """

    marks: int = 0
    wrong: int = 0
    right: int = 0


async def follow_labels(database: Database, rules: KeepingRules, *, most: int) -> Judged:
    """Join predictions with the labels that came for them, and look at their traces; some labels at a time.

    Args:
        database: Where, as a user who may write.
        rules: How long traces are kept.
        most: Most labels to look at.
    """
    marks = await database.fetch(Query(_MARKS, {"most": most}))
    if not marks:
        return Judged()
    predictions = sorted({str(prediction) for _, prediction in marks})
    await join_labels(database, predictions)
    wrong, right = await _judge(database, rules, predictions)
    ids = [str(identity) for identity, _ in marks]
    await database.execute(Query(_DELETE_MARKS, {"ids": json.dumps(ids)}))
    return Judged(len(marks), wrong, right)


async def _judge(database: Database, rules: KeepingRules, predictions: Sequence[str]) -> tuple[int, int]:
    reached = await kept_to(database)
    if reached is None:
        return 0, 0
    asked = {"predictions": list(predictions), "kept_to": int(reached.timestamp())}
    traces = await database.fetch(Query(_TRACES, asked))
    if not traces:
        return 0, 0
    first, last = min(int(row[1]) for row in traces), max(int(row[2]) for row in traces)
    day = int(_DAY.total_seconds())
    among = {"trace_ids": [str(row[0]) for row in traces], "first": first - day, "last": last + day}
    verdicts = await database.fetch(Query(_VERDICTS, among))
    wrong = [str(trace_id) for trace_id, is_wrong, _ in verdicts if int(is_wrong)]
    right = [str(trace_id) for trace_id, is_wrong, is_known in verdicts if int(is_known) and not int(is_wrong)]
    if wrong:
        newest = datetime.fromtimestamp(last, UTC)
        await _keep(database, rules, wrong, newest)
    waiting = await _waiting(database, right)
    if waiting:
        await database.execute(Query(_LET_GO, {"trace_ids": waiting}))
    return len(wrong), len(waiting)


async def _keep(database: Database, rules: KeepingRules, trace_ids: Sequence[str], at: datetime) -> None:
    """Keep them from now on, from the copy that waited or, for the last days before retention, from raw spans."""
    until = rules.until(Reason.WRONG, at)
    await database.execute(Query(_PROMOTE, {"trace_ids": list(trace_ids), "until": int(until.timestamp())}))
    await copy_traces(database, trace_ids, Reason.WRONG, at=at, until=until)


async def _waiting(database: Database, trace_ids: Sequence[str]) -> list[str]:
    """Those of which a copy waits for labels."""
    if not trace_ids:
        return []
    rows = await database.fetch(Query(_HAS_KEPT, {"trace_ids": list(trace_ids)}))
    return [str(trace_id) for (trace_id,) in rows]
