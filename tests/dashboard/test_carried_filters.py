"""Filters of one page as another page asks for the same."""

import pytest

from dashboard.carried_filters import predictions_of, requests_of, to_models, to_predictions, to_traces
from dashboard.states.models import ModelsState
from dashboard.states.predictions import PredictionsState
from dashboard.states.traces import TracesState

SPAN = {"from": ["now-24h"], "to": ["now"], "tz": ["UTC"]}


@pytest.mark.parametrize(
    ("filters", "query", "left_out"),
    [
        (("service=ml-api", "route=/v1/x", "status_class=5xx"), ("ml-api", "/v1/x", "5xx", ()), ()),
        (
            ("service=a", "service=b", "route^=/v1", "model_version=8b", "features_source=fallback"),
            (
                "a",
                "",
                "",
                (
                    "resource.service.name=b",
                    "http.route^=/v1",
                    "ml.model.version=8b",
                    "ml.features.source=fallback",
                ),
            ),
            (),
        ),
        (
            ("service=in(a,b)", "variant!=shadow"),
            ("", "", "", ("resource.service.name=in(a,b)", "ml.variant!=shadow")),
            (),
        ),
        (("status_code=503", "route="), ("", "", "", ("http.response.status_code=503", "http.route=")), ()),
        (
            ("status_class=in(4xx,5xx)", "status_class!=2xx", "label=late", "no filter"),
            ("", "", "", ()),
            ("status_class=in(4xx,5xx)", "status_class!=2xx", "label=late", "no filter"),
        ),
        (("status_class=4xx", "status_class=5xx", "status_class=4xx"), ("", "", "4xx", ()), ("status_class=5xx",)),
    ],
)
def test_traces_are_narrowed_as_far_as_they_can_be(
    filters: tuple[str, ...], query: tuple[str, str, str, tuple[str, ...]], left_out: tuple[str, ...]
) -> None:
    """By the page's own fields, else by attributes of spans; what is neither is named."""
    found = to_traces(filters, TracesState(section="slow"))
    state = found.state
    assert (state.service, state.route, state.status, state.attributes) == query
    assert (found.left_out, state.section) == (left_out, "slow")


def test_models_are_narrowed_as_far_as_they_can_be() -> None:
    """A model, a version and a variant have their place; columns are filters of any form."""
    filters = ("model=m", "model_version=1", "variant=shadow", "features_source!=store", "status_class=5xx", "model=n")
    found = to_models(filters, ModelsState(section="wrong"))
    expected = {"model": ["m"], "version": ["1"], "variant": ["shadow"], "section": ["wrong"]}
    assert found.state.query() == {**expected, "filter": ["features_source!=store"], **SPAN}
    assert found.left_out == ("status_class=5xx", "model=n")
    several = to_models(("model_version=in(1,2)", "model!=m"), ModelsState())
    assert (several.state.filters, several.left_out) == (("model_version=in(1,2)",), ("model!=m",))


def test_predictions_are_narrowed_to_one_value_of_a_field() -> None:
    """A second value, a list, an empty one and what predictions have no field for are named."""
    filters = ("features_source=fallback", "label=late", "model_version=2", "service=x", "label!=early", "model=")
    found = to_predictions(filters, PredictionsState(version="1"))
    expected = {"version": ["1"], "features_source": ["fallback"], "label": ["late"]}
    assert found.state.query() == {**expected, **SPAN}
    assert found.left_out == ("model_version=2", "service=x", "label!=early", "model=")


def test_what_the_models_page_speaks_of_is_searched_for() -> None:
    """Its predictions with features and filters; its requests with what spans say of them."""
    state = ModelsState(
        "in(m)", "1", "shadow", features=("carrier=EV",), filters=("features_source=store", "service=s")
    )
    found = predictions_of(state, outcome="wrong")
    said = {"model": ["in(m)"], "version": ["1"], "variant": ["shadow"], "outcome": ["wrong"]}
    assert found.state.query() == {**said, "feature": ["carrier=EV"], "features_source": ["store"], **SPAN}
    assert found.left_out == ("service=s",)
    requests = requests_of(state)
    attributes = ("ml.model.name=in(in(m))", "ml.model.version=1", "ml.variant=shadow", "ml.features.source=store")
    assert (requests.state.service, requests.state.attributes) == ("s", attributes)
    assert requests.left_out == ("carrier=EV",)
