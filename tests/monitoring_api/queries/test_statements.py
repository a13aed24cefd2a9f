"""The statements themselves: their text, their parameters, and that no value changes their shape."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitoring_api.queries.catalogue import find_metric
from services.monitoring_api.queries.filters import Filter, Operator
from services.monitoring_api.queries.plan import plan, raw_only
from services.monitoring_api.queries.question import ask
from services.monitoring_api.queries.series import series_query
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, epoch_ns
from tests.monitoring_api.queries.asking import question
from tests.monitoring_api.store import T0, span

MINUTE_NS = 60 * NANOSECONDS
START = epoch_ns(T0)


def test_raw_text_and_parameters():
    """The statement is written in full, and every value is a parameter."""
    asked = question("error_ratio", T0, T0 + timedelta(minutes=1), by=["route"], where=["service=it's"])
    query = series_query(asked, raw_only(asked.span), None, most_rows=7)
    assert query.sql == (
        "SELECT Bucket, toFloat64(Exact0) AS Figure0, toFloat64(Exact1) AS Base, false AS Other, G0\n"
        "FROM (\n"
        "    SELECT toUInt32(0) AS Bucket, toString(HttpRoute) AS G0, "
        "countIf(HttpStatusCode >= 500 OR StatusCode = 'Error') AS Exact0, count() AS Exact1\n"
        "    FROM otel_traces FINAL\n"
        "    WHERE ((Timestamp >= fromUnixTimestamp64Nano({raw_0_from:Int64}, 'UTC') "
        "AND Timestamp < fromUnixTimestamp64Nano({raw_0_to:Int64}, 'UTC') "
        "AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({raw_0_from:Int64}, 'UTC')) "
        "AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({raw_0_to:Int64}, 'UTC'))))\n"
        "        AND (SpanKind = 'Server')\n"
        "        AND (ServiceName = {filter_0:String})\n"
        "    GROUP BY Bucket, G0\n"
        ")\n"
        "ORDER BY Bucket, G0\n"
        "LIMIT {most_rows:UInt64}"
    )
    assert query.parameters == {
        "raw_0_from": START,
        "raw_0_to": START + MINUTE_NS,
        "filter_0": "it's",
        "most_rows": 7,
    }


def test_mixed_text_merges_states():
    """Rollup minutes and raw rows are united as mergeable states."""
    asked = question("latency_p95", T0, T0 + timedelta(minutes=3))
    chosen = plan(asked.span, [START // NANOSECONDS + 120])
    query = series_query(asked, chosen, None, most_rows=1)
    assert query.sql == (
        "SELECT Bucket, toFloat64(quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(quantile)[2] / 1000000000) AS Figure0, "
        "toFloat64(sum(events)) AS Base, false AS Other\n"
        "FROM (\n"
        "    SELECT toUInt32(0) AS Bucket, "
        "quantilesDDMergeState(0.01, 0.5, 0.95, 0.99)(DurationSketch) AS quantile, sum(Requests) AS events\n"
        "    FROM rollup_requests_1m FINAL\n"
        "    WHERE ((Minute >= toDateTime({rollup_0_from:UInt32}, 'UTC') "
        "AND Minute < toDateTime({rollup_0_to:UInt32}, 'UTC')))\n"
        "    GROUP BY Bucket\n"
        "    UNION ALL\n"
        "    SELECT toUInt32(0) AS Bucket, "
        "quantilesDDState(0.01, 0.5, 0.95, 0.99)(toFloat64(Duration)) AS quantile, count() AS events\n"
        "    FROM otel_traces FINAL\n"
        "    WHERE ((Timestamp >= fromUnixTimestamp64Nano({raw_0_from:Int64}, 'UTC') "
        "AND Timestamp < fromUnixTimestamp64Nano({raw_0_to:Int64}, 'UTC') "
        "AND Minute >= toStartOfMinute(fromUnixTimestamp64Nano({raw_0_from:Int64}, 'UTC')) "
        "AND Minute <= toStartOfMinute(fromUnixTimestamp64Nano({raw_0_to:Int64}, 'UTC'))))\n"
        "        AND (SpanKind = 'Server')\n"
        "    GROUP BY Bucket\n"
        ")\n"
        "GROUP BY Bucket\n"
        "ORDER BY Bucket\n"
        "LIMIT {most_rows:UInt64}"
    )
    assert query.parameters["rollup_0_to"] == START // NANOSECONDS + 120
    assert query.parameters["raw_0_from"] == START + 2 * MINUTE_NS


_HOSTILE = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60),
    st.sampled_from(
        [
            "'; DROP TABLE otel_traces; --",
            "\\",
            "\\'",
            "%s %(x)s {filter_0:String} {0}",
            "' OR 1=1 --",
            "$$heredoc$$",
            "\t\n\r\b",
            '`x` "y"',
            "in(a,b",
            "\N{RIGHT-TO-LEFT OVERRIDE}🦆",
        ]
    ),
)


@given(_HOSTILE, st.sampled_from(list(Operator)))
def test_no_value_changes_the_shape(value, operator):
    """The text of the statement is the same whatever a value holds."""
    span_ = TimeRange(START, START + MINUTE_NS)

    def text(given_value):
        condition = Filter("route", operator, (given_value,))
        asked = ask(find_metric("request_rate"), span_, group_by=(), filters=[condition])
        return series_query(asked, raw_only(span_), None, most_rows=1).sql

    assert text(value) == text("plain")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_HOSTILE)
def test_every_value_finds_exactly_itself(store, value):
    """A route of any characters is found by its own name, and by no other."""
    store.empty()
    store.insert(
        "otel_traces", [span(T0, attributes={"http.route": value}), span(T0, attributes={"http.route": value + "x"})]
    )
    span_ = TimeRange(START, START + MINUTE_NS)
    for operator, expected in ((Operator.EQUAL, 1), (Operator.IN, 1), (Operator.PREFIX, 2), (Operator.NOT_EQUAL, 1)):
        asked = ask(find_metric("request_rate"), span_, group_by=(), filters=[Filter("route", operator, (value,))])
        query = series_query(asked, raw_only(span_), None, most_rows=1)
        assert store.rows(query.sql, query.parameters)[0][1] in {expected, str(expected)}, operator


@pytest.mark.parametrize("metric", ["request_rate", "score_mean", "completeness", "label_coverage"])
def test_every_placeholder_has_its_value(metric):
    """No statement asks for a parameter that it is not given."""
    asked = question(metric, T0, T0 + timedelta(minutes=3), where=["service=a"])
    query = series_query(asked, raw_only(asked.span), None, most_rows=1)
    for name in query.parameters:
        assert f"{{{name}:" in query.sql
