"""Searching traces: the statements, what they read, and what they find."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.cursor import Cursor
from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.heatmap import heatmap, heatmap_query, heatmap_step
from services.monitoring_api.queries.span_selection import SpanKind, SpanSelection, parse_attributes
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from services.monitoring_api.queries.trace_places import Search, TraceSort, bounds_query, places_query
from services.monitoring_api.queries.trace_search import search_traces
from services.monitoring_api.queries.trace_summaries import summaries_query
from services.web.problems import BadInput
from tests.monitoring_api.queries.plans import index_uses
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(hours=1)))


ANY = SpanSelection()


def search(selection=ANY, span_=HOUR, sort=TraceSort.TIME):
    """A question over an hour."""
    return Search(selection, span_, sort)


async def found(store, selection, **more):
    """Ids of the spans that the traces found go by."""
    page = await search_traces(store, search(selection, **more), limit=100)
    return {trace.matched.span_id for trace in page.traces}


@pytest.fixture
def merges_stopped(store):
    """Duplicates stay as they are."""
    store.rows("SYSTEM STOP MERGES otel.otel_traces")
    yield
    store.rows("SYSTEM START MERGES otel.otel_traces")


def test_the_statement_is_written_in_full():
    """Its text, and every value a parameter."""
    asked = search(SpanSelection(service="it's", status="4xx", attributes=(Filter("x", Operator.PREFIX, ("y",)),)))
    query = places_query(asked, HOUR.start_ns, limit=3, after=Cursor(7, "t", HOUR, 9))
    assert query.sql == (
        "SELECT\n"
        "    TraceId,\n"
        "    tupleElement(min(tuple(ArrivedAt > fromUnixTimestamp64Milli({as_of_ms:Int64}), "
        "toUnixTimestamp64Nano(Timestamp))), 2) AS Value,\n"
        "    toUnixTimestamp(min(Timestamp)),\n"
        "    toUnixTimestamp(max(Timestamp)),\n"
        "    toUnixTimestamp64Milli(now64(3))\n"
        "FROM otel_traces\n"
        "WHERE Timestamp >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')\n"
        "    AND Timestamp < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')\n"
        "    AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC'))\n"
        "    AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))\n"
        "    AND ServiceName != 'sightglass-doctor'\n"
        "    AND TraceId != ''\n"
        "    AND ServiceName = {service:String}\n"
        "    AND intDiv(HttpStatusCode, 100) = {status:UInt16}\n"
        "    AND startsWith(SpanAttributes[{attr_0_key:String}], {attr_0:String})\n"
        "GROUP BY TraceId\n"
        "HAVING Value < {after:UInt64} OR (Value = {after:UInt64} AND TraceId < {after_id:String})\n"
        "ORDER BY Value DESC, TraceId DESC\n"
        "LIMIT {limit:UInt64}"
    )
    assert query.parameters == {
        "from_ns": HOUR.start_ns,
        "to_ns": HOUR.end_ns,
        "service": "it's",
        "status": 4,
        "attr_0": "y",
        "attr_0_key": "x",
        "as_of_ms": 9,
        "limit": 3,
        "after": 7,
        "after_id": "t",
    }


@pytest.mark.parametrize("sort", list(TraceSort))
def test_every_placeholder_has_its_value(sort):
    """No statement asks for a parameter that it is not given, and none is given that it does not ask for."""
    everything = SpanSelection(
        service="a",
        route="b",
        name="n",
        kind=SpanKind.SERVER,
        min_duration_ns=1,
        max_duration_ns=2,
        status="404",
        model="c",
        model_version="d",
        has_prediction=True,
        attributes=parse_attributes(["http.route=x", "resource.k=in(a,b)", "http.response.status_code=200", "o!=1"]),
    )
    asked = search(everything, sort=sort)
    cursor = Cursor(1, "t", HOUR, 1)
    for query in (
        places_query(asked, 0, limit=1, after=cursor),
        summaries_query(asked, {"t": (0, 70)}, as_of_ms=1),
        summaries_query(asked, {"t": (0, 10**9)}, as_of_ms=1),
        bounds_query(["t"]),
        heatmap_query(everything, heatmap_step("auto", HOUR)),
    ):
        asks_for = {part.split(":")[0] for part in query.sql.split("{")[1:]}
        assert asks_for == set(query.parameters)


async def test_an_empty_store_has_no_traces(store):
    """Nothing is found, in either order, and nothing fails."""
    for sort in TraceSort:
        page = await search_traces(store, search(sort=sort), limit=1)
        assert (page.traces, page.following) == ([], None)


async def test_each_span_counts_once_however_often_it_was_delivered(store, merges_stopped):
    """Four spans, delivered in batches cut in three ways, unmerged: figures, pages and the heat map are the same."""
    trace = "a" * 32
    rows = [
        span(
            T0 + timedelta(seconds=n),
            seconds=0.5 + n,
            status=500 if n == 2 else 200,
            TraceId=trace,
            ParentSpanId="" if n == 0 else "f" * 16,
            ServiceName=f"s{n}",
        )
        for n in range(4)
    ]
    selection = SpanSelection(min_duration_ns=1_000_000_000)
    store.insert("otel_traces", rows)
    once = await search_traces(store, search(selection), limit=10)
    buckets = heatmap_step("1m", HOUR)
    map_once = await heatmap(store, selection, buckets)
    for batch in (rows[:1], rows[1:], rows[:3], rows[3:], rows[1:3], [rows[2], rows[2], rows[0]]):
        store.insert("otel_traces", batch)
    assert int(store.rows("SELECT count() FROM otel_traces")[0][0]) > 2 * len(rows)
    assert await search_traces(store, search(selection), limit=10) == once
    assert await heatmap(store, selection, buckets) == map_once
    (only,) = once.traces
    assert (only.spans, only.errors, only.matching_spans, list(only.services)) == (4, 1, 3, ["s0", "s1", "s2", "s3"])
    assert (only.root.span_id, only.matched.span_id) == (rows[0]["SpanId"], rows[1]["SpanId"])
    assert only.duration_ns == 6_500_000_000
    assert sum(cell.count for cell in map_once.cells) == 3


async def test_filters_hold_for_one_and_the_same_span(store):
    """A trace with a slow span and a failed one is not a trace with a slow failed span."""
    trace = "a" * 32
    slow, failed = span(T0, seconds=5.0, TraceId=trace), span(T0, seconds=0.1, status=500, TraceId=trace)
    store.insert("otel_traces", [slow, failed])
    assert await found(store, SpanSelection(min_duration_ns=10**9)) == {slow["SpanId"]}
    assert await found(store, SpanSelection(status="error")) == {failed["SpanId"]}
    assert await found(store, SpanSelection(min_duration_ns=10**9, status="error")) == set()


async def test_every_filter_finds_what_it_says(store):
    """Status, kind, route, model, duration inclusive on both ends, and never the doctor's spans."""
    good = span(T0, seconds=0.1, attributes={"ml.model.name": "m", "ml.model.version": "v1"})
    lost = span(T0, seconds=0.2, status=404, route="/x")
    broken = span(T0, seconds=0.3, status=500, StatusCode="Unset")
    inner = span(T0, seconds=0.4, SpanKind="Internal", StatusCode="Error", ServiceName="other")
    doctors = span(T0, ServiceName="sightglass-doctor")
    nobodys = span(T0, TraceId="")
    store.insert("otel_traces", [good, lost, broken, inner, doctors, nobodys])
    name = {row["SpanId"]: name for name, row in {"good": good, "lost": lost, "broken": broken, "inner": inner}.items()}
    ms = 1_000_000
    for selection, expected in (
        (SpanSelection(), "good lost broken inner"),
        (SpanSelection(status="ok"), "good lost"),
        (SpanSelection(status="error"), "broken inner"),
        (SpanSelection(status="4xx"), "lost"),
        (SpanSelection(status="5xx"), "broken"),
        (SpanSelection(status="404"), "lost"),
        (SpanSelection(status="200"), "good inner"),
        (SpanSelection(kind=SpanKind.SERVER), "good lost broken"),
        (SpanSelection(kind=SpanKind.INTERNAL), "inner"),
        (SpanSelection(service="other"), "inner"),
        (SpanSelection(service="sightglass-doctor"), ""),
        (SpanSelection(route="/x"), "lost"),
        (SpanSelection(name="POST /x"), "lost"),
        (SpanSelection(model="m"), "good"),
        (SpanSelection(model_version="v1"), "good"),
        (SpanSelection(model_version="v2"), ""),
        (SpanSelection(has_prediction=True), "good"),
        (SpanSelection(has_prediction=False), "lost broken inner"),
        (SpanSelection(min_duration_ns=200 * ms, max_duration_ns=300 * ms), "lost broken"),
        (SpanSelection(min_duration_ns=200 * ms + 1, max_duration_ns=300 * ms - 1), ""),
    ):
        spans = await found(store, selection)
        assert {name[span_id] for span_id in spans} == set(expected.split()), selection


