"""The explainer's panel, run without a browser."""

import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard import explaining_api
from tests.dashboard.monitoring_api import HOSTILE
from tests.dashboard.views.test_overview import text_of


def shown(explanation: dict[str, Any]) -> AppTest:
    """The panel of an explanation."""
    test = AppTest.from_function(_panel, default_timeout=30, args=(explanation,))
    return test.run()


def said(page: AppTest) -> str:
    """Everything written, as the letters that markdown shows."""
    return re.sub(r"\\(.)", r"\1", text_of(page)).replace("\u2060", "")


@pytest.mark.usefixtures("fresh_streamlit")
def test_findings_are_ranked_with_effect_interval_and_shares() -> None:
    """The order is the API's; each says what it accounts for, how sure that is, and how many have it."""
    page = shown(explaining_api.explanation())
    assert not page.exception
    text = said(page)
    assert text.index("1. attribute enduser.airport = JFK") < text.index("2. feature departure_hour ≥ 10")
    assert "Accounts for 49% of slow requests (95 % interval 46% to 52%)" in text
    assert "82.0% of slow requests, 6.6% of other requests have it. q < 0.0001" in text
    assert "+15 ms on average (95 % interval 12.2 ms to 17.8 ms)" in text
    assert "The same cases by other names: features_source = fallback" in text
    assert "carrier = EV together with feature humidity < 52.79" in text
    assert [metric.value for metric in page.metric] == ["534", "10,427", "33,384"]


@pytest.mark.usefixtures("fresh_streamlit")
def test_what_a_search_leaves_out_of_a_finding_is_said() -> None:
    """As much as it can is offered as a filter; where it can ask for nothing, that is said too."""
    both = [
        {"kind": "feature", "field": "carrier", "value": "EV"},
        {"kind": "attribute", "field": "airport", "value": "JFK"},
    ]
    told = {**explaining_api.explanation(), "findings": [explaining_api.finding("interaction", None, parts=both)]}
    page = shown(told)
    assert "The search cannot ask for feature carrier = EV: it finds more than these cases." in said(page)
    (link,) = [each.proto for each in page.get("page_link") if each.proto.label == "Only these"]
    assert parse_qs(link.query_string) == {"attr": ["airport=JFK"]}
    alone = {**told, "findings": [explaining_api.finding("feature", "carrier", value="EV")]}
    assert "No search can ask for this" in said(shown(alone))


@pytest.mark.usefixtures("fresh_streamlit")
def test_nothing_stands_out_is_said_with_the_numbers() -> None:
    """How many were compared is shown, and how many causes were looked at."""
    page = shown(explaining_api.nothing())
    text = said(page)
    assert "Nothing stands out." in text
    assert "534 slow requests and 10,427 others" in text
    assert "33,384 possible causes" in text


@pytest.mark.usefixtures("fresh_streamlit")
def test_hostile_names_are_text() -> None:
    """Markup, links and emoji codes in names and values are shown letter by letter."""
    page = shown(explaining_api.explanation(HOSTILE))
    assert not page.exception
    for item in page.markdown:
        assert "<script>" not in item.value
        assert not re.search(r"(?<!\\)\[x\]", item.value)
    assert '<script>document.title="owned"</script>' in said(page)


def _panel(explanation: dict[str, object]) -> None:
    from dashboard.explain_answers import Explanation, Finding
    from dashboard.filter_text import span_search
    from dashboard.navigation import keep_pages
    from dashboard.pages import streamlit_pages
    from dashboard.views.findings import CasesLink, draw_findings

    keep_pages(streamlit_pages())  # a link needs pages to lead to

    def link(finding: Finding) -> CasesLink | None:
        found = span_search(finding.each)
        return None if found is None else CasesLink("traces", "Only these", found.query, found.left_out)

    draw_findings(
        Explanation.model_validate(explanation),
        key="test",
        filter_link=link,
        selected="slow requests",
        rest="other requests",
    )
