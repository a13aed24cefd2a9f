"""Figures that rest on labels are told apart from those whose labels have not come."""

from datetime import timedelta

import pytest

from services.monitoring_api.alerting.batch import ClickHouseMeasure
from services.monitoring_api.alerting.joining import IMMATURE, observe
from services.monitoring_api.alerting.models import ObservationKind
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.current import measure
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.ripeness import mature_until
from tests.monitoring_api.queries.asking import question
from tests.monitoring_api.store import T0, label, prediction, text

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
NOW = T0 + 100 * HOUR


@pytest.fixture
def labelled(store):
    """Five days of predictions, ten an hour, each labelled after two hours, as far as these are over."""
    rows = []
    for number in range(1_000):
        at = T0 + number * HOUR / 10
        rows.append(prediction(at, prediction_id=f"p{number}", score=0.9))
        if at + 2 * HOUR <= NOW:
            arrived = {"ArrivedAt": text(at + 2 * HOUR)}
            rows.append(label(at + 2 * HOUR, f"p{number}", "on_time" if number % 2 else "late", **arrived))
    store.insert("otel_logs", rows)
    return store


async def test_a_window_whose_labels_are_on_their_way_is_immature(labelled):
    """The last six hours lack a third of their labels; of the last four days nearly all have come."""
    curves = SharedCurves(60)
    (short,) = await measure(labelled, "accuracy", window=6 * HOUR, now=NOW, curves=curves)
    (long,) = await measure(labelled, "accuracy", window=96 * HOUR, now=NOW, curves=curves)
    assert "95%" in short.immature
    assert (long.immature, long.value) == (None, pytest.approx(0.5, abs=0.01))


async def test_metrics_without_labels_are_never_immature(labelled):
    """Also how many labels have come is known at once."""
    for metric in ("prediction_rate", "label_coverage"):
        (found,) = await measure(labelled, metric, window=HOUR, now=NOW, curves=SharedCurves(60))
        assert found.immature is None


async def test_history_tells_up_to_when_labels_have_come(labelled):
    """About two hours before now; never beyond the range; nothing for a model of which nothing is known."""
    curves = SharedCurves(60)
    now_ns = int(NOW.timestamp()) * 10**9
    until = await mature_until(labelled, question("accuracy", T0, NOW), now_ns, curves)
    assert NOW - 3 * HOUR < T0 + timedelta(microseconds=(until - int(T0.timestamp()) * 10**9) // 1000) <= NOW - 2 * HOUR
    asked = question("accuracy", T0, T0 + HOUR)
    assert await mature_until(labelled, asked, now_ns, curves) == asked.span.end_ns
    assert await mature_until(labelled, question("request_rate", T0, NOW), now_ns, curves) is None
    assert await mature_until(labelled, question("accuracy", T0, NOW, where=["model=other"]), now_ns, curves) is None


async def test_an_alert_does_not_judge_an_immature_window(labelled):
    """A rule on accuracy fires on a window whose labels have come, and fails on one whose labels have not."""
    ask = ClickHouseMeasure(labelled, delay_seconds=0)

    async def judged(window_hours: int):
        asked = Rule.model_validate(
            {"alert": "Wrong", "metric": "accuracy", "window": f"{window_hours}h", "condition": "< 0.8"}
        )
        (question,) = asked.questions(NOW.timestamp())
        (reading,) = (await ask([question], NOW.timestamp()))[question]
        return observe(asked, reading)

    early, late = await judged(6), await judged(96)
    assert (early.kind, early.error.startswith(IMMATURE)) == (ObservationKind.IMMATURE, True)
    assert late.kind is ObservationKind.BREACHING


async def test_each_model_s_group_is_judged_by_its_own_labels(labelled):
    """A model without labels keeps none but itself from being judged; labels that stall make theirs immature."""
    more = {"ml.model.name": "aaa"}
    labelled.insert("otel_logs", [prediction(NOW - HOUR, prediction_id=f"a{n}", attributes=more) for n in range(30)])
    curves = SharedCurves(60)
    found = await measure(labelled, "accuracy", window=96 * HOUR, now=NOW, group_by=["model"], curves=curves)
    assert {each.labels["model"]: each.immature is None for each in found} == {"aaa": False, "flight-delay": True}
    late = [prediction(NOW - 30 * HOUR, prediction_id=f"s{n}", score=0.9) for n in range(2_000)]
    labelled.insert("otel_logs", late)
    (stalled,) = await measure(
        labelled,
        "accuracy",
        window=96 * HOUR,
        now=NOW,
        filters=[equal("model", "flight-delay")],
        curves=curves,
    )
    assert stalled.immature.startswith("labels are late")
