"""Which of several names for the same cases a finding goes by."""

from services.monitoring_api.queries.explain.candidate import Candidate, Part
from services.monitoring_api.queries.explain.cases import Kind
from services.monitoring_api.queries.explain.contingency import Contingency

INSTANCE = Part(Kind.SEGMENT, "service_instance", 1, "a7ea7a2f")
ORIGIN = Part(Kind.FEATURE, "origin", 2, '"EWR"')
WIND = Part(Kind.FEATURE, "wind_speed", 3, "6.904")
HUMID = Part(Kind.FEATURE, "humidity", 4, low=53.29)
ROUTE = Part(Kind.ATTRIBUTE, "http.route", 5, "12")


def order(*names: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """The names, the preferred one first."""
    found = [Candidate(parts, Contingency(1, 1, 1, 1), 0.0) for parts in names]
    return [each.parts for each in sorted(found, key=lambda each: each.plainness)]


def test_a_category_comes_before_a_number() -> None:
    """An airport since a restart rather than a humidity since then, or one wind speed."""
    pairs = (INSTANCE, HUMID), (WIND, INSTANCE), (ORIGIN, INSTANCE)
    assert order(*pairs)[0] == (ORIGIN, INSTANCE)
    assert order((HUMID,), (ORIGIN,), (WIND,))[0] == (ORIGIN,)
    assert order((WIND,), (HUMID,), (ORIGIN, INSTANCE))[0] == (ORIGIN, INSTANCE)


def test_one_thing_comes_before_two_and_what_predictions_say_before_attributes() -> None:
    """Whichever order the parts of a pair have; the text of an attribute is no number."""
    assert order((ORIGIN, INSTANCE), (ROUTE,))[0] == (ROUTE,)
    assert order((ROUTE,), (INSTANCE,)) == [(INSTANCE,), (ROUTE,)]
    assert order((ROUTE,), (WIND,)) == [(ROUTE,), (WIND,)]
    assert order((INSTANCE, ROUTE), (ORIGIN, INSTANCE))[0] == (ORIGIN, INSTANCE)
