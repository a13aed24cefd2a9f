"""The history page, run without a browser against a server that answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import yaml
from streamlit.testing.v1 import AppTest

from dashboard.charts.palette import VERMILLION
from dashboard.states.history import HistoryState
from dashboard.time_range import TimeRange
from dashboard.views.history_chart import brushed
from tests.dashboard.modelling_api import MODEL, VERSIONS
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.views.test_overview import text_of, url_of
from tests.dashboard.views.words import links_of, said

Open = Callable[..., AppTest]


def last_question(api: FakeMonitoringApi) -> dict[str, list[str]]:
    """The parameters of the last history that was asked for."""
    return histories_asked(api)[-1]


def histories_asked(api: FakeMonitoringApi) -> list[dict[str, list[str]]]:
    """The parameters of each, but for the versions of 90 days, which are asked for once for their colours."""
    asked = [query for path, query in api.asked if path.endswith("/history")]
    return [query for query in asked if query["from"] != ["now-90d"]]


def test_a_bare_url_shows_the_last_day_of_requests(open_page: Open, api: FakeMonitoringApi) -> None:
    """Default: request rate, last 24 hours, UTC."""
    page = open_page("history")
    assert not page.exception
    expected = {"metric": ["request_rate"], "from": ["now-24h"], "to": ["now"], "step": ["auto"], "tz": ["UTC"]}
    assert last_question(api) == expected
    assert page.subheader[0].value == "Request rate"
    assert "One point is 5 minutes" in text_of(page)


def test_the_whole_state_is_in_the_url(open_page: Open, api: FakeMonitoringApi) -> None:
    """Metric, range, step, zone, groups and filters are taken from the URL, and stay there."""
    query = {
        "metric": "score_mean",
        "from": "2026-03-01T10:00:30Z",
        "to": "2026-03-02T10:00:00Z",
        "step": "1h",
        "tz": "Europe/Berlin",
        "group_by": "model_version,service",
        "filter": ["service=ml-api", "features_source!=fallback"],
    }
    page = open_page("history", **query)
    assert not page.exception
    asked = last_question(api)
    assert asked == {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    assert url_of(page) == asked
    assert "Europe/Berlin, UTC+01:00" in text_of(page)
    assert list(page.dataframe[0].value.columns) == ["Line", "Lowest", "Highest", "Last"]


def test_choices_change_question_and_url(open_page: Open, api: FakeMonitoringApi) -> None:
    """Each widget ends in both."""
    page = open_page("history")
    page.multiselect(key="history.metrics").set_value(["latency_p95"]).run()
    page.multiselect(key="history.group_by").select("route").run()
    page.multiselect(key="history.filters").select("service=ml-api").run()
    page.selectbox(key="history.step").select("1h").run()
    asked = last_question(api)
    assert (asked["metric"], asked["group_by"], asked["filter"], asked["step"]) == (
        ["latency_p95"],
        ["route"],
        ["service=ml-api"],
        ["1h"],
    )
    assert url_of(page) == asked


def test_a_custom_range_begins_where_the_preset_was(open_page: Open, api: FakeMonitoringApi) -> None:
    """Choosing 'custom' fills both ends; a changed end is asked for, in the zone chosen."""
    page = open_page("history", tz="Europe/Berlin")
    page.selectbox(key="history.range").select("custom").run()
    assert not page.exception
    page.datetime_input(key="history.from").set_value(datetime(2026, 7, 1, 12, 0)).run()
    assert last_question(api)["from"] == ["2026-07-01T10:00:00Z"]


def test_another_zone_shows_the_same_range(open_page: Open, api: FakeMonitoringApi) -> None:
    """The zone changes what clocks show, not what is asked."""
    page = open_page("history", **{"from": "2026-03-01T10:00:00Z", "to": "2026-03-02T10:00:00Z"})
    page.selectbox(key="history.zone").select("Asia/Kolkata").run()
    asked = last_question(api)
    assert (asked["from"], asked["to"]) == (["2026-03-01T10:00:00Z"], ["2026-03-02T10:00:00Z"])
    assert page.datetime_input(key="history.from").value == datetime(2026, 3, 1, 15, 30)


def test_a_backwards_range_is_said_and_not_asked(open_page: Open, api: FakeMonitoringApi) -> None:
    """The page explains and keeps what was typed."""
    page = open_page("history", **{"from": "2026-03-01T10:00:00Z", "to": "2026-03-02T10:00:00Z"})
    before = len(api.asked)
    page.datetime_input(key="history.to").set_value(datetime(2026, 2, 1)).run()
    assert "ends before it begins" in page.warning[0].value
    assert not any(path.endswith("/history") for path, _ in api.asked[before:])


def test_groups_of_another_metric_are_dropped(open_page: Open, api: FakeMonitoringApi) -> None:
    """Changing to a metric without the key asks without it, instead of an error."""
    page = open_page("history", metric="latency_p95", group_by="route")
    page.multiselect(key="history.metrics").set_value(["score_mean"]).run()
    assert "group_by" not in last_question(api)


def test_a_filter_that_is_none_is_explained(open_page: Open) -> None:
    """Typed nonsense and unknown keys are told before the API is asked."""
    page = open_page("history", filter=["nonsense", "flavour=sweet"])
    told = page.warning[0].value.replace("\\", "")
    assert "nonsense is not a filter" in told
    assert "flavour is no key of this metric" in told


def test_an_unknown_metric_shows_what_the_api_says(open_page: Open) -> None:
    """The refusal names the field."""
    page = open_page("history", metric="no_such_metric")
    assert "refused" in page.warning[0].value
    assert "not in the catalogue" in page.warning[0].value


def test_no_data_says_how_to_widen(open_page: Open, api: FakeMonitoringApi) -> None:
    """Empty is not broken: remove a filter, take a longer range, or run the demo."""
    api.mode = "empty"
    page = open_page("history", metric="score_mean", filter="model=none")
    assert "Remove a filter" in page.info[0].value


def test_clickhouse_down_is_said_and_recovers(open_page: Open, api: FakeMonitoringApi) -> None:
    """503 is explained; the next look after its return draws again."""
    api.mode = "store-down"
    page = open_page("history")
    assert "ClickHouse is not answering" in page.error[0].value
    api.mode = "full"
    page.run()
    assert not page.error
    assert page.subheader[0].value == "Request rate"


def test_too_many_lines_are_cut_and_counted(open_page: Open, api: FakeMonitoringApi) -> None:
    """Twelve lines can be told apart; the rest is mentioned."""
    page = open_page("history", group_by="service,route,status_class")
    assert "Shown are the 12 lines with the highest values of 18." in text_of(page)
    assert len(page.dataframe[0].value) == 12


def test_hostile_labels_are_shown_as_text(open_page: Open, api: FakeMonitoringApi) -> None:
    """Names of lines are one line, cut, and unread by markdown."""
    api.mode = "hostile"
    page = open_page("history", group_by="route")
    assert not page.exception
    names = list(page.dataframe[0].value["Line"])
    assert any(name.startswith("<script>") for name in names)
    assert max(map(len, names)) <= 81


def spec_of(page: AppTest, place: int = 0) -> dict[str, Any]:
    """What a chart of the page is made of."""
    found = page.get("vega_lite_chart")[place]
    return dict(json.loads(found.proto.spec))


def lines_of(page: AppTest) -> pd.DataFrame:
    """The rows that a page's first chart draws lines of."""
    proto = page.get("vega_lite_chart")[0].proto
    line = next(layer for layer in spec_of(page)["layer"] if layer["mark"]["type"] == "line")
    name = (line.get("data") or spec_of(page)["data"])["name"]
    sent = next(each.data.data for each in proto.datasets if each.name == name)
    return pd.DataFrame(pa.ipc.open_stream(sent).read_pandas())


