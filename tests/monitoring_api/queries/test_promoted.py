"""Attributes with a typed column: the mapping is the schema's, and what asks for such an attribute reads its column."""

import re
from datetime import timedelta

import pytest

from services.monitoring_api.queries.catalogue import CATALOGUE
from services.monitoring_api.queries.promoted import PROMOTED
from services.monitoring_api.queries.sources import REQUESTS
from services.monitoring_api.queries.span_selection import SpanSelection, parse_attributes
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from services.monitoring_api.queries.trace_places import Search, TraceSort
from services.monitoring_api.queries.trace_search import search_traces
from tests.monitoring_api.queries.asking import ask_history, values
from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
END = T0 + timedelta(minutes=1)
# Read for other things than to look for them.
_NOT_SEARCHED = {"ml.replayed": "Replayed"}


def _filled(store) -> dict[str, str]:
    """Every attribute that a column of otel_traces is filled from, the newest name where there are two."""
    rows = store.rows(
        "SELECT name, default_expression FROM system.columns WHERE database = 'otel' AND table = 'otel_traces' "
        "AND default_kind = 'MATERIALIZED'"
    )
    found = {}
    for column, expression in rows:
        for attributes, key in re.findall(r"(Span|Resource)Attributes\['([^']+)'\]", expression)[:1]:
            found["resource." * (attributes == "Resource") + key] = column
    return found


def test_the_mapping_is_the_schemas(store):
    """Every column that is filled from an attribute is taken for that attribute, and no other."""
    by_exporter = {"resource.service.name": "ServiceName"}
    assert _filled(store) | by_exporter == PROMOTED | _NOT_SEARCHED


@pytest.mark.parametrize("key", PROMOTED)
def test_a_search_for_a_promoted_attribute_reads_its_column(key):
    """And not the map, for every operator that the column can answer."""
    for text in (f"{key}=200", f"{key}!=200", f"{key}=in(200,404)"):
        (condition,) = SpanSelection(attributes=parse_attributes([text])).conditions()[2:]
        assert PROMOTED[key] in condition
        assert "Attributes[" not in condition


def test_what_is_asked_for_most_is_typed():
    """Route, status, model, version and type of error are dimensions of requests over columns, none over a map."""
    wanted = {"route", "status_class", "status_code", "model", "model_version", "error_type", "service"}
    assert wanted <= REQUESTS.dimensions.keys()
    assert not any(
        "Attributes" in each.raw for metric in CATALOGUE.values() for each in metric.source.dimensions.values()
    )


async def test_requests_are_grouped_and_filtered_by_the_type_of_their_error(store):
    """Two time out, one fails with 500, one succeeds; history and search tell them apart."""
    errors = ["timeout", "timeout", "500", None]
    spans = [span(T0, attributes={} if error is None else {"error.type": error}) for error in errors]
    store.insert("otel_traces", spans)
    store.insert("otel_traces", spans)
    found = values(await ask_history(store, "request_rate", T0, END, by=["error_type"]))
    assert found == {("",): [1 / 60], ("500",): [1 / 60], ("timeout",): [2 / 60]}
    found = values(await ask_history(store, "request_rate", T0, END, where=["error_type=timeout"]))
    assert found == {(): [2 / 60]}
    selection = SpanSelection(attributes=parse_attributes(["error.type^=time"]))
    search = Search(selection, TimeRange(epoch_ns(T0), epoch_ns(END)), TraceSort.TIME)
    page = await search_traces(store, search, limit=10)
    assert {trace.matched.span_id for trace in page.traces} == {row["SpanId"] for row in spans[:2]}
