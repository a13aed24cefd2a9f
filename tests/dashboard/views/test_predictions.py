"""The predictions page, run without a browser against a server that answers."""

import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.modelling_api import ENTITY, MODEL, PREDICTION, VERSIONS
from tests.dashboard.monitoring_api import FakeMonitoringApi
from tests.dashboard.views.test_models import asked
from tests.dashboard.views.words import said, url_of

Open = Callable[..., AppTest]


def test_everything_that_a_link_asks_for_is_searched_and_stays(open_page: Open, api: FakeMonitoringApi) -> None:
    """Model, version, scores, label, outcome, features, entity and range reach the API as they are."""
    chosen = {
        "model": MODEL,
        "version": VERSIONS[0],
        "label": "late",
        "outcome": "wrong",
        "min_score": "0.4",
        "max_score": "0.9",
        "entity": ENTITY,
        "features_source": "store",
        "feature": ["carrier=EV", "distance>=500"],
        "from": "now-7d",
        "to": "now",
        "tz": "Europe/Berlin",
    }
    page = open_page("predictions", **chosen)
    assert not page.exception
    lists = {name: [value] if isinstance(value, str) else value for name, value in chosen.items()}
    assert {name: url_of(page)[name] for name in chosen} == lists
    (query,) = asked(api, "/predictions")
    del lists["tz"]
    assert {name: query[name] for name in lists} == lists
    assert query["variant"] == ["champion"]
    assert len(page.dataframe[0].value) == 50
    assert set(page.dataframe[0].value["Became"]) == {"wrong", "no label yet"}


def test_pages_follow_by_cursor_and_a_new_search_begins_anew(open_page: Open, api: FakeMonitoringApi) -> None:
    """Older, newer, and the first page again when anything else is asked for."""
    page = open_page("predictions")
    page.button(key="predictions.older").click().run()
    page.button(key="predictions.older").click().run()
    assert not page.exception
    assert [query.get("cursor") for query in asked(api, "/predictions")][-1] == ["100"]
    assert len(page.dataframe[0].value) == 20
    assert not any(button.key == "predictions.older" for button in page.button)
    linked = open_page("predictions", cursor="100")
    assert list(linked.dataframe[0].value["Prediction"]) == list(page.dataframe[0].value["Prediction"])
    assert linked.button(key="predictions.newer").label == "First page"
    page.button(key="predictions.newer").click().run()
    assert url_of(page)["cursor"] == ["50"]
    assert "Page 2, 50 predictions" in said(page)
    page.selectbox(key="predictions.outcome").set_value("wrong").run()
    assert "Page 1, 50 predictions" in said(page)
    assert "cursor" not in asked(api, "/predictions")[-1]
    assert "cursor" not in url_of(page)


def test_one_prediction_opens_whole_and_leads_back(open_page: Open, api: FakeMonitoringApi) -> None:
    """What was decided, what became of it with its corrections, scores, the shadow's answer, and its features."""
    page = open_page("predictions", outcome="wrong")
    page.button(key="predictions.open").click().run()
    assert not page.exception
    assert url_of(page)["prediction"] == [PREDICTION]
    text = said(page)
    assert "Decided late with a score of 0.8100" in page.subheader[0].value
    assert "Wrong" in text
    assert "it was **on_time**" in text
    assert "It was corrected once; the first line holds." in text
    assert "the threshold was at most 0.8100" in text
    tables = {tuple(table.value.columns): table.value for table in page.dataframe}
    assert list(tables["Label", "Observed", "Arrived"]["Label"]) == ["on_time", "late"]
    assert list(tables["Variant", "Version", "Decided", "Score", "Is"].iloc[0]) == [
        "shadow",
        VERSIONS[1],
        "on_time",
        "0.2000",
        "right",
    ]
    page.button(key="predictions.back").click().run()
    assert url_of(page)["outcome"] == ["wrong"]
    assert "prediction" not in url_of(page)