KEYS = [
    "a.b",
    "it's",
    'say "x"',
    "a=b",
    "!=",
    "^",
    "{x:String}",
    "%",
    "\\",
    "ключ",
    "a b\n",
    "1",
    "resource",
    "http.route",
]


@pytest.mark.parametrize("key", KEYS)
async def test_any_key_and_any_value_can_be_looked_for(store, key):
    """A key in quotes is itself, whatever it holds; each operator does what it says; a resource's keys are its own."""
    values = ["v", "v2", "=", "in(", ""]
    rows = [span(T0, attributes={key: value}, route="") for value in values]
    if key == "http.route":
        rows[-1]["SpanAttributes"][key] = ""
    resources = span(T0, route="", resource={key: "v"})
    store.insert("otel_traces", [*rows, resources])
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    unset = {rows[4]["SpanId"], resources["SpanId"]}
    by_value = {value: {row["SpanId"]} for value, row in zip(values, rows, strict=True)}

    async def find(text):
        return await found(store, SpanSelection(attributes=parse_attributes([text])))

    everything = set().union(*by_value.values(), unset)
    assert await find(f"{quoted}=v") == by_value["v"]
    assert await find(f"{quoted}!=v") == everything - by_value["v"]
    assert await find(f"{quoted}^=v") == by_value["v"] | by_value["v2"]
    assert await find(f"{quoted}=in(v,=)") == by_value["v"] | by_value["="]
    assert await find(f"{quoted}!=in(v,=)") == everything - by_value["v"] - by_value["="]
    assert await find(f"{quoted}==") == by_value["="]
    assert await find(f"{quoted}=in(") == by_value["in("]
    assert await find(f"{quoted}=") == unset
    assert await find('"resource.' + quoted[1:] + "=v") == {resources["SpanId"]}


