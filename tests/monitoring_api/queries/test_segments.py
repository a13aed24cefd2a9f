"""What predictions are told apart by."""

import json

import pytest

from services.monitoring_api.queries.segments import SEGMENT, Segment, Segmenting, cut, parse_segment
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, prediction

_HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0) + 3600 * 10**9)
_ROWS = "(SELECT * FROM predictions)"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("carrier", Segmenting("carrier", True)),
        ("distance:5", Segmenting("distance", True, bins=5)),
        ("distance:[0,500,1e3]", Segmenting("distance", True, edges=(0, 500, 1000))),
        ("label", Segmenting("label", False)),
        ("feature.label", Segmenting("label", True)),
        ("feature.label:3", Segmenting("label", True, bins=3)),
        ("trace_path", Segmenting("trace_path", False)),
        ('"a:b"', Segmenting("a:b", True)),
        (r'"a\"b":7', Segmenting('a"b', True, bins=7)),
        ("wind speed", Segmenting("wind speed", True)),
    ],
)
def test_a_segment_is_read_as_it_is_written(text, asked):
    """A name, and perhaps how numbers are cut."""
    assert parse_segment(text) == asked


async def _told(store, text, bodies):
    rows = []
    for n, body in enumerate(bodies):
        rows.append(prediction(T0, prediction_id=f"p{n}"))
        rows[-1]["Body"] = json.dumps(body)
    store.insert("otel_logs", rows)
    how = await cut(store, parse_segment(text), _ROWS, {}, _HOUR)
    sql = f"SELECT {SEGMENT}, count() FROM {how.rows(_ROWS)} GROUP BY {SEGMENT}"
    return [(how.segment(key), int(count)) for key, count in store.rows(sql, how.parameters)]


@pytest.mark.anyio
async def test_every_kind_of_value_is_a_segment_of_its_own(store):
    """Number 1, text "1", true, null, NaN and absent; a text like another segment's key is a text."""
    bodies = [
        *({"features": {"code": value}} for value in (1, 1.0, "1", True, None, "missing", "range:0", "")),
        {"features": {}, "nonfinite": {"code": "nan"}},
        {"features": {}},
    ]
    # As JSON, for to Python 1 and True are equal.
    told = [(each.kind, json.dumps(each.value), count) for each, count in await _told(store, "code", bodies)]
    assert sorted(told) == [
        ("missing", "null", 1),
        ("nonfinite", '"nan"', 1),
        ("null", "null", 1),
        ("value", '""', 1),
        ("value", '"1"', 1),
        ("value", '"missing"', 1),
        ("value", '"range:0"', 1),
        ("value", "1", 2),
        ("value", "true", 1),
    ]


@pytest.mark.anyio
async def test_rare_values_are_one_segment(store):
    """The twenty most frequent have one each."""
    bodies = [{"features": {"tail": f"N{n}"}} for n in range(25) for _ in range(1 + (n < 20))]
    told = dict(await _told(store, "tail", bodies))
    assert told.pop(Segment("other")) == 5
    assert told == {Segment("value", f"N{n}"): 2 for n in range(20)}


@pytest.mark.anyio
async def test_many_numbers_are_cut_and_texts_among_them_kept(store):
    """Into five parts without being asked; a text is a value as ever."""
    bodies = [{"features": {"wind": n}} for n in range(1, 101)] + [{"features": {"wind": "calm"}}] * 3
    told = dict(await _told(store, "wind", bodies))
    assert told == {
        Segment("range", None, None, 21): 20,
        Segment("range", None, 21, 41): 20,
        Segment("range", None, 41, 61): 20,
        Segment("range", None, 61, 81): 20,
        Segment("range", None, 81, None): 20,
        Segment("value", "calm"): 3,
    }


@pytest.mark.anyio
async def test_equal_numbers_stay_together(store):
    """99 % of one value leave one edge where five parts have four."""
    bodies = [{"features": {"wind": 0}}] * 99 + [{"features": {"wind": 7}}]
    assert await _told(store, "wind:5", bodies) == [(Segment("range"), 100)]
    bodies = [{"features": {"rain": 0}}] * 50 + [{"features": {"rain": 7}}] * 50
    told = dict(await _told(store, "rain:3", bodies))
    assert told[Segment("range", None, 7, None)] == 50
