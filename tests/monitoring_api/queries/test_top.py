"""The groups that rest on most rows have a series each; all others are one, merged and not averaged."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from services.monitoring_api.queries.buckets import choose_step
from services.monitoring_api.queries.comparison import Compare, compared
from services.monitoring_api.queries.history import history
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.queries.asking import ask_history, question, values
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
MINUTE = timedelta(minutes=1)


def requests():
    """Route n of 5 has 2^n requests; route n takes n seconds, and the last request of each fails."""
    return [
        span(
            T0 + timedelta(milliseconds=900 * at + number),
            seconds=float(number + 1),
            route=f"/r{number}",
            status=500 if at == 2**number - 1 else 200,
        )
        for number in range(5)
        for at in range(2**number)
    ]


@pytest.mark.parametrize("step", ["1m", "10s"])
async def test_the_rest_is_exact_sums_of_all_that_is_left(store, step):
    """Rates and ratios of `other` come from the rows of all other groups together, from rollup and raw alike."""
    store.insert("otel_traces", requests())
    end = T0 + 2 * MINUTE
    answer = await ask_history(store, "request_rate", T0, end, by=["route"], top=2, step=step)
    assert answer.groups == 5
    assert [(dict(each.labels), each.other) for each in answer.series] == [
        ({"route": "/r3"}, False),
        ({"route": "/r4"}, False),
        ({"route": "other"}, True),
    ]
    seconds = 60 if step == "1m" else 10
    counts = [round(sum(value * seconds for _, value in each.points)) for each in answer.series]
    assert counts == [8, 16, 7]
    ratio = await ask_history(store, "error_ratio", T0, end, by=["route"], top=2, step="2m")
    assert values(ratio)["other",] == [3 / 7]


async def test_a_percentile_of_the_rest_is_one_of_all_its_rows(store):
    """Seven requests of three routes took 1, 2, 2, 3, 3, 3, 3 seconds: the median is 3, and no average of theirs."""
    store.insert("otel_traces", requests())
    for step in ("2m", "30s"):
        answer = await ask_history(store, "latency_p50", T0, T0 + 2 * MINUTE, by=["route"], top=2, step=step)
        assert values(answer)["other",][0] == pytest.approx(3.0, rel=0.01)


async def test_a_group_called_other_is_not_the_rest(store):
    """The rest is marked; a route of that name keeps its own figures."""
    store.insert("otel_traces", [span(T0, route="other"), span(T0, route="other"), span(T0, route="/a")])
    answer = await ask_history(store, "request_rate", T0, T0 + MINUTE, by=["route"], top=1)
    found = [(each.labels["route"], each.other, each.points[0][1]) for each in answer.series]
    assert found == [("other", False, 2 / 60), ("other", True, 1 / 60)]


async def test_as_many_groups_as_wanted_have_no_rest(store):
    """Nothing is left over, and one statement finds that out."""
    store.insert("otel_traces", requests())
    store.asked.clear()
    answer = await ask_history(store, "request_rate", T0, T0 + MINUTE, by=["route", "status_class"], top=50)
    assert len([query for query in store.asked if "FROM otel_traces FINAL" in query.sql]) == 1
    assert len(answer.series) == answer.groups == 9
    assert not any(each.other for each in answer.series)


async def test_hostile_names_are_told_apart(store):
    """Quotes, brackets, commas and backslashes of a kept name are characters, with several dimensions too."""
    names = ["'", '"]', "a,b", "\\", "\\'", "[", "\n", "%s", "é"]
    rows = [span(T0, route=name) for number, name in enumerate(names) for _ in range(len(names) - number)]
    store.insert("otel_traces", rows)
    for by in (["route"], ["route", "service"]):
        answer = await ask_history(store, "request_rate", T0, T0 + MINUTE, by=by, top=len(names) - 1)
        counts = {each.labels["route"]: round((each.points[0][1] or 0) * 60) for each in answer.series}
        assert counts == {**{name: len(names) - n for n, name in enumerate(names[:-1])}, "other": 1}


async def test_what_is_compared_has_the_same_groups(store):
    """An hour before, other routes were the busiest; the answer still tells apart those of now, and the rest."""
    store.insert("otel_traces", [span(T0, route="/a"), span(T0, route="/a"), span(T0, route="/b")])
    before = T0 - MINUTE
    store.insert("otel_traces", [span(before, route="/b")] + [span(before, route=f"/x{n}") for n in range(5)])
    asked = question("request_rate", T0, T0 + MINUTE, by=["route"])
    buckets = choose_step("1m", asked.span, ZoneInfo("UTC"))
    now = await history(store, asked, buckets, now=T0 + MINUTE, top=2)
    earlier = compared(buckets, Compare.PREVIOUS)
    assert earlier is not None
    assert earlier.span == TimeRange(epoch_ns(before), epoch_ns(T0))
    then = await history(store, asked.over(earlier.span).keeping(now.kept), earlier, now=T0 + MINUTE)
    assert values(then) == {("/b",): [1 / 60], ("other",): [5 / 60]}
