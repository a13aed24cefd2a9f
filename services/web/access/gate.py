"""In front of every route: who lacks what it needs is turned away, unread; what operators do is written down."""

import logging
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

from anyio.to_thread import run_sync
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.web.access.access import Access
from services.web.access.audit import Action, AuditError, AuditLog, outcome_of
from services.web.access.caller import caller_of
from services.web.access.policy import Need, Policy
from services.web.problems import Problem, Unavailable

_logger = logging.getLogger(__name__)

_TARGET: Final = "sightglass.target"
_POLICY_VIOLATION: Final = 1008
_NOT_SERVED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})


class Gate:
    """ASGI middleware.

    Args:
        app: The application behind it.
        policy: What each route needs.
        access: Decides who is let in.
        audit: Where operators' actions are written down.
    """

    def __init__(self, app: ASGIApp, *, policy: Policy, access: Access, audit: AuditLog) -> None:
        self._app = app
        self._policy = policy
        self._access = access
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # Nothing of ours speaks anything else, so nobody comes in that way.
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        need = self._policy.need(scope["method"], scope["path"])
        with ExitStack() as place:
            try:
                self._access.admit(scope, need)
                place.enter_context(self._access.place(scope, need))
            except Problem as problem:
                if _is_worth_a_line(scope, need, problem.status):
                    await self._record(scope, need, problem.status)
                await problem.response()(scope, receive, send)
                return
            if need.action is None:
                await self._app(scope, receive, send)
            else:
                await self._watched(scope, need, receive, send)

    async def _watched(self, scope: Scope, need: Need, receive: Receive, send: Send) -> None:
        try:
            await run_sync(self._audit.check)
        except AuditError as error:
            _logger.error("%s", error)  # noqa: TRY400  (the message says it all)
            refusal = Unavailable("The audit log can't be written, so nothing was done; this process's log says why.")
            await refusal.response()(scope, receive, send)
            return
        recorded = False

        async def watch(message: Message) -> None:
            nonlocal recorded
            if message["type"] == "http.response.start" and not recorded:
                recorded = True
                # Before the answer goes out: who has it finds the line.
                if need.listed or message["status"] not in _NOT_SERVED:
                    await self._record(scope, need, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            if not recorded:
                await self._record(scope, need, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _record(self, scope: Scope, need: Need, status: int) -> None:
        caller = caller_of(scope)
        span = trace.get_current_span().get_span_context()
        action = Action(
            name=need.action or "",
            target=scope.get(_TARGET, need.target),
            actor=caller.name,
            outcome=outcome_of(status),
            token_id=caller.token_id,
            on_behalf_of=caller.user,
            status=status,
            trace_id=trace.format_trace_id(span.trace_id) if span.is_valid else None,
            client=scope["client"][0] if scope.get("client") else None,
        )
        try:
            await run_sync(self._audit.record, action)
        except AuditError as error:
            _logger.error("%s Lost: %s", error, action)  # noqa: TRY400  (the message says it all)


def name_target(scope: Scope, target: str) -> None:
    """Say what exactly a request acts on, for the audit log; else its path's parameters stand there."""
    scope[_TARGET] = target


def _is_worth_a_line(scope: Scope, need: Need, status: int) -> bool:
    """Refusals are, but not of what nobody serves, nor of each request in a flood that no token stands behind."""
    known = caller_of(scope).token_id is not None
    return need.action is not None and need.listed and (known or status != HTTPStatus.TOO_MANY_REQUESTS)