async def test_known_keys_read_their_column_and_not_the_map(store):
    """What a typed column holds is found through it; a status that is no number is looked for where it stands."""
    rows = [span(T0, status=404), span(T0, attributes={"http.response.status_code": "odd"})]
    store.insert("otel_traces", rows)
    for text, expected, column in (
        ("http.response.status_code=404", [rows[0]], "HttpStatusCode"),
        ("http.response.status_code!=404", [rows[1]], "HttpStatusCode"),
        ("http.response.status_code=odd", [rows[1]], "SpanAttributes"),
        ("http.response.status_code^=4", [rows[0]], "SpanAttributes"),
        ("resource.service.name=ml-api", rows, "ServiceName = "),
        ("http.request.method=POST", rows, "HttpMethod = "),
        ("ml.variant=", rows, "ModelVariant = "),
    ):
        selection = SpanSelection(attributes=parse_attributes([text]))
        assert column in selection.conditions()[-1]
        assert await found(store, selection) == {row["SpanId"] for row in expected}, text


@pytest.mark.parametrize("text", ["", "nothing", "=", "=x", '"a"', "a\0=b"])
def test_what_is_no_attribute_filter_is_refused(text):
    """The problem names `attr`."""
    with pytest.raises(BadInput) as problem:
        parse_attributes([text])
    assert [error.field for error in problem.value.errors] == ["attr"]


