"""The heat map: every span in exactly one cell, and never too many cells."""

import random
from datetime import timedelta

import pytest

from services.monitoring_api.queries.heatmap import MOST_COLUMNS, heatmap, heatmap_step
from services.monitoring_api.queries.span_selection import SpanSelection
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from services.web.problems import BadInput
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
START = epoch_ns(T0)


async def test_every_span_lies_in_the_cell_of_its_time_and_duration(store):
    """Durations from nothing to days, on the edges of buckets too, counted again by hand."""
    chance = random.Random(1)
    edges = [10**n for n in range(3, 14)] + [10**n - 1 for n in range(3, 14)] + [0, 1, 158_489_319, 158_489_318, 2**63]
    durations = edges + [round(10 ** chance.uniform(0, 14)) for _ in range(300)]
    rows = [
        span(T0 + timedelta(seconds=chance.randrange(600)), status=chance.choice([200, 500]), Duration=duration)
        for duration in durations
    ]
    store.insert("otel_traces", rows)
    span_ = TimeRange(START, START + 600 * NANOSECONDS)
    answer = await heatmap(store, SpanSelection(), heatmap_step("1m", span_))
    assert answer.durations_ns[0] == (0, 1000)
    assert answer.durations_ns[-1] == (10**12, None)
    assert len(answer.durations_ns) == 47
    assert sum(cell.count for cell in answer.cells) == len(rows)
    for cell in answer.cells:
        low, high = answer.durations_ns[cell.bucket]
        within = [
            row
            for row in rows
            if low <= row["Duration"] < (high or 2**64)
            and (int(row["Timestamp"][14:16]) * 60 + START // NANOSECONDS == cell.start)
        ]
        assert cell.count == len(within)
        assert cell.errors == sum(row["StatusCode"] == "Error" for row in within)


@pytest.mark.parametrize("seconds", [1, 59, 60, 3600, 86_400, 30 * 86_400, 400 * 86_400, 130 * 365 * 86_400])
def test_auto_makes_columns_that_a_chart_can_draw(seconds):
    """At most a hundred, whatever the range and wherever it begins."""
    for shift in (0, 1, 29_999_999_999):
        buckets = heatmap_step("auto", TimeRange(shift, shift + seconds * NANOSECONDS))
        assert 1 <= len(buckets.all()) <= 101
        assert len(buckets.all()) >= min(seconds, 8)


def test_a_step_that_makes_too_many_columns_is_refused_with_one_that_does():
    """Up to 400 are taken."""
    hour = TimeRange(0, 3600 * NANOSECONDS)
    assert heatmap_step("9s", hour).count() == MOST_COLUMNS
    with pytest.raises(BadInput, match="step=10s would do"):
        heatmap_step("8s", hour)
