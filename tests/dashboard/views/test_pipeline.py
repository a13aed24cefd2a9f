"""The pipeline page, run without a browser against a server that answers."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.states.pipeline import SECTIONS
from dashboard.views import operating
from dashboard.views.pipeline_queries import chosen_of
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.views.test_alerts import said
from tests.dashboard.views.test_overview import url_of

Open = Callable[..., AppTest]


def test_health_is_told_in_figures_and_tables(open_page: Open, api: FakeMonitoringApi) -> None:
    """Lag, completeness, losses, queue and disk, and each service's completeness."""
    page = open_page("pipeline")
    assert not page.exception
    figures = {metric.label: metric.value for metric in page.metric}
    assert figures["Ingest lag p95"] == "1.6 s"
    assert figures["Least completeness"] == "100 %"
    assert figures["Dropped"] == "0"
    assert figures["Disk free"] == "81 GB"
    assert list(page.dataframe[0].value["Signal"]) == ["spans", "predictions", "labels"]


def test_texts_of_strangers_are_escaped_once(open_page: Open, api: FakeMonitoringApi) -> None:
    """What was lost and what was sent again: no markup of theirs, and no backslash that a reader would see."""
    api.mode = "hostile"
    page = open_page("pipeline")
    told = [caption.value for caption in page.caption if HOSTILE[:3] in caption.value.replace("\\", "")]
    assert any(text.startswith("Sent again: 3 ×") for text in told)
    assert len(told) >= 2
    assert all("\\\\" not in text and HOSTILE not in text for text in told)


def test_each_section_draws_and_stands_in_the_link(open_page: Open, api: FakeMonitoringApi) -> None:
    """Processes, ingest and cardinality, slow queries, the map with its table, and the audit log."""
    shown = {}
    for section in SECTIONS:
        page = open_page("pipeline", section=section, tz="Europe/Berlin")
        assert not page.exception, section
        assert url_of(page)["section"] == [section]
        shown[section] = [list(table.value.iloc[0]) for table in page.dataframe]
        # Wherever a clock is read the page says whose.
        if section in {"processes", "audit"}:
            assert "Times are Europe/Berlin, UTC+" in said(page), section
        if section == "health":
            titles = [chart.proto.spec for chart in page.get("vega_lite_chart")]
            assert len(titles) == 2
            assert all("Time (Europe/Berlin, UTC+" in title for title in titles)
    assert shown["processes"][0][:2] == ["ml-api", "up"]
    assert shown["cardinality"][1][2:5] == ["ml.prediction.id", 698, 700]
    assert shown["queries"][0][:2] == [50.4, 36]
    assert shown["map"][0] == ["callers outside", "ml-api", "4 /s", "0 %", "20 ms"]
    assert shown["audit"][0][1:5] == ["ann@example.org", "made a silence", "", "ok (201)"]


def test_the_audit_log_is_for_operators(
    open_page: Open, api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Viewers are not offered it, and who follows a link to it is told why; the API is not asked for it."""
    monkeypatch.setattr(operating, "_caller", lambda *_: None)
    page = open_page("pipeline")
    assert "Audit log" not in page.get("button_group")[0].proto.SerializeToString().decode(errors="replace")
    linked = open_page("pipeline", section="audit")
    assert "Only operators" in said(linked)
    assert "/api/v1/audit" not in {path for path, _ in api.asked}


def test_a_chosen_statement_stays_chosen_in_another_order(open_page: Open, api: FakeMonitoringApi) -> None:
    """It is kept by its fingerprint, in the URL: a slower one that comes before it changes nothing."""
    statement = "1c1d4c3c9f502d9c"
    page = open_page("pipeline", section="queries", statement=statement)
    whole = page.code[0].value
    assert "FROM otel_traces" in whole
    api.piping.slower = ["aaaa", "bbbb"]
    page.run()
    assert [code.value for code in page.code] == [whole]
    assert url_of(page)["statement"] == [statement]
    api.piping.empty = True
    page.run()
    api.piping.empty = False
    assert [code.value for code in page.run().code] == [whole]
    assert chosen_of([0], ["aaaa", statement], statement) == "aaaa"
    assert chosen_of([], ["aaaa", statement], statement) == ""
    assert chosen_of([], ["aaaa"], statement) == statement
    page.segmented_control(key="pipeline.section").set_value("map").run()
    assert "statement" not in url_of(page)


def test_a_statement_is_opened_from_a_list(open_page: Open, api: FakeMonitoringApi) -> None:
    """By the keyboard, which reaches no row of the table: its whole text is shown, and the link names it."""
    statement = "1c1d4c3c9f502d9c"
    page = open_page("pipeline", section="queries")
    assert not page.code
    page.selectbox(key="pipeline.queries.pick").set_value(statement).run()
    page.button(key="pipeline.queries.open").click().run()
    assert not page.exception
    assert [code.value for code in page.code] == [code.value for code in open_page("pipeline", **url_of(page)).code]
    assert "FROM otel_traces" in page.code[0].value
    assert url_of(page)["statement"] == [statement]


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("mode", ["empty", "store-down", "hostile", "broken"])
def test_no_section_fails(open_page: Open, api: FakeMonitoringApi, section: str, mode: str) -> None:
    """Without data, without a store, with markup in every text, and with something else answering."""
    api.mode = mode
    page = open_page("pipeline", section=section)
    assert not page.exception
    if (mode, section) == ("empty", "health"):
        assert "point a service at the Collector" in said(page)
    if mode == "store-down":
        assert "ClickHouse is not answering" in said(page)