def colours_of(page: AppTest) -> dict[str, str]:
    """Line -> colour of a page's first chart."""
    assert not page.exception
    scales = [layer.get("encoding", {}).get("color", {}).get("scale") for layer in spec_of(page)["layer"]]
    scale = next(scale for scale in scales if scale)
    return dict(zip(scale["domain"], scale["range"], strict=True))


def test_metrics_of_one_unit_share_a_chart_and_a_question(open_page: Open, api: FakeMonitoringApi) -> None:
    """Percentiles of one thing are asked for together and drawn as bands; another unit has a chart of its own."""
    page = open_page("history", metric=["latency_p99", "latency_p50", "request_rate"])
    assert not page.exception
    asked = [query["metric"] for query in histories_asked(api)]
    assert sorted(asked) == [["latency_p99,latency_p50"], ["request_rate"]]
    assert [heading.value for heading in page.subheader] == ["Latency p99, Latency p50", "Request rate"]
    assert sum(layer["mark"]["type"] == "area" for layer in spec_of(page)["layer"]) == 1
    assert url_of(page)["metric"] == ["latency_p99", "latency_p50", "request_rate"]
    page.toggle(key="history.bands.switch").set_value(False).run()
    assert not any(layer["mark"]["type"] == "area" for layer in spec_of(page)["layer"])
    assert url_of(page)["bands"] == ["off"]


