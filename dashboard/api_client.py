"""HTTP client of the monitoring API: typed answers, or an `ApiError` that says why not."""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar

import httpx
from opentelemetry import propagate, trace
from pydantic import ValidationError

from dashboard.answers import Alerts, Answer, Caller, Catalogue, Current, History, PipelineHealth
from dashboard.api_errors import (
    ApiBrokenError,
    ApiBusyError,
    ApiDeniedError,
    ApiError,
    ApiForbiddenError,
    ApiRefusedError,
    ApiTooSlowError,
    ApiUnreachableError,
    FieldProblem,
    StoreUnavailableError,
)
from dashboard.identity import Identity
from dashboard.known_answers import Known, KnownAnswers

CONNECT_TIMEOUT_SECONDS = 2.0
PARALLEL_REQUESTS = 8

Parameters = Sequence[tuple[str, str]]
A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Question(Generic[A]):
    """One request: the path, its parameters and the model of its answer.

    Attributes:
        path: of the API.
        answer: the model of the answer.
        parameters: each a name and a text.
        timeout_seconds: longest wait, where that is not the connection's own.
    """

    path: str
    answer: type[A]
    parameters: Parameters = field(default=())
    timeout_seconds: float | None = None


@dataclass(frozen=True)
class Action(Generic[A]):
    """Something that the API shall do.

    Attributes:
        method: POST or DELETE.
        path: what it is done to.
        answer: the model of the answer.
        body: sent as JSON; nothing when None.
        timeout_seconds: longest wait, where that is not the connection's own.
    """

    method: str
    path: str
    answer: type[A]
    body: Mapping[str, Any] | None = None
    timeout_seconds: float | None = None


def catalogue() -> Question[Catalogue]:
    """Which metrics there are."""
    return Question("/api/v1/metrics", Catalogue)


def current(
    metric: str, *, window: str = "5m", filters: Sequence[str] = (), group_by: Sequence[str] = ()
) -> Question[Current]:
    """A metric over the window that ends now.

    Args:
        metric: a name of the catalogue.
        window: such as `5m`.
        filters: such as `service=ml-api`; and-ed.
        group_by: keys of the catalogue's entry.
    """
    parameters = [("metric", metric), ("window", window), *_selection(filters, group_by)]
    return Question("/api/v1/metrics/current", Current, tuple(parameters))


def history(
    metric: str,
    *,
    start: str = "now-24h",
    end: str = "now",
    step: str = "auto",
    tz: str = "UTC",
    filters: Sequence[str] = (),
    group_by: Sequence[str] = (),
) -> Question[History]:
    """A metric over a range, in buckets.

    Args:
        metric: a name of the catalogue.
        start: RFC 3339 or relative, such as `now-24h`; included.
        end: as `start`; excluded.
        step: `auto` or a width such as `5m`.
        tz: IANA zone in which days begin.
        filters: such as `service=ml-api`; and-ed.
        group_by: keys of the catalogue's entry.
    """
    parameters = [("metric", metric), ("from", start), ("to", end), ("step", step), ("tz", tz)]
    return Question("/api/v1/metrics/history", History, (*parameters, *_selection(filters, group_by)))


def caller() -> Question[Caller]:
    """Whose token the question carries."""
    return Question("/api/v1/caller", Caller)


def pipeline_health() -> Question[PipelineHealth]:
    """How the pipeline itself is doing."""
    return Question("/api/v1/pipeline/health", PipelineHealth)


def alerts() -> Question[Alerts]:
    """Every alert and its state."""
    return Question("/api/v1/alerts", Alerts)


def _selection(filters: Sequence[str], group_by: Sequence[str]) -> list[tuple[str, str]]:
    chosen = [("filter", item) for item in filters]
    return [*chosen, ("group_by", ",".join(group_by))] if group_by else chosen


