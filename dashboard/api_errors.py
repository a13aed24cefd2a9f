"""Why the monitoring API gave no answer, in words for the person at the screen."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FieldProblem:
    """One field that the API refused, and why."""

    field: str
    message: str


class ApiError(Exception):
    """The API gave no usable answer.

    Args:
        detail: what happened, as far as known; may come from the API, so show it as plain text.
        status: the HTTP status, when there was one.
        retry_after_seconds: when the API says to come back.
        errors: the fields that it refused.
    """

    title = "The monitoring API did not answer"
    advice = ""
    passing = True
    """True when asking again later can help."""

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        errors: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.errors = tuple(errors)


class ApiUnreachableError(ApiError):
    """No connection: the API is down, starting, or elsewhere."""

    title = "The monitoring API is not reachable"
    advice = "It may be starting or stopped: `sightglass status` shows it. This page keeps trying by itself."


class StoreUnavailableError(ApiError):
    """The API runs, but ClickHouse does not answer it (503)."""

    title = "ClickHouse is not answering the monitoring API"
    advice = (
        "What arrives meanwhile waits in the Collector's queue and appears later. "
        "`sightglass status` shows the process. This page keeps trying by itself."
    )


class ApiTooSlowError(ApiError):
    """No answer in time (504, or our own patience)."""

    title = "The answer took too long"
    advice = "A shorter range, a coarser step or fewer groups need less work. This page keeps trying by itself."


class ApiRefusedError(ApiError):
    """The API understood and refused (4xx)."""

    title = "The monitoring API refused this question"
    advice = "Change the part that it names."
    passing = False


class ApiDeniedError(ApiRefusedError):
    """The token is missing, wrong, expired or revoked (401)."""

    title = "The monitoring API asks for a token"
    advice = (
        "Set SIGHTGLASS_DASHBOARD_API_TOKEN_FILE to a file with a token that it knows "
        "(`sightglass tokens create NAME --role viewer` makes one), and restart the dashboard."
    )


class ApiForbiddenError(ApiRefusedError):
    """The token is known, but may not ask this (403)."""

    title = "The monitoring API does not allow this"
    advice = "A token with what is missing is made by `sightglass tokens create`."


class ApiBusyError(ApiError):
    """Too many questions in too short a time (429)."""

    title = "The monitoring API is asked too often"
    advice = "Its limit is SIGHTGLASS_MONITORING_API_RATE_LIMIT. This page keeps trying by itself."


class ApiBrokenError(ApiError):
    """The API failed, or something else answers at its address."""

    title = "The monitoring API answered something unexpected"
    advice = "Its log tells more. Check too that SIGHTGLASS_DASHBOARD_API_URL points to the monitoring API."
