"""Exceptions by type and place, against hand-counted rows."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries.exceptions import LONGEST_STACK, exceptions_query, find_exceptions
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from tests.monitoring_api.store import T0, span, text

pytestmark = pytest.mark.anyio
HOUR = TimeRange(epoch_ns(T0), epoch_ns(T0) + 3600 * NANOSECONDS)
STACK = (
    'Traceback (most recent call last):\n  File "/app/weather.py", line {line}, in lookup\n    raise X\nX: {message}\n'
)


def event(at, type_="X", message="m", stack=None, name="exception"):
    """An event of a span, as one of three columns each."""
    attributes = {"exception.type": type_, "exception.message": message, "exception.stacktrace": stack or ""}
    return text(at), name, attributes


def raised(at, *events, **more):
    """A span with events."""
    times, names, attributes = zip(*events, strict=True)
    return span(
        at,
        **{"Events.Timestamp": list(times), "Events.Name": list(names), "Events.Attributes": list(attributes)},
        **more,
    )


def logged(at, type_="X", message="m", stack="", **more):
    """A log record with a traceback."""
    return {
        "Timestamp": text(at),
        "TraceId": "",
        "SpanId": "",
        "ServiceName": "ml-api",
        "Body": "it broke",
        "SeverityText": "ERROR",
        "LogAttributes": {
            "exception.type": type_,
            "exception.message": message,
            "exception.stacktrace": stack,
        },
        "ArrivedAt": text(at + timedelta(seconds=1)),
        **more,
    }


async def find(store, service=None, limit=50):
    """The exceptions of the hour."""
    return await find_exceptions(store, HOUR, service, limit=limit)


async def test_an_empty_store_has_none(store):
    """Nothing is counted."""
    found = await find(store)
    assert (found.groups, found.group_count, found.count) == ([], 0, 0)


async def test_line_numbers_and_values_do_not_tell_groups_apart_but_places_do(store):
    """One function in two releases with two messages is one group; another function, another type are not."""
    elsewhere = STACK.replace("lookup", "refresh")
    rows = [
        raised(T0, event(T0, stack=STACK.format(line=10, message="id 7"))),
        raised(T0, event(T0 + timedelta(minutes=9), message="last", stack=STACK.format(line=14, message="user Bo"))),
        raised(T0, event(T0 + timedelta(minutes=1), stack=elsewhere.format(line=10, message="id 7"))),
        raised(T0, event(T0, "Y", stack=STACK.format(line=10, message="id 7"))),
    ]
    store.insert("otel_traces", rows)
    found = await find(store)
    assert (found.group_count, found.count) == (3, 4)
    first = found.groups[0]
    assert (first.type, first.count, first.traces, first.message) == ("X", 2, 2, "last")
    assert "line 14" in first.stack
    assert (first.first_ns, first.last_ns) == (HOUR.start_ns, HOUR.start_ns + 540 * NANOSECONDS)
    assert first.examples == (rows[1]["TraceId"], rows[0]["TraceId"])
    assert (first.services, first.operations) == (("ml-api",), ("POST /v1/predict",))
    assert [group.count for group in (await find(store, limit=1)).groups] == [2]
    assert (await find(store, limit=1)).group_count == 3


@pytest.mark.parametrize(
    ("one", "other", "groups"),
    [
        (
            "E: a\n\tat com.A.b(A.java:12)\n\tat com.C.d(C.java:3)",
            "E: z\n\tat com.A.b(A.java:99)\n\tat com.C.d(C.java:4)",
            1,
        ),
        ("E: a\n\tat com.A.b(A.java:12)", "E: a\n\tat com.A.c(A.java:12)", 2),
        ("goroutine 1:\nmain.f(0xc000)\n\t/x.go:12", "goroutine 9:\nmain.f(0xc0ff)\n\t/x.go:13", 1),
        ("", "", 1),
    ],
)
async def test_stacks_of_other_languages_are_told_apart_by_their_frames(store, one, other, groups):
    """Java's, and by default any text without its numbers."""
    store.insert("otel_traces", [raised(T0, event(T0, stack=stack)) for stack in (one, other)])
    assert (await find(store)).group_count == groups


async def test_each_span_and_record_counts_once_and_a_record_of_a_spans_exception_not_again(store):
    """Delivered twice is there once; what a span's log says of the span's own exception is the same one."""
    once = raised(T0, event(T0), event(T0, name="retry"), event(T0))
    again = {**once, "ArrivedAt": text(T0 + timedelta(minutes=5))}
    beside = logged(T0, TraceId=once["TraceId"], SpanId=once["SpanId"])
    other_type = logged(T0, "Z", TraceId=once["TraceId"], SpanId=once["SpanId"])
    alone = logged(T0 + timedelta(seconds=3), "W")
    store.insert("otel_traces", [once, again])
    store.insert("otel_logs", [beside, other_type, alone, alone])
    found = await find(store)
    assert {group.type: (group.count, group.traces) for group in found.groups} == {
        "X": (2, 1),
        "Z": (1, 1),
        "W": (1, 0),
    }
    assert found.count == 4


async def test_only_the_range_and_the_service_count_and_never_the_doctor(store):
    """Spans by when they began, records by when they were written."""
    store.insert(
        "otel_traces",
        [
            raised(T0 - timedelta(seconds=1), event(T0)),
            raised(T0 + timedelta(hours=1), event(T0)),
            raised(T0, event(T0), ServiceName="sightglass-doctor"),
            raised(T0, event(T0, "mine"), ServiceName="other"),
            span(T0),
        ],
    )
    store.insert("otel_logs", [logged(T0, "theirs"), logged(T0 - timedelta(seconds=1), "early")])
    assert {group.type for group in (await find(store)).groups} == {"mine", "theirs"}
    assert {group.type for group in (await find(store, "other")).groups} == {"mine"}
    assert (await find(store, "nobody")).groups == []


async def test_a_long_stack_is_cut(store):
    """It says how long it is; where it differs after what is kept, it still tells groups apart."""
    long = "é" * LONGEST_STACK
    store.insert("otel_traces", [raised(T0, event(T0, stack=long + "one")), raised(T0, event(T0, stack=long + "two"))])
    found = await find(store)
    assert found.group_count == 2
    assert all(group.stack == long and group.stack_length > len(group.stack.encode()) for group in found.groups)


def test_every_placeholder_has_its_value():
    """No statement asks for a parameter that it is not given, and none is given that it does not ask for."""
    for service in (None, "a"):
        query = exceptions_query(HOUR, service, limit=1)
        asks_for = {part.split(":")[0] for part in query.sql.split("{")[1:]}
        assert asks_for == set(query.parameters)
