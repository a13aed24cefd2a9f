"""Errors that people get over HTTP: RFC 9457 problem documents, one class per kind."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fastapi import Response

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_MOST_ERRORS: Final = 50
_LONGEST_FIELD: Final = 200
_LONGEST_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class FieldError:
    """One bad field: its dotted path (``features.distance``, ``items.3.entity_id``) and what is wrong with it."""

    field: str
    message: str


class Problem(Exception):  # noqa: N818  (a problem document is what RFC 9457 calls it)
    """An answer that is not a success: raise one anywhere below a route.

    Args:
        detail: What happened and what to do next, for a person.
        errors: The bad fields, when the request is at fault.
        headers: Extra response headers.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    type: ClassVar[str] = "urn:sightglass:problem:internal"

    def __init__(
        self, detail: str, *, errors: Iterable[FieldError] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """This problem as an ``application/problem+json`` response."""
        return problem_response(
            status=self.status,
            title=self.title,
            kind=self.type,
            detail=self.detail,
            errors=self.errors,
            headers=self.headers,
        )


class BadInput(Problem):
    """The request is readable but a field of it is not acceptable."""

    status = 422
    title = "Bad input"
    type = "urn:sightglass:problem:bad-input"


class MalformedBody(Problem):
    """The body can't be read as JSON."""

    status = 400
    title = "Malformed body"
    type = "urn:sightglass:problem:malformed-body"


class UrlHoldsToken(Problem):
    """A token stands in the URL, or in what a URL becomes."""

    status = 400
    title = "Token in the URL"
    type = "urn:sightglass:problem:token-in-url"

    def __init__(self) -> None:
        super().__init__(
            "URLs end up in logs and histories, so tokens are not taken from them. Send the header "
            "`Authorization: Bearer <token>` instead, and revoke a token that was sent this way."
        )


class Unauthorized(Problem):
    """There is no token, or none that is good; the answer is the same for whatever is wrong with it."""

    status = 401
    title = "Unauthorized"
    type = "urn:sightglass:problem:unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "Send a good token as `Authorization: Bearer <token>`; `sightglass tokens create` makes one.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class Forbidden(Problem):
    """The caller may not do this."""

    status = 403
    title = "Forbidden"
    type = "urn:sightglass:problem:forbidden"


class NotFound(Problem):
    """Nothing has this name or id."""

    status = 404
    title = "Not found"
    type = "urn:sightglass:problem:not-found"


class Conflict(Problem):
    """The state of the thing asked for does not allow this."""

    status = 409
    title = "Conflict"
    type = "urn:sightglass:problem:conflict"


class TooLarge(Problem):
    """The body is longer than the server takes."""

    status = 413
    title = "Body too large"
    type = "urn:sightglass:problem:too-large"


class ParameterTooLong(Problem):
    """A query parameter, or all of them together, is longer than the server takes."""

    status = 414
    title = "Parameter too long"
    type = "urn:sightglass:problem:parameter-too-long"


class UnsupportedMediaType(Problem):
    """The body is not of a type that the server reads."""

    status = 415
    title = "Unsupported media type"
    type = "urn:sightglass:problem:unsupported-media-type"


class WrongHost(Problem):
    """The Host header names a host that this server does not answer for."""

    status = 421
    title = "Misdirected request"
    type = "urn:sightglass:problem:wrong-host"


class TooManyRequests(Problem):
    """The caller asks faster than is allowed."""

    status = 429
    title = "Too many requests"
    type = "urn:sightglass:problem:too-many-requests"


class _RetryLater(Problem):
    """A problem that is likely to be gone later.

    Args:
        detail: What happened and what to do next, for a person.
        retry_after_seconds: When it makes sense to ask again.
    """

    def __init__(self, detail: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class Unavailable(_RetryLater):
    """Something the answer needs is not there now."""

    status = 503
    title = "Unavailable"
    type = "urn:sightglass:problem:unavailable"


class TooSlow(_RetryLater):
    """The answer did not come within the route's deadline."""

    status = 504
    title = "Deadline exceeded"
    type = "urn:sightglass:problem:too-slow"


def problem_response(
    *,
    status: int,
    title: str,
    kind: str = "about:blank",
    detail: str = "",
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document; ``errors`` beyond the first 50 are left out and counted in ``errors_omitted``."""
    document: dict[str, Any] = {"type": kind, "title": title, "status": status, "detail": _short(detail, _LONGEST_TEXT)}
    listed = list(errors)
    if listed:
        document["errors"] = [
            {"field": _short(error.field, _LONGEST_FIELD), "message": _short(error.message, _LONGEST_TEXT)}
            for error in listed[:_MOST_ERRORS]
        ]
    if len(listed) > _MOST_ERRORS:
        document["errors_omitted"] = len(listed) - _MOST_ERRORS
    # ASCII only: a field's name may hold a lone surrogate, which UTF-8 can't carry.
    body = json.dumps(document, ensure_ascii=True).encode("ascii")
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=PROBLEM_MEDIA_TYPE)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
