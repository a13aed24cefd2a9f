"""Performance by day over millions of labelled predictions: from rollups, from every row, and by scikit-learn.

One store holds a model of so many predictions and one of a tenth of them over the same days. Every way gives the area
under the ROC curve and the logarithmic loss of each day; they are compared before anything is timed: the exact way with
scikit-learn on the same rows, the rollups' with the exact one within the bound that they tell. Rows that the engine
says it read show which way was taken. What it costs to keep all this `benchmarks.model_truth.ingest` measures.

    python -m benchmarks.model_truth [--predictions 10000000] [--days 30] [--rounds 7]
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from sklearn import metrics

from benchmarks import report
from benchmarks.history.arms import Arm, start
from benchmarks.model_truth.generate import fill
from services.monitoring_api.database import Database, Query
from services.monitoring_api.garbage import look_seldom
from services.monitoring_api.maintenance.rebuild import rebuild, rebuildings
from services.monitoring_api.queries.buckets import Buckets, Step
from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.question import Question, ask
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange

_DAY: Final = 86_400
_METRICS: Final = ("roc_auc", "log_loss")
_ROWS: Final = """SELECT toUInt32(intDiv(toUnixTimestamp(Minute), 86400)) AS Day, Score, toUInt8(Actual) AS Actual
FROM outcomes_data FINAL
WHERE ModelName = {model:String} AND Labelled"""


def main() -> None:
    """Fill, check, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    on = report.machine()
    look_seldom()
    first = int(time.time()) // _DAY - given.days - 1
    span = TimeRange(first * _DAY * NANOSECONDS, (first + given.days) * _DAY * NANOSECONDS)
    sizes = {"small": given.predictions // 10, "large": given.predictions}
    with contextlib.ExitStack() as running:
        ours = start(running, "ours")
        for model, predictions in sizes.items():
            fill(ours.writer, model=model, predictions=predictions, first_day=first, days=given.days)
        lines, figures = asyncio.run(_measure(ours, span, given))
    report.keep("model_truth", "\n".join(lines), figures, on)


def _question(model: str, metric: str, span: TimeRange) -> Question:
    return ask(find_metric(metric), span, group_by=[], filters=[equal("model", model)])


def _buckets(span: TimeRange) -> Buckets:
    return Buckets(span, Step(_DAY), ZoneInfo("UTC"))


async def _statements(database: Database, model: str, span: TimeRange, *, exact: bool) -> list[Query]:
    """What is asked for every figure, from rollups or from rows."""
    found = []
    for metric in _METRICS:
        question = _question(model, metric, span)
        plan = (await prepare(database, question, _buckets(span))).plan
        if exact:
            plan = replace(plan, rollup=(), longer=(), prepared=(*plan.prepared, *plan.rollup, *plan.longer))
        else:
            question = question.bounding()
        found.append(series_query(question, plan, _buckets(span), most_rows=1000))
    return found


def _ask(ours: Arm, statements: list[Query]) -> tuple[list[list[Any]], int, float]:
    """The answers, how many rows were read for them, and the milliseconds they took."""
    answers, read = [], 0
    begun = time.monotonic()
    for statement in statements:
        answer = ours.reader.query(statement.sql, parameters=dict(statement.parameters))
        answers.append(sorted(answer.result_rows, key=lambda row: row[0]))
        read += int(answer.summary.get("read_rows", 0))
    return answers, read, (time.monotonic() - begun) * 1e3


def _by_scikit_learn(ours: Arm, model: str) -> tuple[list[list[float]], float, float]:
    """Areas and losses by day, and the seconds for loading the rows and for computing."""
    begun = time.monotonic()
    table = ours.reader.query_arrow(_ROWS, parameters={"model": model})
    days, scores, actual = (table.column(n).to_numpy() for n in range(3))
    loaded = time.monotonic()
    found: list[list[float]] = [[], []]
    for day in np.unique(days):
        among = days == day
        found[0].append(float(metrics.roc_auc_score(actual[among], scores[among])))
        found[1].append(float(metrics.log_loss(actual[among], scores[among])))
    return found, loaded - begun, time.monotonic() - loaded


def _check(rolled: list[list[Any]], exact: list[list[Any]], learned: list[list[float]]) -> tuple[float, float]:
    """Whether all ways agree; the largest error of an area from rollups, and the largest bound told."""
    areas, losses = learned
    assert np.allclose([row[1] for row in exact[0]], areas, rtol=1e-9, atol=0), "no area of scikit-learn's"
    for answer in (rolled, exact):
        # A sum, and over how many rows.
        assert np.allclose([row[1] / row[2] for row in answer[1]], losses, rtol=1e-9, atol=0), (
            "no loss of scikit-learn's"
        )
    errors = [abs(row[1] - area) for row, area in zip(rolled[0], areas, strict=True)]
    bounds = [row[2] for row in rolled[0]]
    assert all(error <= bound for error, bound in zip(errors, bounds, strict=True)), "an error beyond its bound"
    return max(errors), max(bounds)


async def _measure(ours: Arm, span: TimeRange, given: argparse.Namespace) -> tuple[list[str], dict[str, object]]:
    writer = ours.database("maintainer")
    _, predictions = rebuildings(400, 400)
    begun = time.monotonic()
    await rebuild(writer, predictions, span, now=datetime.now(UTC), kept=timedelta(days=400))
    built = time.monotonic() - begun
    await writer.close()
    ours.optimize()
    print("joined and summed up; measuring", file=sys.stderr)
    database = ours.database("reader")
    rolled = {model: await _statements(database, model, span, exact=False) for model in ("small", "large")}
    exact = await _statements(database, "large", span, exact=True)
    answers, read, _ = _ask(ours, rolled["large"])
    exact_answers, exact_read, _ = _ask(ours, exact)
    learned, loading, computing = _by_scikit_learn(ours, "large")
    error, bound = _check(answers, exact_answers, learned)
    times = [{model: _ask(ours, statements)[2] for model, statements in rolled.items()} for _ in range(given.rounds)]
    exact_times = [_ask(ours, exact)[2] for _ in range(3)]
    whole = [await _whole(database, span) for _ in range(given.rounds)]
    await database.close()
    ours_ms = statistics.median(each["large"] for each in times)
    python_ms = (loading + computing) * 1e3
    exact_ms = statistics.median(exact_times)
    per_ten = exact_ms / 1e3 * 10_000_000 / given.predictions
    table: list[tuple[str, str, str]] = [
        ("from rollups, ms (wanted: 300)", report.Spread.of([each["large"] for each in times]).text(".1f"), ""),
        ("  a tenth of the predictions, ms", report.Spread.of([each["small"] for each in times]).text(".1f"), ""),
        ("  ten times the predictions cost", report.ratios(times, "large", "small").text(), "flat"),
        ("  rows read", f"{read:,}", ""),
        ("  largest error of an area", f"{error:.1e}", "1e-4"),
        ("  largest bound told", f"{bound:.1e}", ""),
        ("  whole question through Python, ms", report.Spread.of(whole).text(".1f"), ""),
        ("exact, from joined rows, ms", f"{exact_ms:,.0f}", ""),
        ("  seconds for 10 million rows", f"{per_ten:.2f}", "5"),
        ("  rows read", f"{exact_read:,}", ""),
        ("scikit-learn, loading the rows, ms", f"{loading * 1e3:,.0f}", ""),
        ("scikit-learn, computing, ms", f"{computing * 1e3:,.0f}", ""),
        ("  times slower than from rollups", f"{python_ms / ours_ms:,.0f}", "50"),
    ]
    lines = [
        f"Area under the ROC curve and log loss by day of {given.predictions:,} labelled predictions",
        f"over {given.days} days ({given.rounds} rounds, median and quartiles)",
        "",
        *(f"{name:<44}{value:>28}{wanted:>10}" for name, value, wanted in table),
        "",
        f"Joining and summing all of it up took {built:,.0f} s.",
    ]
    figures = {"times": times, "exact_ms": exact_times, "loading": loading, "computing": computing, "built": built}
    return lines, {**figures, "error": error, "bound": bound, "read": read, "exact_read": exact_read}


async def _whole(database: Database, span: TimeRange) -> float:
    """How long the API takes over the same, with nothing kept."""
    begun = time.monotonic()
    for metric in _METRICS:
        await history(database, _question("large", metric, span), _buckets(span), now=datetime.now(UTC))
    return (time.monotonic() - begun) * 1e3


if __name__ == "__main__":
    main()
