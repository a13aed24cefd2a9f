"""ClickHouse's HTTP interface."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from functools import partial

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.embedded_clickhouse.answer import Answer, BrokenAnswerError, Clock
from services.embedded_clickhouse.answer_encoding import choose_encoder
from services.embedded_clickhouse.errors import ClickHouseError, not_implemented
from services.embedded_clickhouse.execution import Execution, Prepared
from services.embedded_clickhouse.formats import content_type
from services.embedded_clickhouse.hosts import AllowedHosts
from services.embedded_clickhouse.parts import Parts
from services.embedded_clickhouse.query_log import QueryRecord
from services.embedded_clickhouse.query_log_endpoint import query_log
from services.embedded_clickhouse.request_body import RequestBody
from services.embedded_clickhouse.request_parameters import RequestParameters, read_parameters
from services.embedded_clickhouse.running import RunningStatement
from services.embedded_clickhouse.statement_text import read_statement
from services.sql.fingerprint import fingerprint, normalized

_CLIENT_WENT = 394
_LOGGED_CHARACTERS = 2_000


async def _ok(_: Request) -> Response:
    return PlainTextResponse("Ok.\n")


class StatementEndpoint:
    """Takes statements: the interface's one important path."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.method in ("GET", "HEAD") and "query" not in request.query_params:
            await PlainTextResponse("Ok.\n")(scope, receive, send)
            return
        parts = self._parts
        headers = {"X-ClickHouse-Query-Id": "", "X-ClickHouse-Timezone": parts.engine.timezone}
        answer = Answer(send, encoder=choose_encoder("", wanted=False), headers=headers, version=parts.engine.version)
        try:
            user = parts.accounts.authenticate(request.headers, request.query_params)
            parameters = read_parameters(request.query_params.multi_items(), request.headers)
            parameters = replace(parameters, query_id=parameters.query_id or str(uuid.uuid4()))
            headers["X-ClickHouse-Query-Id"] = parameters.query_id
            async with parts.slots.taken(user):
                await self._run(request, parameters, user, answer, headers)
        except ClickHouseError as error:
            await answer.send_error(error)
        except ClientDisconnect:
            return

    async def _run(
        self, request: Request, parameters: RequestParameters, user: str, answer: Answer, headers: dict[str, str]
    ) -> None:
        parts = self._parts
        clock, started_at = Clock(time.monotonic), time.time()
        running = RunningStatement(query_id=parameters.query_id, user=user, query="", mark=parameters.query_id)
        parts.running.add(running)
        execution: Execution | None = None
        prepared: Prepared | None = None
        code = 0
        try:
            parameters, body = await _read_form(request, parameters, parts.settings.max_query_bytes)
            text = await read_statement(parameters.query, body, max_query_bytes=parts.settings.max_query_bytes)
            running.query = normalized(text.sql)
            execution = Execution(parts.roles[user], parameters, text, running)
            prepared = await parts.executor.prepare(execution, may_write=request.method not in ("GET", "HEAD"))
            headers["X-ClickHouse-Format"] = prepared.output_format
            headers["Content-Type"] = content_type(prepared.output_format)
            encoder = choose_encoder(request.headers.get("accept-encoding", ""), wanted=parameters.compress_answer)
            answer.encode_with(encoder)
            hold = (
                parts.settings.answer_wait_bytes if parameters.wait_end_of_query else parts.settings.answer_hold_bytes
            )
            answer.end_within(parts.executor.answer_seconds(execution, prepared), clock)
            watched = text.head is None
            async with self._killed_when_client_goes(request, running) if watched else contextlib.nullcontext():
                pieces = parts.executor.run(execution, prepared)
                async with contextlib.aclosing(pieces):
                    await answer.send_pieces(pieces, hold_bytes=hold, totals=execution.totals, elapsed=clock)
        except (ClickHouseError, BrokenAnswerError) as error:
            code = error.code
            raise
        except (ClientDisconnect, OSError, asyncio.CancelledError):
            code = _CLIENT_WENT
            raise
        finally:
            parts.running.remove(running)
            totals = execution.totals if execution else None
            record = QueryRecord(
                query_id=parameters.query_id,
                user=user,
                kind=prepared.parsed.kind if prepared else "",
                fingerprint=fingerprint(running.query),
                query=running.query[:_LOGGED_CHARACTERS],
                started_at=started_at,
                duration_seconds=clock(),
                rows=(totals.written_rows or totals.rows) if totals else 0,
                bytes=totals.bytes if totals else 0,
                read_rows=totals.read_rows if totals else 0,
                exception_code=code,
            )
            parts.query_log.add(record)
            if parts.query_tracer is not None:
                parts.query_tracer.record(record, request.headers)

    @contextlib.asynccontextmanager
    async def _killed_when_client_goes(self, request: Request, running: RunningStatement) -> AsyncIterator[None]:
        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            await self._parts.threads.call(self._parts.running.kill, running)

        watcher = asyncio.create_task(watch())
        try:
            yield
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClickHouseError):
                await watcher


async def _read_form(
    request: Request, parameters: RequestParameters, max_query_bytes: int
) -> tuple[RequestParameters, AsyncIterator[bytes]]:
    """Read the fields of a form, by which clients send long bound values; any other body is left to be read."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        body = RequestBody(request.stream(), request.headers.get("content-encoding", ""))
        return parameters, body.pieces()
    form = await request.form(max_fields=1000, max_part_size=16 * max_query_bytes)
    pairs = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            raise not_implemented("External data is not available in the embedded ClickHouse.")
        pairs.append((name, value))
    in_form = read_parameters(pairs, {})
    merged = replace(
        parameters,
        query=parameters.query + in_form.query,
        values={**parameters.values, **in_form.values},
        settings={**parameters.settings, **in_form.settings},
    )
    return merged, _nothing()


async def _nothing() -> AsyncGenerator[bytes]:
    empty: tuple[bytes, ...] = ()
    for data in empty:
        yield data


def create_app(parts: Parts) -> AllowedHosts:
    """Build the HTTP interface over the parts that were made for it."""
    endpoint = StatementEndpoint(parts)
    routes = [
        Route("/ping", _ok, methods=["GET", "HEAD"]),
        Route("/replicas_status", _ok, methods=["GET", "HEAD"]),
        Route("/query_log", partial(query_log, parts=parts), methods=["GET"]),
        Route("/", endpoint, methods=["GET", "HEAD", "POST"]),
    ]
    return AllowedHosts(Starlette(routes=routes), names=(parts.settings.host, *parts.settings.allowed_hosts))
