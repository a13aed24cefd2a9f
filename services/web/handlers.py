"""Every failure of an application becomes a problem document, and the unexpected ones are logged, not shown."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from opentelemetry import trace
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.web.problems import BadInput, FieldError, MalformedBody, Problem, problem_response

_logger = logging.getLogger(__name__)
_SOURCES: Final = frozenset({"body", "query", "path", "header", "cookie"})
_WORDING: Final = {
    "extra_forbidden": "unknown field",
    "missing": "required",
    "string_unicode": "not valid Unicode text",
}
_FIELDS_IN_DETAIL: Final = 5
# What FastAPI says when json.loads fails with anything but a syntax error.
_UNREADABLE_BODY: Final = "There was an error parsing the body"


def install_problems(app: FastAPI) -> None:
    """Make `app` answer every failure with ``application/problem+json``.

    Covers `Problem`, request validation, HTTPException, unknown routes and methods, and any other exception (500:
    logged with its stack and recorded on the current span; the answer says nothing of it).
    """
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_middleware(UnexpectedErrors)


class UnexpectedErrors:
    """Outside of all handlers: turns what nobody caught into a 500 problem and logs it once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; what it raises becomes an answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if started:
                # Half an answer is out: only the server can end it, by closing the connection.
                raise
            span = trace.get_current_span()
            span.record_exception(error)
            _logger.exception("unexpected error in %s %s", scope["method"], scope["path"])
            response = problem_response(
                status=500,
                title=Problem.title,
                kind=Problem.type,
                detail="Something failed on our side; the log holds the reason under this request's trace id.",
            )
            await response(scope, receive, send)


async def _answer_problem(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise TypeError
    return problem.response()


async def _answer_invalid(_request: Request, invalid: Exception) -> Response:
    if not isinstance(invalid, RequestValidationError):
        raise TypeError
    return problem_of(invalid.errors()).response()


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError
    if error.status_code == HTTPStatus.BAD_REQUEST and error.detail == _UNREADABLE_BODY:
        return MalformedBody(
            "The body can't be read as JSON.", errors=[FieldError("body", "nested too deep or a number too long")]
        ).response()
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if detail == title and error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"Nothing is served at {request.url.path[:200]}; / lists what is."
    elif detail == title and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "other methods")
        detail = f"{request.url.path[:200]} takes {allowed}, not {request.method}."
    return problem_response(status=error.status_code, title=title, detail=detail, headers=error.headers)


def problem_of(errors: Sequence[Any]) -> Problem:
    """The problem that pydantic's list of errors amounts to: 400 for unreadable JSON, else 422 naming each field."""
    for error in errors:
        if error["type"] == "json_invalid":
            position = error["loc"][-1]
            reason = f"{error.get('ctx', {}).get('error', 'invalid')} at character {position}"
            return MalformedBody(f"The body is not valid JSON: {reason}.", errors=[FieldError("body", reason)])
    found = list(dict.fromkeys(FieldError(dotted_path(error["loc"]), _message(error)) for error in errors))
    named = ", ".join(error.field[:80] for error in found[:_FIELDS_IN_DETAIL])
    more = f" and {len(found) - _FIELDS_IN_DETAIL} more" if len(found) > _FIELDS_IN_DETAIL else ""
    return BadInput(f"Not acceptable: {named}{more}.", errors=found)


def dotted_path(location: Sequence[str | int]) -> str:
    """``("body", "items", 3, "entity_id")`` -> ``items.3.entity_id``; the whole body is ``body``."""
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in _SOURCES:
        parts = parts[1:]
    return ".".join(parts)


def _message(error: Any) -> str:
    wording = _WORDING.get(error["type"])
    return wording if wording is not None else str(error["msg"]).removeprefix("Value error, ")
