"""A model's figures from sums and histograms that are kept, for more predictions than anybody waits to have read."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from services.monitoring_api.database import Database, Query
from services.monitoring_api.queries.arrivals import age_bin
from services.monitoring_api.queries.buckets import Buckets
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.maturity import made_in
from services.monitoring_api.queries.metric import Kind, Metric
from services.monitoring_api.queries.outcome_measures import (
    PR_AUC,
    PR_AUC_BOUND,
    R2,
    RANKED,
    ROC_AUC,
    ROC_AUC_BOUND,
    added,
)
from services.monitoring_api.queries.outcome_measures import SUMS as COLUMNS
from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.performance.asked import LEVELS
from services.monitoring_api.queries.performance.binary import accuracy
from services.monitoring_api.queries.performance.calibration import CALIBRATION
from services.monitoring_api.queries.performance.confusion import Confusion
from services.monitoring_api.queries.performance.figure import (
    LEAST,
    NO_PROBABILITY,
    NO_SCORE,
    ONE_CLASS,
    Figure,
    absent,
    known,
    too_few,
)
from services.monitoring_api.queries.performance.intervals import Interval, around
from services.monitoring_api.queries.performance.measured import Measured
from services.monitoring_api.queries.performance.regression import NOT_NUMBERS
from services.monitoring_api.queries.question import Question, condition_sql
from services.monitoring_api.queries.reading import prepare
from services.monitoring_api.queries.series import SeriesRow, series_query
from services.monitoring_api.queries.source import Measure
from services.monitoring_api.queries.sources import OUTCOMES
from services.monitoring_api.queries.timerange import TimeRange

ROWS_ONLY: Final = "only computed from rows: ask with exact=true"
TASKS: Final = frozenset({"binary", "regression"})
_MOST_ROWS: Final = 12_000
_ALL: Final = -1
_AREAS: Final = frozenset({"roc_auc", "pr_auc"})
_AGE: Final = age_bin("{now_us:Int64} - toUnixTimestamp(Minute) * 1000000 - 450000000")

Sums = Mapping[str, float]
Age = tuple[TimeRange, int]


def can_sum(outcomes: Outcomes, task: str) -> bool:
    """Whether what is kept can answer: nothing as of a time, no condition that only rows know."""
    known_columns = {dimension.rollup for dimension in OUTCOMES.dimensions.values() if dimension.rollup}
    return (
        outcomes.as_of_ns is None
        and task in TASKS
        and all(column in known_columns for column, _ in outcomes.conditions)
    )


async def summed(
    database: Database,
    outcomes: Outcomes,
    buckets: Buckets,
    *,
    task: str,
    wanted: frozenset[str],
    of_parts: frozenset[str],
) -> tuple[Measured, dict[int, Measured], str, float]:
    """Figures of all and of each bucket, where they come from, and how far areas under curves may be off.

    Args:
        database: Where to ask.
        outcomes: Which predictions, as `can_sum` lets through.
        buckets: How their range is cut.
        task: ``binary`` or ``regression``.
        wanted: Figures of all.
        of_parts: Figures of each bucket.
    """
    sums = [_metric(column, added(column)) for column in COLUMNS]
    sums += [_metric("r2", R2)] if task == "regression" else []
    by_bucket, source = await _ask(database, outcomes, buckets, sums)
    whole, _ = await _ask(database, outcomes, None, sums)
    if (wanted | of_parts) & _AREAS:
        areas = [
            _metric(name, measure, RANKED)
            for name, measure in (
                ("roc_auc", ROC_AUC),
                ("roc_auc_bound", ROC_AUC_BOUND),
                ("pr_auc", PR_AUC),
                ("pr_auc_bound", PR_AUC_BOUND),
            )
        ]
        for found, cut in ((by_bucket, buckets), (whole, None)):
            ranked, _ = await _ask(database, outcomes, cut, areas)
            for key, more in ranked.items():
                found[key] = {**found.get(key, {}), **more}
    figures = _binary if task == "binary" else _regression
    series = {key: figures(each, of_parts, (key,)) for key, each in by_bucket.items()}
    bounds = [
        each.get(f"{name}_bound", 0.0) for name in _AREAS & wanted for each in (*by_bucket.values(), *whole.values())
    ]
    bound = max([0.0, *(each for each in bounds if math.isfinite(each))])
    return figures(whole.get(_ALL, {}), wanted, ()), series, source, bound


async def ages(database: Database, outcomes: Outcomes, buckets: Buckets, now_ns: int) -> dict[str, list[Age]]:
    """When the predictions of each bucket were made, to the quarter of an hour, in bins of their age, and how many."""
    when = ["ModelName = {model:String}", "Variant = {variant:String}"]
    when += ["Minute >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC') - 900"]
    when += ["Minute < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')"]
    when += ["ModelVersion = {version:String}"] if outcomes.version is not None else []
    when += [condition_sql(column, each, f"where_{n}") for n, (column, each) in enumerate(outcomes.conditions)]
    sql = (
        f"SELECT {buckets.expression('Minute')} AS Key, {_AGE} AS Age, sum(Predictions)\n"
        f"FROM {OUTCOMES.rolled_up.table} FINAL\nWHERE {' AND '.join(when)}\nGROUP BY Key, Age"
    )
    parameters = {**outcomes.parameters(), **buckets.parameters(), "now_us": now_ns // 1000}
    found: dict[str, list[Age]] = {}
    for key, number, count in await database.fetch(Query(sql, parameters)):
        found.setdefault(str(key), []).append((made_in(int(number), now_ns), int(count)))
    return found


def _metric(name: str, value: Measure, base: Measure | None = None) -> Metric:
    base = base or added("Predictions")
    return Metric(name, "1", name, Kind.QUANTILE, OUTCOMES, value, base, within=("model",))


async def _ask(
    database: Database, outcomes: Outcomes, buckets: Buckets | None, metrics: Sequence[Metric]
) -> tuple[dict[int, dict[str, float]], str]:
    """The figures by bucket's key (`_ALL`: of all), with `rows`, what they rest on; and where they come from."""
    question = _question(outcomes, metrics)
    plan = (await prepare(database, question, buckets)).plan
    found = await database.fetch(series_query(question, plan, buckets, most_rows=_MOST_ROWS))
    answer: dict[int, dict[str, float]] = {}
    for metric, rows in zip(metrics, SeriesRow.all_of(found, len(metrics)), strict=True):
        for row in rows:
            figures = answer.setdefault(_ALL if buckets is None else row.bucket, {})
            figures[metric.name] = math.nan if row.value is None else row.value
            figures["ranked" if metric.base is RANKED else "rows"] = row.base
    return answer, plan.source(OUTCOMES.rollup)


