"""What keeping performance costs the engine: the same rows with it and without, recompute included.

Both arms take the same spans (four for each prediction), predictions and labels, and compute what is dirty after each
batch; one of them also joins predictions with labels and sums up what became of them. Of CPU seconds, so that it may
run on a busy machine.

    python -m benchmarks.model_truth.ingest [--predictions 100000] [--rounds 3]
"""

import argparse
import asyncio
import contextlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import psutil

from benchmarks import report
from benchmarks.history import generate
from benchmarks.history.arms import Arm, start
from benchmarks.processes import cpu_seconds
from services.monitoring_api.database import Database
from services.monitoring_api.maintenance.judged_traces import follow_labels
from services.monitoring_api.maintenance.kept_traces import KeepingRules
from services.monitoring_api.maintenance.outcomes import JOINED, QUARTERS
from services.monitoring_api.maintenance.recompute import recompute
from services.monitoring_api.maintenance.rollups import (
    OUTCOMES_1D,
    OUTCOMES_15M,
    PREDICTIONS_1M,
    PREDICTIONS_15M,
    Tier,
)
from services.monitoring_api.maintenance.score_bins import keep_bins

_BATCHES: Final = 20
_WANTED: Final = 1.15
_RULES: Final = KeepingRules(timedelta(days=30), timedelta(days=400), timedelta(days=60))

# A UUIDv7 of the prediction's time.
_IDENTITY: Final = """concat(substring(moment, 1, 8), '-', substring(moment, 9, 4), '-7', substring(drawn, 1, 3), '-8',
        substring(drawn, 4, 3), '-', substring(drawn, 7, 12))"""
# A batch of predictions, as the Collector writes them; labels come three batches later.
_PREDICTIONS: Final = """INSERT INTO otel_logs
    (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, LogAttributes,
    EventName)
WITH
    (sipHash64(number) % 1000003) / 1000003 AS score,
    {start_ms:Int64} + toInt64(number * {apart_us:UInt64} / 1000) AS at_ms,
    leftPad(lower(hex(toUInt64(at_ms))), 12, '0') AS moment,
    lower(hex(sipHash128(number, 2))) AS drawn
SELECT
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    lower(hex(sipHash128(number))), lower(hex(sipHash64(number, 1))), 'INFO', 9, 'ml-api',
    concat('{"features":{"distance":', toString(number % 3000), ',"carrier":"UA","wind":12.5,"hour":17}}'),
    map('service.name', 'ml-api', 'service.instance.id', 'i1'),
    map('event.name', 'ml.prediction', 'ml.prediction.id', {identity},
        'ml.model.name', 'flight-delay', 'ml.model.version', 'v1', 'ml.variant', 'champion', 'ml.task', 'binary',
        'ml.prediction.score', toString(score), 'ml.prediction.positive', if(score >= 0.5, 'true', 'false'),
        'ml.prediction.label', if(score >= 0.5, 'late', 'on_time'), 'ml.features.source', 'store'),
    'ml.prediction'
FROM numbers({first:UInt64}, {count:UInt64})""".replace("{identity}", _IDENTITY)
_LABELS: Final = """INSERT INTO otel_logs
    (Timestamp, TraceId, SpanId, SeverityText, SeverityNumber, ServiceName, Body, ResourceAttributes, LogAttributes,
    EventName)
WITH
    leftPad(lower(hex(toUInt64({start_ms:Int64} + toInt64(number * {apart_us:UInt64} / 1000)))), 12, '0') AS moment,
    lower(hex(sipHash128(number, 2))) AS drawn
SELECT
    now64(9), '', '', 'INFO', 9, 'ml-api', '', map('service.name', 'ml-api', 'service.instance.id', 'i1'),
    map('event.name', 'ml.label', 'ml.prediction.id', {identity},
        'ml.label.value', if(number % 3 = 0, 'late', 'on_time')),
    'ml.label'
FROM numbers({first:UInt64}, {count:UInt64})""".replace("{identity}", _IDENTITY)


