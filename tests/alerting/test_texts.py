"""Conditions, durations and annotations: the small languages of rule files."""

import pytest

from services.monitoring_api.alerting.annotations import MAXIMUM_CHARACTERS, AnnotationContext, check_template, render
from services.monitoring_api.alerting.condition import parse_condition
from services.monitoring_api.configuration.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("> 0.05", 0.05, False),
        ("> 0.05", 0.0501, True),
        (">= 5%", 0.05, True),
        ("< 1e-3", 0.0, True),
        ("<= -2", -2.0, True),
        ("== 0", 0.0, True),
        ("!= 0", 0.0, False),
        (">.5", 0.6, True),
    ],
)
def test_conditions(text, value, holds):
    """A condition compares as it reads, its own threshold included or not."""
    assert parse_condition(text).holds(value) is holds


@pytest.mark.parametrize("text", ["", ">", "0.05", "=> 1", "> 1 2", "> nan", "> inf", None, 5, ["> 1"], "> 0x10"])
def test_what_is_no_condition(text):
    """Everything else is refused."""
    with pytest.raises(ValueError, match="not a condition"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("1h30m", 5400), ("2d", 172800), ("250ms", 0.25), (0, 0), ("0", 0), ("1w", 604800)],
)
def test_durations(text, seconds):
    """Units add up."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", 5, 1.5, "5 m", "-5m", "m", "5x", None, [], {}, True, False, "1h 30m"])
def test_what_is_no_duration(text):
    """A number without its unit is refused, for nobody could tell what it means."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_durations_for_people():
    """The units that matter."""
    assert [format_duration(seconds) for seconds in (0, 59.9, 90, 3600, 90061)] == [
        "0s",
        "59s",
        "1m30s",
        "1h",
        "1d1h1m1s",
    ]


def context(**given) -> AnnotationContext:
    """What a template may speak of."""
    fields = {"alertname": "A", "metric": "error_ratio", "window": "5m", "condition": "> 0.05", "threshold": 0.05}
    return AnnotationContext(**{**fields, **given})


@pytest.mark.parametrize(
    ("template", "given", "text"),
    [
        ("{{ value | percent }}", {"value": 0.0512}, "5.1 %"),
        ("{{ value | percent(0) }}", {"value": 0.5}, "50 %"),
        ("{{ value | percent }}", {"value": None}, "no data"),
        ("{{ value | percent }}", {"value": float("nan")}, "no data"),
        ("{{ value | seconds }}", {"value": 0.25}, "250 ms"),
        ("{{ value | number }}", {"value": 1234.567}, "1235"),
        ("{{ labels.model_version }} {{ alertname }} {{ window }}", {"labels": {"model_version": "3"}}, "3 A 5m"),
        ("{{ labels['a.b'] }}", {"labels": {"a.b": "{{ 7 * 7 }}"}}, "{{ 7 * 7 }}"),
    ],
)
def test_annotations(template, given, text):
    """Values come out as people write them; what labels hold is never a template."""
    assert render({"x": check_template(template)}, context(**given)) == {"x": text}


@pytest.mark.parametrize(
    "template",
    [
        "{{ labels.missing }}",
        "{{ value / 0 }}",
        "{{ value | percent('x') }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ labels.__init__.__globals__ }}",
        "{{ range(10 ** 9) | list }}",
        "{{ labels.update({'a': 'b'}) }}",
        "{% include 'x' %}",
    ],
)
def test_a_template_that_fails_says_so(template):
    """Neither an error nor an escape from the sandbox gets out; the alert goes on."""
    assert render({"x": template}, context(value=1.0))["x"].startswith("(the template failed: ")


def test_long_annotations_are_cut():
    """A label of a megabyte does not become a message of a megabyte."""
    text = render({"x": "{{ labels.a }}"}, context(labels={"a": "a" * 1_000_000}))["x"]
    assert len(text) == MAXIMUM_CHARACTERS