def test_a_comparison_is_drawn_with_its_legend(open_page: Open, api: FakeMonitoringApi) -> None:
    """A pale, dashed line of the week before, called that; the choice is in the URL."""
    page = open_page("history", metric="score_mean")
    page.selectbox(key="history.compare").select("week").run()
    assert last_question(api)["compare"] == ["week"] == url_of(page)["compare"]
    dashes = [layer["encoding"].get("strokeDash", {}) for layer in spec_of(page)["layer"]]
    assert ["week before"] in [dash.get("scale", {}).get("domain") for dash in dashes]


def test_what_happened_is_marked_and_listed(open_page: Open, api: FakeMonitoringApi) -> None:
    """New versions, promotions and alerts, of the service and the model that the filters name."""
    page = open_page("history", metric="score_mean", filter=["service=ml-api", "model=flight-delay"])
    asked = next(query for path, query in api.asked if path.endswith("/markers"))
    assert (asked["service"], asked["model"]) == (["ml-api"], ["flight-delay"])
    assert "3 things happened in this range" in page.expander[0].label
    assert "promoted: flight" in text_of(page)
    api.asked.clear()
    page.toggle(key="history.markers").set_value(False).run()
    assert not any(path.endswith("/markers") for path, _ in api.asked)
    assert not page.expander


def test_the_sql_is_shown_as_it_can_be_run(open_page: Open, api: FakeMonitoringApi) -> None:
    """What is bound to each placeholder stands before the statement, quoted."""
    page = open_page("history", metric="latency_p95", panel="sql", group_by="route")
    lines = page.code[0].value.splitlines()
    assert lines[:3] == [
        "SET param_filter_0 = 'it\\'s';",
        "SET param_most_rows = '7';",
        "SELECT toUInt32(0) AS Bucket",
    ]
    asked = next(query for path, query in api.asked if path.endswith("/sql"))
    assert (asked["metric"], asked["group_by"]) == (["latency_p95"], ["route"])


def test_a_rule_is_made_and_backtested(open_page: Open, api: FakeMonitoringApi) -> None:
    """A threshold gives the rule's text with the page's filters and groups, a line in the chart, and a backtest."""
    page = open_page(
        "history", metric="latency_p95", panel="rule", filter=["service=ml-api", "route!=/x"], group_by="route"
    )
    assert "Type a threshold" in page.info[0].value
    page.number_input(key="history.threshold.input").set_value(0.25).run()
    assert not page.exception
    assert yaml.safe_load(page.code[0].value) == [
        {
            "alert": "LatencyP95OutOfBounds",
            "metric": "latency_p95",
            "filter": {"service": "ml-api"},
            "group_by": ["route"],
            "window": "5m",
            "condition": "> 0.25",
            "labels": {"severity": "ticket"},
        }
    ]
    assert "route\\!\\=" in page.warning[0].value
    assert url_of(page)["threshold"] == ["0.25"]
    assert any(layer["encoding"].get("y", {}).get("field") == "threshold" for layer in spec_of(page)["layer"])
    page.selectbox(key="history.rule.side").select("below")
    page.selectbox(key="history.rule.lasting").select("5m")
    page.text_input(key="history.rule.name").set_value("Too <b>fast</b>").run()
    draft = {"rule_side": ["below"], "rule_for": ["5m"], "rule_name": ["Too <b>fast</b>"]}
    link = url_of(page)
    assert draft.items() <= link.items()
    (rule,) = yaml.safe_load(page.code[0].value)
    assert (rule["alert"], rule["condition"], rule["for"]) == ("Too <b>fast</b>", "< 0.25", "5m")
    again = open_page("history", **link)
    assert (again.code[0].value, url_of(again)) == (page.code[0].value, link)
    again.segmented_control(key="history.panel").set_value(None).run()
    again.segmented_control(key="history.panel").set_value("rule").run()
    assert (again.code[0].value, url_of(again)) == (page.code[0].value, link)
    page.button(key="history.rule.run").click().run()
    method, path, body, _ = api.alerting.done[-1]
    assert (method, path, body["rule"].strip()) == ("POST", "/api/v1/rules/backtest", page.code[0].value)
    assert "It would have fired **once**" in text_of(page)


