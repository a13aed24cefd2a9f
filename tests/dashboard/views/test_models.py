"""The models page, run without a browser against a server that answers."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.modelling_api import MODEL, VERSIONS
from tests.dashboard.monitoring_api import HOSTILE, FakeMonitoringApi
from tests.dashboard.views.words import links_of, said, url_of

Open = Callable[..., AppTest]
SECTIONS = ("performance", "reliability", "segments", "versions", "wrong")


def asked(api: FakeMonitoringApi, ending: str) -> list[dict[str, list[str]]]:
    """The parameters of every question whose path ends so."""
    return [query for path, query in api.asked if path.endswith(ending)]


def test_it_says_how_good_the_model_is_how_sure_and_against_what(open_page: Open, api: FakeMonitoringApi) -> None:
    """The verdict has the figure, its interval, its count, the period before, and how many labels have come."""
    api.modelling.worse = True
    page = open_page("models")
    assert not page.exception
    text = said(page)
    assert "Worse than before" in page.subheader[0].value
    assert "Log loss 0.49 (95 % interval 0.48 to 0.5) over 4,000 labelled in the last 24 hours." in text
    assert "Log loss was 0.39 (0.38 to 0.4) in the 24 hours before" in text
    assert "3,977 of 4,100 predictions have a label (97 %)" in text
    assert url_of(page)["model"] == [MODEL]
    periods = {(query["from"][0], query["to"][0]) for query in asked(api, "/performance")}
    assert periods == {("now-24h", "now"), ("now-48h", "now-24h")}
    assert [metric.label for metric in page.metric][:3] == ["Log loss", "ROC AUC", "Accuracy"]


def test_unfinished_figures_are_never_told_as_facts(open_page: Open, api: FakeMonitoringApi) -> None:
    """While labels come, the verdict refuses to judge, each figure says so, and so do the buckets of the chart."""
    page = open_page("models")
    assert "24 buckets with a figure, 2 of which still wait for labels" in said(page)
    api.modelling.labels = "early"
    early = open_page("models", tz="Europe/Berlin", **{"from": "now-6h"})
    text = said(early)
    assert "Too early to tell" in early.subheader[0].value
    assert "98 % are to be expected in the end" in text
    assert text.count("labels still come") >= 6
    assert "24 of which still wait for labels" in text


def test_without_labels_it_teaches_how_they_come(open_page: Open, api: FakeMonitoringApi) -> None:
    """No figure is made up: the page says that nobody knows, and what to do."""
    api.modelling.labels = "none"
    page = open_page("models")
    assert not page.exception
    assert "no labels have come" in page.subheader[0].value
    assert "sightglass labels load" in said(page)
    assert not page.metric


def test_a_figure_that_says_nothing_has_a_reason(open_page: Open, api: FakeMonitoringApi) -> None:
    """Labels of one class make no ROC AUC; the card says why."""
    api.modelling.labels = "one class"
    page = open_page("models")
    assert "No figure: all labels are of one class" in said(page)


@pytest.mark.parametrize(
    ("task", "section"),
    [
        *(("multiclass", section) for section in ("performance", "reliability", "versions")),
        *(("regression", section) for section in ("performance", "reliability", "segments", "wrong")),
    ],
)
def test_other_tasks_have_their_own_figures(open_page: Open, api: FakeMonitoringApi, task: str, section: str) -> None:
    """A multi-class model and a regression are judged by what suits them."""
    api.modelling.task = task
    page = open_page("models", section=section, segment="carrier")
    assert not page.exception
    first = {"multiclass": "Accuracy 73 %", "regression": "MAE 4.2"}[task]
    assert first in said(page)
    if (task, section) == ("multiclass", "performance"):
        assert list(page.dataframe[-1].value["Class"]) == ["a", "b", "c"]
    if (task, section) == ("regression", "reliability"):
        assert "A regression decides between no classes" in said(page)


def test_another_threshold_gives_another_matrix(open_page: Open, api: FakeMonitoringApi) -> None:
    """Hundredths come with the answer; any other is asked for; costs decide which is the cheapest."""
    page = open_page("models", section="reliability")
    assert "2,900 of 4,000 decisions were right (72.5 %), as it was decided" in said(page)
    page.toggle(key="models.threshold.on").set_value(True).run()
    page.slider(key="models.threshold").set_value(0.3).run()
    assert not page.exception
    assert url_of(page)["threshold"] == ["0.3"]
    assert "2,230 of 4,000 decisions were right (55.8 %), by the threshold 0.3" in said(page)
    assert not any("threshold" in query for query in asked(api, "/performance"))
    page.slider(key="models.threshold").set_value(0.305).run()
    assert [query["threshold"] for query in asked(api, "/performance") if "threshold" in query] == [["0.305"]]
    page.number_input(key="models.miss_cost").set_value(9.0).run()
    assert "a miss 9, the cheapest would have been" in said(page)
    assert url_of(page)["miss_cost"] == ["9.0"]
    linked = open_page("models", section="reliability", threshold="0.3")
    assert "by the threshold 0.3" in said(linked)


def test_segments_show_who_differs_and_lead_on(open_page: Open, api: FakeMonitoringApi) -> None:
    """A feature of the reference is chosen; numbers can be cut; one segment leads to why it is wrong."""
    page = open_page("models", section="segments")
    assert "Choose above by what" in said(page)
    options = page.selectbox(key="models.segment").options
    assert {"carrier", "distance", "wind_gust", "features source"} <= set(options)
    page = open_page("models", section="segments", segment="carrier")
    assert not page.exception
    assert "By more than chance differ from the whole: EV" in said(page)
    assert list(page.dataframe[-1].value["Segment"]) == ["UA", "EV", "7.0", "not given", "all other values"]
    page.selectbox(key="models.segment.chosen").set_value("EV").run()
    page.button(key="models.segment.why").click().run()
    assert url_of(page)["section"] == ["wrong"]
    assert url_of(page)["feature"] == ["carrier=EV"]
    assert asked(api, "/wrong/explain")[-1]["feature"] == ["carrier=EV"]
    assert "Only predictions where carrier=EV" in said(page)
    cut = open_page("models", section="segments", segment="distance:5")
    assert ["distance:5"] in [query.get("segment") for query in asked(api, "/performance")]
    assert cut.selectbox(key="models.bins").value == "5"
    assert list(cut.dataframe[-1].value["Segment"]) == ["below 500", "500 and more", "null"]


def test_versions_stand_side_by_side_and_one_is_promoted_after_a_question(
    open_page: Open, api: FakeMonitoringApi
) -> None:
    """Nothing is promoted before it is confirmed; a refusal is said."""
    page = open_page("models", section="versions")
    assert not page.exception
    assert f"By more than chance differ: {VERSIONS[0]} and {VERSIONS[1]}" in said(page)
    page.selectbox(key="models.promote.version").set_value(VERSIONS[1]).run()
    page.button(key="models.promote.ask").click().run()
    assert api.modelling.done == []
    page.button(key="models.promote.no").click().run()
    assert api.modelling.done == []
    page.button(key="models.promote.ask").click().run()
    page.button(key="models.promote.yes").click().run()
    assert not page.exception
    assert api.modelling.done == [(f"/api/v1/models/{MODEL}/promote", {"version": VERSIONS[1]}, None)]
    assert f"{VERSIONS[1]} answers for {MODEL} now; before it was {VERSIONS[0]}" in said(page)


def test_whoever_may_not_promote_has_no_button(open_page: Open, api: FakeMonitoringApi) -> None:
    """A viewer sees who may."""
    api.tokens = {"": {"read"}}
    page = open_page("models", section="versions")
    assert not page.exception
    assert "Only administrators" in said(page)
    assert not any(button.key == "models.promote.ask" for button in page.button)


def test_why_wrong_leads_to_the_cases(open_page: Open, api: FakeMonitoringApi) -> None:
    """The explainer is asked about this model, version and range, and its answer is ranked."""
    page = open_page(
        "models", section="wrong", version=VERSIONS[0], filter="features_source=store", **{"from": "now-7d"}
    )
    assert not page.exception
    (query,) = asked(api, "/wrong/explain")
    assert (query["model"], query["version"], query["from"]) == ([MODEL], [VERSIONS[0]], ["now-7d"])
    assert query["filter"] == ["features_source=store"]
    assert "departure_hour" in said(page)
    links = links_of(page)
    cases = {"model": [MODEL], "version": [VERSIONS[0]], "features_source": ["store"], "from": ["now-7d"]}
    for label in ("Every prediction that was wrong", "Wrong predictions", "All predictions", "Use as a filter"):
        assert cases.items() <= links[label].items(), label
    assert links["Every prediction that was wrong"]["outcome"] == ["wrong"]
    assert "ml.features.source=store" in links["Its requests"]["attr"]
    assert "more than these cases" not in said(page)


def test_what_no_link_can_take_along_is_named(open_page: Open, api: FakeMonitoringApi) -> None:
    """A search asks for no service, and for one value of a label: the page says that it finds more."""
    page = open_page("models", section="wrong", filter=["service=ml-api", "label!=late"])
    text = said(page)
    assert "The search for predictions cannot ask for service=ml-api; label!=late: it finds more" in text
    assert "The search for requests cannot ask for label!=late: it finds more" in text
    # Beside each finding, and beside the link below them.
    assert text.count("The search cannot ask for service=ml-api; label!=late: it finds more than these cases.") >= 3
    assert links_of(page)["Its requests"]["service"] == ["ml-api"]
    segments = open_page("models", section="segments", segment="carrier", filter=["features_source=fallback"])
    assert links_of(segments)["All its predictions"]["features_source"] == ["fallback"]


def test_its_state_is_its_url(open_page: Open) -> None:
    """What a link says stays in the link."""
    chosen = {
        "model": MODEL,
        "version": VERSIONS[1],
        "section": "reliability",
        "threshold": "0.235",
        "feature": "carrier=EV",
        "from": "now-7d",
        "to": "now",
        "tz": "Europe/Berlin",
    }
    page = open_page("models", **chosen)
    assert not page.exception
    assert {name: url_of(page)[name] for name in chosen} == {name: [value] for name, value in chosen.items()}
    odd = open_page("models", threshold="many", section="nowhere")
    assert "threshold" in said(odd)
    assert url_of(odd)["section"] == ["performance"]


def test_an_empty_store_teaches(open_page: Open, api: FakeMonitoringApi) -> None:
    """Without any model the page says what brings one here."""
    api.mode = "empty"
    page = open_page("models")
    assert not page.exception
    assert "No data yet" in page.subheader[0].value


@pytest.mark.parametrize("mode", ["store-down", "broken"])
def test_failures_are_said(open_page: Open, api: FakeMonitoringApi, mode: str) -> None:
    """The page explains itself, and keeps its controls."""
    api.mode = mode
    page = open_page("models", model=MODEL)
    assert not page.exception
    assert page.error or page.warning
    assert url_of(page)["model"] == [MODEL]


@pytest.mark.parametrize(
    ("task", "section"), [*(("binary", section) for section in SECTIONS), ("multiclass", "performance")]
)
def test_hostile_texts_stay_texts(open_page: Open, api: FakeMonitoringApi, section: str, task: str) -> None:
    """Names of models, versions, classes, features and segments are shown letter by letter."""
    api.mode = "hostile"
    api.modelling.task = task
    page = open_page("models", section=section, segment="carrier")
    assert not page.exception
    for item in [*page.markdown, *page.caption, *page.subheader, *page.info, *page.warning]:
        assert "<script>" not in item.value
        assert not re.search(r"(?<!\\)\*\*bold(?<!\\)\*\*", item.value)
        assert "[x](http" not in item.value
        assert "\u202e" not in item.value
    assert HOSTILE not in "".join(metric.label for metric in page.metric)
