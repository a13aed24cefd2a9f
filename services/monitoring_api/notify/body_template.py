"""A webhook's body as its receiver wants it: a sandboxed Jinja2 template over Alertmanager's own names."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.monitoring_api.notify.channel import DeliveryFailedError

MAXIMUM_CHARACTERS = 1_000_000
VARIABLES = frozenset(
    {
        *("version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels"),
        *("commonAnnotations", "externalURL", "alerts"),
        *("title", "reason", "incident", "idempotency_key", "late_seconds", "digest"),
    }
)
_FAILURES = (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, MemoryError)


def check_body_template(text: str) -> str:
    """Return the text when it is a template that can be rendered.

    Raises:
        ValueError: Naming the unknown variable, or the syntax error with its line.
    """
    environment = _environment()
    try:
        unknown = meta.find_undeclared_variables(environment.parse(text)) - VARIABLES
        environment.from_string(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of the template: {error.message}") from None
    if unknown:
        raise ValueError(f"the template uses {', '.join(sorted(unknown))}; there are: {', '.join(sorted(VARIABLES))}")
    return text


def render_body(text: str, variables: Mapping[str, Any]) -> bytes:
    """The body.

    Raises:
        DeliveryFailedError: When the template fails, or what comes out is too long.
    """
    try:
        rendered = _compiled(text).render(variables)
    except _FAILURES as error:
        raise DeliveryFailedError(
            f"the template failed: {type(error).__name__}: {error}"[:300],
            permanent=True,
            remedy="mend `template` in the notifications file",
        ) from None
    if len(rendered) > MAXIMUM_CHARACTERS:
        raise DeliveryFailedError(
            f"the template makes {len(rendered):,} characters; at most {MAXIMUM_CHARACTERS:,} are sent",
            permanent=True,
            remedy="mend `template` in the notifications file",
        )
    return rendered.encode("utf-8", "replace")


@lru_cache(maxsize=64)
def _compiled(text: str) -> Template:
    return _environment().from_string(text)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
