"""Annotations: sandboxed Jinja2 templates that say in words what a figure means."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.monitoring_api.configuration.duration import format_duration

MAXIMUM_CHARACTERS = 2_000

VARIABLES = frozenset(
    {"value", "count", "labels", "alertname", "metric", "window", "condition", "threshold", "status", "cause", "error"}
    | {"current", "earlier", "objective", "burn_rate", "budget_spent", "runbook", "dashboard", "trace_ids"}
)


@dataclass(frozen=True, slots=True)
class AnnotationContext:
    """What a template may speak of.

    Attributes:
        alertname: The rule's name.
        metric: What it watches; empty for a statement.
        window: Text like 5m.
        condition: When it is bad, in words.
        threshold: The condition's number; None when it has none.
        status: pending, firing and so on.
        cause: Why it is active, or why it ended.
        value: What the condition judged; None when there was no data.
        count: Events in the window; None when nothing counts them.
        error: Why the last look gave no answer; None when it gave one.
        labels: The alert's labels.
        current: The window's figure, where `value` is its change.
        earlier: The figure of the window that it is held against.
        objective: The share of requests that must be good; None without an objective, as the next two.
        burn_rate: How many times faster than allowed the objective's budget is spent.
        budget_spent: The part of the budget that went in this window.
        runbook: The rule's link; empty when it has none.
        dashboard: A link to the figure around the event; empty when the dashboard's place is unknown.
        trace_ids: A few traces of it, once it fires.
    """

    alertname: str
    metric: str
    window: str
    condition: str
    threshold: float | None
    status: str = "firing"
    cause: str = "condition"
    value: float | None = None
    count: float | None = None
    error: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    current: float | None = None
    earlier: float | None = None
    objective: float | None = None
    burn_rate: float | None = None
    budget_spent: float | None = None
    runbook: str = ""
    dashboard: str = ""
    trace_ids: Sequence[str] = ()

    def variables(self) -> dict[str, Any]:
        """The names that a template sees."""
        return {name: getattr(self, name) for name in VARIABLES}


def check_template(text: str) -> str:
    """Return the text when it is a template that can be rendered.

    Raises:
        ValueError: Naming the unknown variable or filter, or the syntax error.
    """
    environment = _environment()
    try:
        unknown = meta.find_undeclared_variables(environment.parse(text)) - VARIABLES
        environment.from_string(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"the template is wrong: {error.message}") from None
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"the template uses {names}, which is none of: {', '.join(sorted(VARIABLES))}")
    return text


def render(annotations: Mapping[str, str], context: AnnotationContext) -> dict[str, str]:
    """Every annotation as text. A template that fails says so in its own text and stops no alert."""
    return {name: _render_one(text, context) for name, text in annotations.items()}


def _render_one(text: str, context: AnnotationContext) -> str:
    try:
        rendered = _compiled(text).render(context.variables())
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, MemoryError) as error:
        return f"(the template failed: {type(error).__name__}: {error})"[:MAXIMUM_CHARACTERS]
    return rendered if len(rendered) <= MAXIMUM_CHARACTERS else rendered[: MAXIMUM_CHARACTERS - 1] + "…"


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Template:
    return _environment().from_string(text)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # Plain text comes out; each channel escapes for its own medium.
    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
    environment.filters["percent"] = percent
    environment.filters["seconds"] = seconds
    environment.filters["number"] = number
    return environment


def percent(value: float | None, digits: int = 1) -> str:
    """0.0512 as `5.1 %`."""
    return "no data" if _absent(value) else f"{float(value or 0) * 100:.{digits}f} %"


def seconds(value: float | None) -> str:
    """A duration in seconds as `1m30s`, below ten seconds with milliseconds."""
    if value is None or _absent(value):
        return "no data"
    return f"{value * 1000:.0f} ms" if value < 10 else format_duration(value)  # noqa: PLR2004 - see the docstring


def number(value: float | None, digits: int = 4) -> str:
    """A figure with so many significant digits."""
    return "no data" if _absent(value) else f"{float(value or 0):.{digits}g}"


def _absent(value: float | None) -> bool:
    return value is None or math.isnan(value)
