"""What must go together in a rule, read from what was written, whether or not each key of it is right by itself."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from services.monitoring_api.alerting.label_names import ALERTNAME, SEVERITY, SLO_WINDOW
from services.monitoring_api.alerting.metric_shapes import Catalogue, MetricShape, check_filters, check_groups, shape_of
from services.monitoring_api.alerting.slo import metrics_of

# The key that is wrong, None where one is missing; and what to do.
Found = Iterable[tuple[str | None, str]]

_OF_AN_OBJECTIVE: Final = (
    "absent",
    "window",
    "offset",
    "change",
    "confirm_window",
    "condition",
    "resolve_condition",
)
_OF_A_STATEMENT: Final = ("filter", "group_by")
_OF_ABSENCE: Final = ("change", "confirm_window", "condition", "no_data")


def whole_errors(rule: Mapping[str, Any], catalogue: Catalogue | None) -> Found:
    """What does not go together, or is missing.

    Args:
        rule: Its keys and values as they were written.
        catalogue: The metrics there are; None to take metric names on trust.
    """
    sources = [name for name in ("metric", "sql", "slo") if rule.get(name) is not None]
    if not sources:
        yield None, "missing: a rule needs `metric:`, `sql:` or `slo:`"
    elif len(sources) > 1:
        yield None, f"a rule has one of `metric:`, `sql:` and `slo:`, not {' and '.join(sources)}"
    elif "slo" not in sources and not rule.get("absent") and rule.get("condition") is None:
        yield None, "missing: a rule needs `condition:` or `absent: true`"
    yield from _left_out(rule)
    yield from _labels(rule)
    yield from _keys_of_the_metric(rule, catalogue)


def _left_out(rule: Mapping[str, Any]) -> Found:
    """Keys that another key stands for."""
    objective = rule.get("slo") is not None
    if objective:
        said = "an objective brings its own windows and conditions; leave this out"
        yield from ((name, said) for name in _OF_AN_OBJECTIVE if name in rule)
    if rule.get("sql") is not None:
        said = "the statement itself says what it selects and groups by; leave this out"
        yield from ((name, said) for name in _OF_A_STATEMENT if name in rule)
    if rule.get("absent") is True and not objective:
        said = "`absent: true` is a condition by itself: bad is a window without data; leave this out"
        yield from ((name, said) for name in _OF_ABSENCE if name in rule)
    elif rule.get("change") is not None and rule.get("confirm_window") is not None and not objective:
        yield "confirm_window", "a change is judged over one window; leave this out"


def _labels(rule: Mapping[str, Any]) -> Found:
    """Labels that are set twice."""
    labels, groups = _names(rule.get("labels"), dict), _names(rule.get("group_by"), list, tuple)
    if ALERTNAME in labels:
        yield "labels", f"`{ALERTNAME}` is set by the rule's name"
    of_objective = {SEVERITY, SLO_WINDOW} if rule.get("slo") is not None else set()
    if taken := sorted(of_objective & set(labels)):
        yield "labels", f"`{taken[0]}` is set by the objective, differently for each of its rules"
    if len(set(groups)) < len(groups):
        yield "group_by", "names a key twice"
    if clash := sorted(set(groups) & {*labels, ALERTNAME, *of_objective}):
        yield None, f"group_by and labels both set {', '.join(clash)}"


def _keys_of_the_metric(rule: Mapping[str, Any], catalogue: Catalogue | None) -> Found:
    """Filters and groups that the metric has not."""
    if catalogue is None or rule.get("sql") is not None:
        return
    asked = [rule.get("metric")] if rule.get("slo") is None else metrics_of(rule["slo"])
    try:
        shapes = {name: shape_of(catalogue, name) for name in asked if isinstance(name, str)}
    except ValueError:  # an unknown metric is an error of its own
        return
    for key, check, names in (
        ("filter", check_filters, _names(rule.get("filter"), dict)),
        ("group_by", check_groups, _names(rule.get("group_by"), list, tuple)),
    ):
        # Where the objective is wrong it may be about any of several metrics.
        said = [_refusal(check, name, shape, names) for name, shape in shapes.items()]
        if said and all(said):
            yield key, said[0]


def _refusal(
    check: Callable[[str, MetricShape, list[str]], None], metric: str, shape: MetricShape, names: list[str]
) -> str:
    try:
        check(metric, shape, names)
    except ValueError as error:
        return str(error)
    return ""


def _names(value: object, *kinds: type) -> list[str]:
    """The keys of a mapping or the items of a list that are texts; none where it is something else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, kinds) else []  # type: ignore[attr-defined]