async def test_only_the_range_and_the_minutes_of_its_traces_are_read(store):
    """The primary key (service and minute), by the engine's own plan, leaves out most of what is stored."""
    rows = [
        span(T0 + timedelta(seconds=n / 10), ServiceName=f"s{n % 3}", TraceId=f"{n:032x}", SpanId=f"{n:016x}")
        for n in range(60_000)
    ]
    store.insert("otel_traces", rows)
    store.rows("OPTIMIZE TABLE otel.otel_traces FINAL")
    minute = TimeRange(HOUR.start_ns, HOUR.start_ns + 60 * 10**9)
    asked = search(SpanSelection(service="s1"), minute)
    chosen, stored, columns = index_uses(store, places_query(asked, minute.start_ns, limit=1, after=None))["PrimaryKey"]
    assert {"ServiceName", "Minute", "Timestamp"} <= set(columns)
    assert chosen <= 2 < stored
    first = epoch_ns(T0) // 10**9
    bounds = {f"{10:032x}": (first + 1, first + 1), f"{59_990:032x}": (first + 5999, first + 5999)}
    chosen, stored, columns = index_uses(store, summaries_query(asked, bounds, as_of_ms=0))["PrimaryKey"]
    assert {"Minute", "TraceId"} <= set(columns)
    assert chosen < stored
    heat = heatmap_query(SpanSelection(service="s1"), heatmap_step("auto", minute))
    chosen, stored, columns = index_uses(store, heat)["PrimaryKey"]
    assert {"ServiceName", "Minute"} <= set(columns)
    assert chosen <= 2 < stored


async def test_the_newest_part_of_a_long_range_is_enough(store):
    """A page is read from a small part of a month, and a trace that began before that part stands where it belongs."""
    month = TimeRange(HOUR.end_ns - 30 * 24 * 3600 * 10**9, HOUR.end_ns)
    recent = [span(T0 + timedelta(minutes=n)) for n in range(5)]
    store.insert("otel_traces", recent)
    old = span(T0 - timedelta(days=20))
    store.insert("otel_traces", [old])
    page = await search_traces(store, search(span_=month), limit=3)
    assert [trace.trace_id for trace in page.traces] == [row["TraceId"] for row in recent[:1:-1]]
    starts = [query.parameters["from_ns"] for query in store.asked if "LIMIT {limit:" in query.sql]
    assert len(starts) == 1
    assert starts[0] > month.start_ns
    # Its first span lies before the part that is read first, so it comes after all others.
    long = span(T0 - timedelta(hours=20), TraceId=recent[4]["TraceId"])
    store.insert("otel_traces", [long])
    page = await search_traces(store, search(span_=month), limit=4)
    assert [trace.trace_id for trace in page.traces] == [row["TraceId"] for row in recent[3::-1]]
    assert page.following is not None
    rest = await search_traces(store, search(span_=month), limit=4, after=page.following)
    assert [trace.trace_id for trace in rest.traces] == [recent[4]["TraceId"], old["TraceId"]]


async def test_a_span_with_a_wrong_clock_does_not_make_everything_be_read(store):
    """What lies further than a day from the span that matches is not looked for."""
    trace = "a" * 32
    right = span(T0 + timedelta(minutes=1), TraceId=trace)
    store.insert("otel_traces", [right, span(T0 - timedelta(days=3000), TraceId=trace)])
    (only,) = (await search_traces(store, search(), limit=1)).traces
    assert (only.spans, only.start_ns) == (1, epoch_ns(T0 + timedelta(minutes=1)))


async def test_a_span_in_the_last_second_of_its_trace_is_seen(store):
    """Bounds of traces are kept in whole seconds; the rest of the last one belongs to it."""
    late = span(T0 + timedelta(seconds=59.999999))
    store.insert("otel_traces", [late])
    assert await found(store, SpanSelection()) == {late["SpanId"]}
