"""What follows from labels: their predictions are joined anew, and traces that waited for one are kept or let go.

A label may come after raw spans are gone: then a copy of the trace waited for it, kept if the prediction was wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

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
from services.monitoring_api.maintenance.label_marks import TAKEN, take, work_off
from services.monitoring_api.maintenance.outcomes import join_labels

# Traces that were looked at before retention took them, of these predictions.
_TRACES: Final = f"""SELECT TraceId, toUnixTimestamp(min(Timestamp)), toUnixTimestamp(max(Timestamp))
FROM predictions
WHERE {TAKEN}
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


async def follow_labels(database: Database, rules: KeepingRules, *, most: int, traces_at_once: int = 3_000) -> Judged:
    """Join predictions with the labels that came for them, and look at their traces; some labels at a time.

    Args:
        database: Where, as a user who may write.
        rules: How long traces are kept.
        most: Most labels to look at.
        traces_at_once: Most traces to look at by one statement.
    """
    marks = await take(database, most=most)
    if marks is None:
        return Judged()
    await join_labels(database, marks.batch)
    wrong, right = await _judge(database, rules, marks.batch, traces_at_once)
    await work_off(database, marks)
    return Judged(marks.count, wrong, right)


async def _judge(database: Database, rules: KeepingRules, batch: str, at_once: int) -> tuple[int, int]:
    reached = await kept_to(database)
    if reached is None:
        return 0, 0
    asked = {"batch": batch, "kept_to": int(reached.timestamp())}
    traces = await database.fetch(Query(_TRACES, asked))
    judged = [await _judge_some(database, rules, traces[n : n + at_once]) for n in range(0, len(traces), at_once)]
    return sum(wrong for wrong, _ in judged), sum(right for _, right in judged)


async def _judge_some(database: Database, rules: KeepingRules, traces: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Look at some traces, each with the times of its first and last prediction."""
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
