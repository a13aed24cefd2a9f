"""Whether the explainer finds what was planted, reports nothing where nothing was, and how long a million spans take.

    python -m benchmarks.explain [--question wrong|slow] [--seeds N] [--null N]     planted causes; fails when one is
    missed python -m benchmarks.explain --spans N                                          time

The simulation is the tests' own (tests/monitoring_api/queries/explain/planted.py), with every seed. A cause is found
when it is the first finding. Beside it stands what comes first by share among the selected minus share among the rest,
of the very hypotheses that the explainer tested.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from benchmarks import report
from services.monitoring_api.queries.explain.document import candidate_words
from services.monitoring_api.queries.explain.explainer import explain
from services.monitoring_api.queries.explain.selftimes import self_times
from services.monitoring_api.queries.explain.slow import slow_requests
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from tests.monitoring_api.queries.explain.planted import NULL, SIZES, Cause, Planted, Question, Ranked, run
from tests.monitoring_api.store import T0, ChdbStore

_PLANTED: Final = tuple(cause for cause in Cause if cause is not Cause.NOTHING)
# Of 200 runs with nothing planted 10 are expected to report something at 5 %, and more than 16 only twice in a
# hundred times.
_MOST_FALSE: Final = 0.08
_SPANS_PER_TRACE: Final = 4
_ROUNDS: Final = 3

# Twelve attributes of the span and eight of its resource, as a service of ours has them; one host is slow.
_SPANS: Final = """
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, ResourceAttributes,
    SpanAttributes, Duration, StatusCode)
WITH
    arrayJoin(range({per_trace:UInt8})) AS span,
    sipHash64(trace, 1) AS chance,
    sipHash64(trace, span, 2) AS own,
    chance % 20 AS host,
    concat('/v1/route-', toString(intDiv(chance, 32) % 5)) AS path,
    (own % 1000000) / 1000000. AS u
SELECT
    fromUnixTimestamp64Nano(toInt64({start_ns:Int64} + trace * {apart_ns:Int64} + span * 100000)),
    lower(hex(sipHash128(trace))),
    lower(hex(own)),
    if(span = 0, '', lower(hex(sipHash64(trace, 0, 2)))),
    ['POST', 'model.predict', 'GET features', 'connect'][span + 1],
    ['Server', 'Internal', 'Client', 'Client'][span + 1],
    'ml-api',
    map('service.name', 'ml-api', 'service.version', concat('1.', toString(intDiv(chance, 64) % 3)), 'os.type', 'linux',
        'service.instance.id', toString(reinterpretAsUUID(sipHash128(host))),
        'deployment.environment.name', 'production', 'host.name', concat('node-', toString(host)),
        'telemetry.sdk.language', 'python', 'telemetry.sdk.version', '1.45.0'),
    map('http.request.method', 'POST', 'http.route', path, 'http.response.status_code', '200',
        'url.path', concat(path, '/', toString(trace)), 'url.scheme', 'http', 'network.protocol.version', '1.1',
        'client.address', IPv4NumToString(toUInt32(chance)),
        'user_agent.original', concat('client/', toString(intDiv(chance, 128) % 5)), 'ml.model.name', 'flight-delay',
        'ml.model.version', concat('v', toString(intDiv(chance, 256) % 3)),
        'http.request.body.size', toString(intDiv(chance, 512) % 5000), 'ml.entity.id', lower(hex(chance))),
    toUInt64(2e6 * exp(2 * u * u) * if(span = 0, 4, 1) * if(host = 7 AND span = 0, 3, 1)),
    'Unset'
FROM (SELECT number AS trace FROM numbers({traces:UInt64}))
"""


def main() -> None:
    """Simulate, or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--question", choices=[each.value for each in Question])
    parser.add_argument("--seeds", type=int, default=20, help="runs of each cause and size")
    parser.add_argument("--null", type=int, default=200, help="runs with nothing planted")
    parser.add_argument("--spans", type=int, help="measure the time over so many spans instead")
    given = parser.parse_args()
    on = report.machine()
    if given.spans:
        text, figures = asyncio.run(_measure(given.spans))
        report.keep("explain_spans", text, figures, on)
        return
    questions = [Question(given.question)] if given.question else list(Question)
    wanting = []
    for question in questions:
        text, figures, fell_short = asyncio.run(_simulate(question, given.seeds, given.null))
        report.keep(f"explain_{question}", text, figures, on)
        wanting += fell_short
    if wanting:
        sys.exit("\n".join(["", "Falls short:", *wanting]))


