"""Scores at the edge of what a number can be: none keeps others from their figures."""

from datetime import timedelta

import pytest

from services.monitoring_api.maintenance.comparisons import COMPARISONS
from services.monitoring_api.maintenance.verify import days, verify
from services.monitoring_api.queries.sketch import MOST_SCORE
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_tiers import MINUTES, maintain
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import T0, prediction

pytestmark = pytest.mark.anyio
END = T0 + timedelta(minutes=30)


def seed(store, score):
    """A prediction in each of thirty minutes, and in the sixth another one with a score of its own."""
    store.insert("otel_logs", [prediction(T0 + timedelta(minutes=n), score=0.5) for n in range(30)])
    at = T0 + timedelta(minutes=5, seconds=1)
    store.insert("otel_logs", [prediction(at, score=None, attributes={"ml.prediction.score": score})])


async def answers(store):
    """Every figure of scores, by step: from raw rows, minutes, quarters and finished figures."""
    return {
        (metric, step): values(await ask_history(store, metric, T0, END, step=step))[()]
        for metric in ("score_mean", "score_p50", "score_p95", "prediction_rate")
        for step in ("30s", "1m", "5m", "15m", "30m")
    }


@pytest.mark.parametrize(
    ("score", "sketched"),
    [
        ("1e308", MOST_SCORE),
        ("1.7976931348623157e308", MOST_SCORE),
        ("-1e308", -MOST_SCORE),
        ("2e299", MOST_SCORE),
        ("1.6e299", 1.6e299),
        ("inf", None),
        ("-inf", None),
        ("nan", None),
    ],
)
async def test_an_extreme_score_neither_fails_nor_poisons(store, score, sketched):
    """Raw, half computed and computed: every answer comes, the other buckets are as ever, and verify is content."""
    seed(store, score)
    raw = await answers(store)
    await maintain(store, MINUTES)
    half = await answers(store)
    await maintain(store)
    assert store.rows("SELECT count() FROM rollup_dirty WHERE Kind NOT LIKE 'outcomes%'") == [[0]]
    computed = await answers(store)
    # What comes late is merged with sketches that are there.
    store.insert("otel_logs", [prediction(T0 + timedelta(minutes=29, seconds=1), score=0.5)])
    late = await answers(store)
    for found in (raw, half, computed, late):
        others = [value for n, value in enumerate(found["score_p50", "1m"]) if n != 5]
        assert others == pytest.approx([0.5] * 29, rel=0.01)
        assert found["score_p50", "30m"] == pytest.approx([0.5], rel=0.01)
        assert all(value is not None for value in found["score_p95", "1m"])
    ends = sorted([0.5, 0.5 if sketched is None else sketched])
    for found in (half, computed, late):
        minute = found["score_p95", "1m"][5]
        assert any(minute == pytest.approx(end, rel=0.0101) for end in ends)
    ((low, high),) = store.rows(
        "SELECT min(each), max(each) FROM (SELECT arrayJoin([ScoreP50, ScoreP95]) AS each "
        "FROM rollup_predictions_finished FINAL)"
    )
    assert low == pytest.approx(ends[0] if sketched is not None and sketched < 0 else 0.5, rel=0.0101)
    assert high <= 1.0101 * ends[1]
    span = TimeRange(epoch_ns(T0), epoch_ns(END))
    found = [await verify(store, comparison, day) for comparison in COMPARISONS for day in days(span)]
    assert [difference for each in found for difference in each.differences] == []