def test_a_drag_is_a_range_by_the_zones_clock(open_page: Open) -> None:
    """The axis counts in the wall clock's milliseconds; a click, which has no width, is no range."""
    state = HistoryState(zone="Europe/Berlin", period=TimeRange("2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"))
    at = datetime(2026, 3, 2, tzinfo=UTC)
    noon = datetime(2026, 3, 1, 13, tzinfo=UTC).timestamp()
    drag = {"zoom": {"time": [(noon + 3600) * 1000, noon * 1000]}}
    assert brushed(drag, state, at) == (noon - 3600, noon)
    assert brushed({"zoom": {"time": [noon * 1000, noon * 1000]}}, state, at) is None
    assert brushed({"zoom": {}}, state, at) is None


def test_zooming_out_leads_back_and_further(open_page: Open, api: FakeMonitoringApi) -> None:
    """First to what was shown before, then to a range twice as long; and only custom ranges have the button."""
    page = open_page("history", **{"from": "2026-03-01T10:00:00Z", "to": "2026-03-01T11:00:00Z"})
    page.session_state["history.before.zoom"] = [TimeRange("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")]
    page.button(key="history.zoom.out").click().run()
    assert (last_question(api)["from"], last_question(api)["to"]) == (
        ["2026-03-01T00:00:00Z"],
        ["2026-03-02T00:00:00Z"],
    )
    page.button(key="history.zoom.out").click().run()
    assert (last_question(api)["from"], last_question(api)["to"]) == (
        ["2026-02-28T12:00:00Z"],
        ["2026-03-02T12:00:00Z"],
    )
    page.selectbox(key="history.range").select("now-1h").run()
    assert not any(button.key == "history.zoom.out" for button in page.button)