async def _simulate(question: Question, seeds: int, null: int) -> tuple[str, dict[str, Any], list[str]]:
    store = ChdbStore()
    lines = [
        f"{question}: of so many runs, the planted cause came first",
        "",
        f"{'planted':<28}{'size':<10}{'rows':>8}{'selected':>10}{'runs':>6}{'ours':>6}{'share difference':>18}",
    ]
    wanting, cells = [], []
    for cause in _PLANTED:
        for size in SIZES:
            ranked = [await _run(store, Planted(question, cause, size, seed)) for seed in range(1, seeds + 1)]
            hits, differences = sum(each.hit for each in ranked), sum(each.difference_hit for each in ranked)
            selected = sum(each.selected for each in ranked) / len(ranked) / size.rows
            cells.append(
                {"cause": cause, "size": size.name, "runs": seeds, "hits": hits, "difference_hits": differences}
            )
            lines.append(
                f"{cause:<28}{size.name:<10}{size.rows:>8,}{selected:>10.1%}{seeds:>6}{hits:>6}{differences:>18}"
            )
            print(f"\r{lines[-1]}", file=sys.stderr)
            wanting += [f"{cause}, {size.name}: {_first(each)}" for each in ranked if not each.hit]
    false = [await _run(store, Planted(question, Cause.NOTHING, NULL, seed)) for seed in range(1, null + 1)]
    reported = [each for each in false if each.explained.findings]
    searched = sum(each.explained.searched for each in false) / max(len(false), 1)
    lines += ["", f"nothing planted, {NULL.rows:,} rows: {len(reported)} of {null} runs reported anything"]
    lines.append(f"about {searched:,.0f} hypotheses a run")
    if len(reported) > _MOST_FALSE * null:
        wanting += [f"{question}, nothing planted: {_first(each)}" for each in reported]
    store.release()
    return "\n".join(lines), {"question": question, "planted": cells, "null": null, "false": len(reported)}, wanting


async def _run(store: ChdbStore, planted: Planted) -> Ranked:
    print(f"\r{planted.question} {planted.cause}, {planted.size.name}, {planted.seed}\033[K", end="", file=sys.stderr)
    return await run(store, planted)


def _first(ranked: Ranked) -> str:
    findings = ranked.explained.findings
    return f"seed {ranked.planted.seed}: " + (candidate_words(findings[0].candidate) if findings else "nothing found")


async def _measure(spans: int) -> tuple[str, dict[str, Any]]:
    store = ChdbStore()
    traces = spans // _SPANS_PER_TRACE
    span = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(hours=1)))
    store.rows(
        _SPANS,
        {
            "per_trace": _SPANS_PER_TRACE,
            "traces": traces,
            "start_ns": span.start_ns,
            "apart_ns": 3600 * NANOSECONDS // traces,
        },
    )
    seconds: list[float] = []
    processor: list[float] = []
    self_seconds: list[float] = []
    words: Sequence[str] = ()
    for _ in range(_ROUNDS):
        begun, used = time.monotonic(), time.process_time()
        cases, requests = await slow_requests(store, SpanSelection(), span, None)
        explained = await explain(store, cases)
        seconds.append(time.monotonic() - begun)
        processor.append(time.process_time() - used)
        begun = time.monotonic()
        await self_times(store, requests, cases.selected, cases.rest)
        self_seconds.append(time.monotonic() - begun)
        words = [candidate_words(each.candidate) for each in explained.findings]
    store.release()
    # Of all threads of the engine and of Python; what else runs on the machine changes it less than the time by the
    # clock.
    used_seconds = report.Spread.of(processor)
    took, own = report.Spread.of(seconds), report.Spread.of(self_seconds)
    text = "\n".join(
        [
            f"{spans:,} spans of 20 attributes in {traces:,} requests: {cases.selected:,} slow, {cases.rest:,} others",
            f"looked at {cases.sampled[0]:.1%} of the former, {cases.sampled[1]:.1%} of the latter",
            f"explained in {took.text()} s, {used_seconds.text()} s of processor time on all cores ({_ROUNDS} rounds)",
            f"self time of operations in {own.text()} s more",
            f"{explained.searched:,} hypotheses; found: {'; '.join(words)}",
        ]
    )
    return text, {
        "spans": spans,
        "seconds": seconds,
        "processor_seconds": processor,
        "self_time_seconds": self_seconds,
        "found": list(words),
    }


if __name__ == "__main__":
    main()