def _question(outcomes: Outcomes, metrics: Sequence[Metric]) -> Question:
    dimensions = OUTCOMES.dimensions
    by_column = {dimension.rollup: dimension for dimension in dimensions.values()}
    conditions = [(dimensions[name], equal(name, value)) for name, value in _given(outcomes).items()]
    conditions += [(by_column[column], each) for column, each in outcomes.conditions]
    first, *rest = metrics
    return Question(first, outcomes.span, (), tuple(conditions), also=tuple(rest))


def _given(outcomes: Outcomes) -> dict[str, str]:
    given = {"model": outcomes.model, "variant": outcomes.variant}
    return given if outcomes.version is None else given | {"model_version": outcomes.version}


def _counts(sums: Sums) -> dict[str, int]:
    return {column: round(sums.get(column, 0)) for column in COLUMNS if not column.endswith("Sum")}


def _binary(sums: Sums, wanted: frozenset[str], group: tuple[int, ...]) -> Measured:
    counts = _counts(sums)
    labels = counts["Labelled"]
    positive, negative = ("TruePositives", "FalseNegatives"), ("FalsePositives", "TrueNegatives")
    confusion = Confusion(counts[positive[0]], counts[negative[0]], counts[positive[1]], counts[negative[1]])
    few = too_few(confusion.n, labels, LEAST)
    figures = confusion.figures() if few is None else dict.fromkeys(confusion.figures(), few)
    figures["accuracy"] = accuracy(counts["Correct"], counts["Judged"], labels, LEAST)
    for name, column in (("log_loss", "LogLossSum"), ("brier", "SquaredScoreErrorSum")):
        few = too_few(counts["Scored"], labels, LEAST, lacking=NO_PROBABILITY)
        figures[name] = few or known(sums[column] / counts["Scored"], counts["Scored"])
    ranked = round(sums.get("ranked", 0))
    few = too_few(ranked, labels, LEAST, lacking=NO_SCORE)
    for name in _AREAS:
        value = sums.get(name, math.nan)
        if few is not None or not math.isfinite(value):
            figures[name] = few or absent(ranked, ONE_CLASS)
            continue
        positives = confusion.tp + confusion.fn
        interval = _hanley_mcneil(value, positives, confusion.n - positives, sums[f"{name}_bound"])
        figures[name] = known(value, ranked, interval if name == "roc_auc" else (None, None))
    figures |= {name: absent(counts["Scored"], ROWS_ONLY) for name in CALIBRATION}
    return _measured(group, counts, figures, wanted)


def _regression(sums: Sums, wanted: frozenset[str], group: tuple[int, ...]) -> Measured:
    counts = _counts(sums)
    n = counts["Measured"]
    few = too_few(n, counts["Labelled"], LEAST, lacking=NOT_NUMBERS)
    columns = {
        "mae": "AbsoluteErrorSum",
        "mse": "SquaredErrorSum",
        "mape": "RelativeErrorSum",
        "bias": "ErrorSum",
    }
    figures = {name: few or known(sums[column] / n, n) for name, column in columns.items()}
    figures["rmse"] = few or known(math.sqrt(sums["SquaredErrorSum"] / n), n)
    figures["r2"] = few or known(sums.get("r2", math.nan), n)
    pinball = {f"pinball_{level:g}": level for level in LEVELS} if "pinball" in wanted else {}
    for name, level in pinball.items():
        above, below = (sums.get("AbsoluteErrorSum", 0) + sign * sums.get("ErrorSum", 0) for sign in (1, -1))
        figures[name] = few or known(((1 - level) * above + level * below) / 2 / n, n)
    return _measured(group, counts, figures, wanted | pinball.keys())


def _measured(
    group: tuple[int, ...], counts: Mapping[str, int], figures: Mapping[str, Figure], wanted: frozenset[str]
) -> Measured:
    kept = {name: figure for name, figure in figures.items() if name in wanted}
    return Measured(group, counts["Predictions"], counts["Labelled"], kept)


def _hanley_mcneil(area: float, positives: int, negatives: int, bound: float) -> Interval:
    """Of ROC AUC from itself and the sizes of both classes, wider by what the bins may hide.

    Source: Hanley and McNeil, The meaning and use of the area under a receiver operating characteristic (ROC) curve,
    Radiology 143, 1982: scores as if exponential, which is on the safe side for most others.
    """
    if not positives or not negatives:
        return None, None
    of_positives, of_negatives = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area)
    variance += (positives - 1) * (of_positives - area * area) + (negatives - 1) * (of_negatives - area * area)
    low, high = around(area, variance / positives / negatives, floor=0.0, ceiling=1.0)
    if low is None or high is None:
        return None, None
    return max(0.0, low - bound), min(1.0, high + bound)
