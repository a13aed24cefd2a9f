"""Which route needs which scope, as one table per application."""

from collections.abc import Iterable
from dataclasses import dataclass
from re import Pattern
from typing import Final

from starlette.routing import compile_path

from services.web.access.scopes import Scope

_LONGEST: Final = 200
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What one route needs.

    Args:
        method: The HTTP method.
        path: The route's path, with its ``{parameters}``.
        scope: What the caller's token must allow; None: no token is asked for.
        action: What the audit log calls it; None: it is not an operator's action.
        any_token: Whether a good token is asked for, whatever it allows; then there is no scope.
    """

    method: str
    path: str
    scope: Scope | None
    action: str | None = None
    any_token: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What one request needs, and what the audit log calls it and its target.

    Args:
        scope: See `Rule`.
        action: See `Rule`.
        target: What is acted on.
        any_token: See `Rule`.
        listed: Whether a rule says so. What no rule names is probed for all day long wherever a port is open, so that
            refusing it is not worth a line.
    """

    scope: Scope | None
    action: str | None
    target: str | None
    any_token: bool = False
    listed: bool = True

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return self.scope is None and not self.any_token


PUBLIC: Final = (Rule("GET", "/healthz", None), Rule("GET", "/readyz", None))


class Policy:
    """Answers what a request needs.

    What no rule names needs `read` to look, and `admin` for everything else, with a line in the audit log: a route that
    somebody forgets here is closed.

    Args:
        rules: What the application's own routes need, besides the health checks.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = (*PUBLIC, *rules)
        self._exact: dict[tuple[str, str], Rule] = {}
        self._patterns: list[tuple[Rule, Pattern[str]]] = []
        for rule in self.rules:
            if "{" in rule.path:
                self._patterns.append((rule, compile_path(rule.path)[0]))
            else:
                self._exact[rule.method, rule.path] = rule

    def need(self, method: str, path: str) -> Need:
        """What a request needs; `path` is decoded, as routes see it."""
        rule = self._exact.get((method, path))
        if rule is not None:
            return Need(rule.scope, rule.action, None, rule.any_token)
        for candidate, pattern in self._patterns:
            if candidate.method == method and (found := pattern.match(path)):
                target = "/".join(found.groupdict().values())[:_LONGEST]
                return Need(candidate.scope, candidate.action, target, candidate.any_token)
        if method in _READING:
            return Need(Scope.READ, None, None)
        return Need(Scope.ADMIN, method[:20], path[:_LONGEST], listed=False)
