"""A model's figures from sums and histograms that are kept are those of its rows."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.queries import performance_report as reporting
from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.performance_report import PerformanceQuestion, performance_report
from services.monitoring_api.queries.performance_sums import ROWS_ONLY
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_outcomes import DAY, END, LATER, START, made, maintain
from tests.monitoring_api.store import label, prediction

pytestmark = pytest.mark.anyio
SPAN = TimeRange(epoch_ns(START), epoch_ns(END))


async def report(store, *, exact=False, model="flight-delay", step="1d", span=SPAN):
    """How the model did."""
    question = PerformanceQuestion(
        Outcomes(model, span), choose_step(step, span, ZoneInfo("UTC")), epoch_ns(LATER), exact=exact
    )
    return await performance_report(store, question)


@pytest.fixture
def many(monkeypatch):
    """A few predictions are many."""
    monkeypatch.setattr(reporting, "MOST_ROWS", 0)


def assert_same(summed, exact, bound):
    """Counts are equal, figures to a billionth, areas within the bound; intervals of areas hold the exact value."""
    assert (summed.predictions, summed.labels) == (exact.predictions, exact.labels)
    for name, figure in exact.figures.items():
        mine = summed.figures[name]
        if mine.reason == ROWS_ONLY:
            continue
        slack = bound if name.endswith("_auc") else 0
        assert mine.value == pytest.approx(figure.value, rel=1e-9, abs=slack), name
        assert mine.n == figure.n, name
        if mine.low is not None and not name.endswith("_auc"):
            assert (mine.low, mine.high) == pytest.approx((figure.low, figure.high)), name
    area = exact.figures.get("roc_auc")
    if area is not None and area.value is not None:
        assert summed.figures["roc_auc"].low < area.value < summed.figures["roc_auc"].high


@pytest.mark.parametrize("step", ["1d", "6h"])
async def test_sums_say_what_rows_say(store, many, step):
    """Over all and of each bucket, by days (histograms) and by hours (sums, and areas from rows)."""
    predictions, labels, _ = made()
    store.insert("otel_logs", [*predictions, *labels])
    await maintain(store)
    found, exact = await report(store, step=step), await report(store, step=step, exact=True)
    assert (found.source, exact.source) == ("rollup_1d" if step == "1d" else "rollup_15m", "joined")
    assert (0 < found.error_bound < 0.01, exact.error_bound) == (True, 0.0)
    assert_same(found.whole.measured, exact.whole.measured, found.error_bound)
    for mine, theirs in zip(found.series, exact.series, strict=True):
        assert_same(mine.measured, theirs.measured, found.error_bound)
        assert mine.maturity.mature == theirs.maturity.mature
    assert found.whole.measured.figures["ece_equal_mass"].reason == ROWS_ONLY


async def test_a_regression_s_sums_say_what_rows_say(store, many):
    """Errors, and the share of variance explained."""
    kind = {"ml.task": "regression"}
    rows = []
    for number in range(200):
        at = START + number * DAY / 200
        value = {**kind, "ml.prediction.value": str(number % 17)}
        rows.append(prediction(at, prediction_id=f"r{number}", score=None, attributes=value))
        rows.append(label(at, f"r{number}", str(number % 19 + 0.5)))
    store.insert("otel_logs", rows)
    await maintain(store)
    span = TimeRange(epoch_ns(START), epoch_ns(START + DAY))
    found, exact = await report(store, span=span), await report(store, span=span, exact=True)
    assert found.source == "rollup_1d"
    for name, figure in exact.whole.measured.figures.items():
        mine = found.whole.measured.figures[name]
        assert mine.reason == ROWS_ONLY or mine.value == pytest.approx(figure.value, rel=1e-9), name


async def test_few_predictions_and_those_as_of_a_time_are_read_row_by_row(store):
    """Sums answer only where rows would take long, and never for the past."""
    predictions, labels, _ = made(count=300)
    store.insert("otel_logs", [*predictions, *labels])
    await maintain(store)
    found = await report(store)
    assert (found.source, found.error_bound) == ("joined", 0.0)
    assert found.whole.measured.figures["log_loss"].low is not None
    assert timedelta(days=1) < LATER - END