def test_what_has_not_come_yet_is_not_drawn_as_zero(open_page: Open, api: FakeMonitoringApi) -> None:
    """Of a range that ends tomorrow the line ends now, while the time axis keeps its end."""
    api.mode = "empty"
    soon = (datetime.now(UTC) + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    page = open_page("history", metric="request_rate", **{"from": "now-1h", "to": soon}, step="1m")
    assert not page.exception
    rows = lines_of(page)
    assert 55 <= len(rows) <= 63
    assert rows["time"].max() / 1000 <= datetime.now(UTC).timestamp()


def test_peaks_stay_where_there_are_more_points_than_pixels(open_page: Open) -> None:
    """A day in steps of 10 seconds is thinned, which the page says."""
    page = open_page("history", metric="request_rate", step="10s")
    assert not page.exception
    assert "Of 8,64" in text_of(page)
    assert len(lines_of(page)) < 2500


def test_a_version_has_one_colour_on_every_page(open_page: Open) -> None:
    """Grouped, filtered, marked and compared, on History and on Models, alone and among others."""
    grouped = colours_of(open_page("history", metric="score_mean", group_by="model_version"))
    assert set(grouped) == set(VERSIONS)
    assert len(set(grouped.values())) == 2
    both = colours_of(open_page("history", metric="score_mean", group_by="model_version,features_source"))
    assert {name.partition(" · ")[0]: colour for name, colour in both.items()} == grouped
    for version in VERSIONS:
        one = open_page("history", metric="score_mean", filter=[f"model_version={version}"])
        assert list(colours_of(one).values()) == [grouped[version]]
        model = open_page("models", model=MODEL, version=version)
        assert colours_of(model) == {version: grouped[version]}
    assert colours_of(open_page("models", model=MODEL, section="versions")) == grouped
    marked = [layer["mark"] for layer in spec_of(open_page("history"))["layer"] if layer["mark"]["type"] == "point"]
    assert {mark["shape"]: mark["color"] for mark in marked if "shape" in mark} == {
        "triangle-down": VERMILLION,
        "diamond": grouped["b71e44d9"],
    }


def test_why_slow_and_why_wrong_take_the_filters_along(open_page: Open) -> None:
    """As far as the page behind the link can ask for them; what it cannot is named beside it."""
    filters = ["service=ml-api", "status_class=5xx", "route^=/v1"]
    page = open_page("history", metric="latency_p95", filter=filters, **{"from": "now-7d"})
    assert not page.exception
    assert links_of(page)["Why slow?"] == {
        "section": ["slow"],
        "service": ["ml-api"],
        "status": ["5xx"],
        "attr": ["http.route^=/v1"],
        "from": ["now-7d"],
        "to": ["now"],
        "tz": ["UTC"],
    }
    wrong = open_page("history", metric="label_coverage", filter=["model=m", "model_version=8b"])
    linked = links_of(wrong)["Why wrong?"]
    assert (linked["section"], linked["model"], linked["version"]) == (["wrong"], ["m"], ["8b"])
    page = open_page("history", metric="latency_p95", filter="status_class!=2xx")
    assert "status" not in links_of(page)["Why slow?"]
    assert "The explainer cannot ask for status_class!=2xx: it looks at more than these cases." in said(page)


def test_the_text_of_a_chart_names_the_table_only_where_there_is_one(open_page: Open) -> None:
    """A line alone has none; of several the table has the figures."""
    (alone,) = open_page("history").get("vega_lite_chart")
    assert alone.proto.alt.endswith("over time. The figures can be downloaded below.")
    page = open_page("history", group_by="service")
    assert page.get("vega_lite_chart")[0].proto.alt.endswith("The figures are in the table below.")
    assert len(page.dataframe) == 1


def test_a_long_range_is_not_asked_again_for_whoever_comes_next(open_page: Open, api: FakeMonitoringApi) -> None:
    """A day is asked for once a minute by an open page: a second look within half a minute is given the same, whole.

    What was chosen is all there, and the URL; another look at the same page asks anew only by its own clock.
    """
    query = {"metric": "latency_p95", "filter": "service=ml-api", "group_by": "route", "step": "1h", "markers": "on"}
    first = open_page("history", **query)
    asked = len(api.asked)
    second = open_page("history", **query)
    assert not second.exception
    assert len(histories_asked(api)) == 1
    assert not any(path.endswith("/markers") for path, _ in api.asked[asked:])
    assert url_of(second) == url_of(first)
    assert text_of(second) == text_of(first)
    assert [chart.key for chart in second.get("vega_lite_chart")] == [
        chart.key for chart in first.get("vega_lite_chart")
    ]
    second.selectbox(key="history.step").select("15m").run()
    assert last_question(api)["step"] == ["15m"]


def test_a_short_range_is_of_now_for_everybody(open_page: Open, api: FakeMonitoringApi) -> None:
    """Within a quarter of an hour half a minute is much."""
    for count in (1, 2):
        open_page("history", **{"metric": "latency_p95", "from": "now-15m", "to": "now"})
        assert len(histories_asked(api)) == count


def test_a_quick_change_is_kept_that_comes_with_the_address_from_before_it(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser may still show what stood there before; a while later it is somebody who goes back."""
    page = open_page("history", step="5m")
    for seconds, expected in ((60.0, "15m"), (0.0, "5m")):
        monkeypatch.setattr("dashboard.session.UNDER_WAY_SECONDS", seconds)
        page.query_params["step"] = "5m"
        page.selectbox(key="history.step").select("15m").run()
        assert not page.exception
        page.query_params["step"] = "5m"
        page.run()
        assert url_of(page)["step"] == [expected]