class ApiConnection:
    """Connections to one monitoring API, threads that use them, and answers; shared by everybody who looks.

    Args:
        base_url: of the API, without `/api/v1`.
        timeout_seconds: longest wait for one answer.
        ca_file: with which an https address is checked, instead of the machine's own authorities.
        transport: replaces the network, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float = 8.0,
        ca_file: Path | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.known = KnownAnswers()
        self.threads = ThreadPoolExecutor(PARALLEL_REQUESTS, thread_name_prefix="api")
        self.http = httpx.Client(
            base_url=self.base_url,
            headers={"Accept": "application/json"},
            timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_TIMEOUT_SECONDS, timeout_seconds)),
            transport=transport,
            trust_env=False,  # a proxy meant for the internet must not see what a loopback API answers
            verify=ssl.create_default_context(cafile=ca_file) if ca_file else True,
        )

    def close(self) -> None:
        """Give back connections and threads."""
        self.threads.shutdown(cancel_futures=True)
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ApiClient:
    """Asks one monitoring API on somebody's behalf; costs nothing to make, and is safe to share between threads.

    Args:
        connection: to the API.
        identity: who asks.
    """

    def __init__(self, connection: ApiConnection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity
        self._tracer = trace.get_tracer("dashboard")

    def ask(self, question: Question[A]) -> A:
        """Ask one question.

        Raises:
            ApiError: in the kind that says why there is no answer.
        """
        with self._tracer.start_as_current_span(
            f"GET {question.path}",
            kind=trace.SpanKind.CLIENT,
            attributes={"http.request.method": "GET", "url.full": f"{self._connection.base_url}{question.path}"},
        ) as span:
            headers = dict(self._identity.headers)
            propagate.inject(headers)
            # The API decides each time whether this one may ask, and whether the answer still holds.
            key = (self._identity.rights, self._identity.name, question.path, *question.parameters)
            known = self._connection.known.find(key)
            if known is not None:
                headers["If-None-Match"] = known.etag
            response = self._get(question, headers)
            span.set_attribute("http.response.status_code", response.status_code)
            if known is not None and _still_holds(response, known) and isinstance(known.answer, question.answer):
                return known.answer
            if not response.is_success:
                raise _error_of(response)
            try:
                answer = question.answer.model_validate(response.json())
            except (ValueError, ValidationError) as error:
                raise ApiBrokenError(f"{question.path} has another shape than expected.") from error
            if etag := response.headers.get("ETag"):
                self._connection.known.keep(key, etag, answer, len(response.content))
            return answer

    def do(self, action: Action[A]) -> A:
        """Let the API do something; it keeps under whose name.

        Raises:
            ApiError: in the kind that says why it was not done, or why nobody knows whether it was.
        """
        with self._tracer.start_as_current_span(
            f"{action.method} {action.path}",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "http.request.method": action.method,
                "url.full": f"{self._connection.base_url}{action.path}",
            },
        ) as span:
            headers = dict(self._identity.headers)
            propagate.inject(headers)
            patience = action.timeout_seconds
            timeout = httpx.USE_CLIENT_DEFAULT if patience is None else httpx.Timeout(patience)
            body: dict[str, Any] = {} if action.body is None else {"json": dict(action.body)}
            with self._failures():
                response = self._connection.http.request(
                    action.method, action.path, headers=headers, timeout=timeout, **body
                )
            span.set_attribute("http.response.status_code", response.status_code)
            if not response.is_success:
                raise _error_of(response)
            try:
                return action.answer.model_validate(response.json())
            except (ValueError, ValidationError) as error:
                raise ApiBrokenError(f"{action.path} has another shape than expected.") from error

    def ask_all(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Ask several questions at once.

        Returns:
            For each question, in order, its answer or the `ApiError` that stands for it.
        """
        # Each call runs in a copy of this context, so that its span has the caller's span as parent.
        futures = [
            self._connection.threads.submit(copy_context().run, _caught(self.ask), question) for question in questions
        ]
        return [future.result() for future in futures]

    def _get(self, question: Question[Any], headers: dict[str, str]) -> httpx.Response:
        patience = question.timeout_seconds
        timeout = httpx.USE_CLIENT_DEFAULT if patience is None else httpx.Timeout(patience)
        with self._failures():
            return self._connection.http.get(
                question.path, params=list(question.parameters), headers=headers, timeout=timeout
            )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Say in our words why nothing was answered."""
        try:
            yield
        except httpx.ConnectTimeout as error:
            raise ApiUnreachableError(f"No connection to {self._connection.base_url} in time.") from error
        except httpx.TimeoutException as error:
            raise ApiTooSlowError(
                f"No answer from {self._connection.base_url} within the dashboard's patience."
            ) from error
        except httpx.TransportError as error:
            raise ApiUnreachableError(f"No connection to {self._connection.base_url}.") from error
        except httpx.InvalidURL as error:
            raise ApiRefusedError("The question is too long for a URL.") from error


def _still_holds(response: httpx.Response, known: Known) -> bool:
    """Whether the API says that it would answer the same; who stands between may name another answer."""
    return response.status_code == HTTPStatus.NOT_MODIFIED and response.headers.get("ETag", known.etag) == known.etag


def _caught(ask: Callable[[Question[A]], A]) -> Callable[[Question[A]], A | ApiError]:
    def call(question: Question[A]) -> A | ApiError:
        try:
            return ask(question)
        except ApiError as error:
            return error

    return call


def _error_of(response: httpx.Response) -> ApiError:
    """Turn an RFC 9457 problem, or whatever came instead, into the exception of its kind."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    problem: dict[str, Any] = body if isinstance(body, dict) else {}
    errors = problem.get("errors")
    fields = [
        FieldProblem(str(item.get("field", "")), str(item.get("message", "")))
        for item in (errors if isinstance(errors, list) else [])
        if isinstance(item, dict)
    ]
    detail = str(problem.get("detail") or problem.get("title") or f"Status {response.status_code} without explanation.")
    return _kind(response.status_code)(
        detail, status=response.status_code, retry_after_seconds=_retry_after(response), errors=fields
    )


_KINDS: Final[Mapping[int, type[ApiError]]] = {
    HTTPStatus.UNAUTHORIZED: ApiDeniedError,
    HTTPStatus.FORBIDDEN: ApiForbiddenError,
    HTTPStatus.TOO_MANY_REQUESTS: ApiBusyError,
    HTTPStatus.SERVICE_UNAVAILABLE: StoreUnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: ApiTooSlowError,
}


def _kind(status: int) -> type[ApiError]:
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return _KINDS.get(status, ApiRefusedError if refused else ApiBrokenError)


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