def test_its_features_stand_against_the_reference_the_unusual_first(open_page: Open, api: FakeMonitoringApi) -> None:
    """Percentile or share in words; what lies outside of all training rows comes first; what is unknown is listed."""
    page = open_page("predictions", prediction=PREDICTION)
    text = said(page)
    assert "Unusual: distance, carrier." in text
    assert text.index("**distance** = 9999") < text.index("**carrier** = HA") < text.index("**wind_gust** = null")
    assert "Higher than all training rows (the greatest was 2580)." in text
    assert "0.1 % of the training rows had it." in text
    assert "It is missing (null), as in 76 % of the training rows." in text
    assert list(page.dataframe[-1].value["Feature"]) == ["extra"]
    assert list(page.dataframe[-1].value["Value"]) == ['[1, "a"]']
    assert asked(api, "/reference") == [{"version": [VERSIONS[0]]}]


def test_without_a_reference_it_teaches_how_to_make_one(open_page: Open, api: FakeMonitoringApi) -> None:
    """The features are still listed."""
    api.modelling.reference = False
    page = open_page("predictions", prediction=PREDICTION)
    assert not page.exception
    assert "sightglass reference build" in said(page)
    assert list(page.dataframe[-1].value["Feature"]) == ["carrier", "distance", "wind_gust", "extra"]


def test_a_regression_says_what_it_was_off_by(open_page: Open, api: FakeMonitoringApi) -> None:
    """Predicted 12.5, measured 10."""
    api.modelling.task = "regression"
    page = open_page("predictions", prediction=PREDICTION)
    assert "Predicted 12.5" in page.subheader[0].value
    assert "the prediction was off by **+2.5**" in said(page)


def test_a_prediction_without_a_label_says_how_long_it_waits(open_page: Open, api: FakeMonitoringApi) -> None:
    """And how labels come."""
    api.modelling.labels = "none"
    page = open_page("predictions", prediction=PREDICTION)
    assert "No label has come in 15 min" in said(page)


def test_what_is_not_there_is_said(open_page: Open, api: FakeMonitoringApi) -> None:
    """An unknown id, a search without a hit, and an empty store each have their own words."""
    assert "There is no prediction gone" in said(open_page("predictions", prediction="gone"))
    api.mode = "empty"
    assert "No prediction meets all of this" in said(open_page("predictions", outcome="wrong"))
    assert "No data yet" in open_page("predictions").subheader[0].value


def test_scores_that_cross_are_refused_before_the_api_is_asked(open_page: Open, api: FakeMonitoringApi) -> None:
    """In a link they are left out and named; typed, the page says that nothing is both."""
    page = open_page("predictions", min_score="0.9", max_score="0.1")
    assert "min_score is greater than max_score" in said(page)
    page.number_input(key="predictions.min_score").set_value(0.9).run()
    page.number_input(key="predictions.max_score").set_value(0.1).run()
    assert "nothing is both" in said(page)
    assert not any("max_score" in query for query in asked(api, "/predictions"))


@pytest.mark.parametrize("query", [{"prediction": PREDICTION}, {"outcome": "wrong"}])
def test_hostile_texts_stay_texts(open_page: Open, api: FakeMonitoringApi, query: dict[str, str]) -> None:
    """A megabyte, marks that turn the text, emoji and markdown in features and labels are shown, and cut."""
    api.mode = "hostile"
    began = time.perf_counter()
    page = open_page("predictions", **query)
    spent = time.perf_counter() - began
    assert not page.exception
    for item in [*page.markdown, *page.caption, *page.subheader, *page.info, *page.warning]:
        assert "<script>" not in item.value
        assert "[x](http" not in item.value
        assert "\u202e" not in item.value
        assert len(item.value) < 5_000
    for table in page.dataframe:
        cells = table.value.to_numpy().ravel()
        assert all(len(str(cell)) < 400 and "\u202e" not in str(cell) for cell in cells)
    if "prediction" in query:
        assert "🦆" in said(page) + str([table.value.to_dict() for table in page.dataframe])
    assert spent < 30


@pytest.mark.parametrize("mode", ["store-down", "broken"])
def test_failures_are_said(open_page: Open, api: FakeMonitoringApi, mode: str) -> None:
    """The page explains itself, and keeps what was asked for."""
    api.mode = mode
    for query in ({"prediction": PREDICTION}, {"outcome": "wrong"}):
        page = open_page("predictions", **query)
        assert not page.exception
        assert page.error or page.warning
        assert {name: url_of(page)[name] for name in query} == {name: [value] for name, value in query.items()}