def main() -> None:
    """Measure both arms in shuffled order, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    on = report.machine()
    rounds: list[dict[str, float]] = []
    for _ in range(given.rounds):
        found = {}
        for name in random.sample(("without", "with"), 2):
            with contextlib.ExitStack() as running:
                ours = start(running, "ours")
                found[f"{name}, spans"], found[name] = asyncio.run(
                    _arm(ours, given.predictions, keeping=name == "with")
                )
        rounds.append(found)
    spread = {name: report.Spread.of([each[name] for each in rounds]).text(".1f") for name in rounds[0]}
    whole = [(each["with"] + each["without, spans"]) / (each["without"] + each["without, spans"]) for each in rounds]
    lines = [
        f"Engine CPU seconds for {given.predictions:,} predictions, as many labels and four spans for each,",
        f"in {_BATCHES} batches with a pass after each ({given.rounds} rounds, median and quartiles)",
        "",
        f"{'spans':<44}{spread['without, spans']:>28}",
        *(f"{f'predictions and labels, {name}':<44}{spread[name]:>28}" for name in ("without", "with")),
        f"{'with to without, predictions and labels':<44}{report.ratios(rounds, 'with', 'without').text():>28}",
        f"{'with to without, all':<44}{report.Spread.of(whole).text():>28}{_WANTED:>10}",
    ]
    report.keep("model_truth_ingest", "\n".join(lines), {"predictions": given.predictions, "rounds": rounds}, on)


async def _arm(ours: Arm, predictions: int, *, keeping: bool) -> tuple[float, float]:
    """CPU seconds for the spans, and for predictions and labels."""
    database = ours.database("maintainer")
    (process,) = (each for each in psutil.Process().children(recursive=True) if str(ours.port) in _environment(each))
    count = predictions // _BATCHES
    # Half a day of predictions, all of it over.
    length = timedelta(hours=12)
    start_ms = int((datetime.now(UTC) - timedelta(days=2)).timestamp()) // 86_400 * 86_400_000
    length_ns = int(length.total_seconds()) * 1_000_000_000
    apart_us = int(length.total_seconds() * 1e6) // predictions
    before = cpu_seconds(process)
    generate.fill(ours.writer, spans=4 * predictions, start_ns=start_ms * 1_000_000, length_ns=length_ns)
    of_spans = cpu_seconds(process) - before
    before = cpu_seconds(process)
    for batch in range(_BATCHES + 3):
        asked = {"first": batch * count, "count": count, "start_ms": start_ms, "apart_us": apart_us}
        if batch < _BATCHES:
            ours.writer.command(_PREDICTIONS, parameters=asked)
        if batch >= 3:
            ours.writer.command(_LABELS, parameters={**asked, "first": (batch - 3) * count})
        await _pass(database, keeping=keeping)
    if keeping:
        await keep_bins(database)
        await _work_off(database, OUTCOMES_1D)
    spent = cpu_seconds(process) - before
    await database.close()
    return of_spans, spent


async def _pass(database: Database, *, keeping: bool) -> None:
    """What the maintenance process does; without keeping performance it neither joins nor sums outcomes."""
    minutes, quarters = PREDICTIONS_1M, PREDICTIONS_15M
    if keeping:
        while (await follow_labels(database, _RULES, most=200_000)).marks:
            pass
    else:
        minutes = replace(minutes, computations=tuple(each for each in minutes.computations if each is not JOINED))
        kept = tuple(each for each in quarters.computations if each is not QUARTERS)
        quarters = replace(quarters, computations=kept, next_kind=None)
    for tier in (minutes, quarters, OUTCOMES_15M) if keeping else (minutes, quarters):
        await _work_off(database, tier)


async def _work_off(database: Database, tier: Tier) -> None:
    settle, kept = timedelta(seconds=10), timedelta(days=400)
    while (await recompute(database, tier, now=datetime.now(UTC), settle=settle, kept=kept, most_marks=3_000)).marks:
        pass


def _environment(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        if "services.embedded_clickhouse" in " ".join(process.cmdline()):
            return process.environ().get("SIGHTGLASS_CLICKHOUSE_PORT", "")
    return ""


if __name__ == "__main__":
    main()
