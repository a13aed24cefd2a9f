"""An application with every shape of route and answer."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Response, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from opentelemetry import baggage, trace
from starlette.applications import Starlette
from starlette.routing import Host, Route

from tests.sightglass.equivalence.span_changes import SPAN_CHANGES


def make_application(instrument: Callable[[FastAPI], Any]) -> FastAPI:
    """The application, with another of its kind mounted; `instrument` is called for both."""
    app, mounted = _shared_applications()
    instrument(mounted)
    instrument(app)
    return app


@cache
def _shared_applications() -> tuple[FastAPI, FastAPI]:
    return bare_applications()


def bare_applications() -> tuple[FastAPI, FastAPI]:
    """A new application, and the one of its kind that is mounted in it."""
    app = FastAPI(version="1.2")
    _add_plain_routes(app)
    _add_failing_routes(app)
    _add_streams(app)
    _add_span_changers(app)
    outer, inner = APIRouter(prefix="/outer"), APIRouter(prefix="/inner")

    @inner.get("/{name}")
    def nested(name: str) -> str:
        return name

    outer.include_router(inner)
    app.include_router(outer)
    mounted = FastAPI()
    mounted.add_api_route("/deep/{item}", lambda item: item)
    app.mount("/mounted", mounted)
    app.mount("/starlette", Starlette(routes=[Route("/static", _static)]))
    instrumented = FastAPI()
    instrumented.add_api_route("/deep/{item}", lambda item: item)
    instrumented.add_api_route("/fails", _fail)
    app.mount("/instrumented", instrumented)
    app.mount("/raw", _raw)
    app.router.routes.append(Host("named.example", Starlette(routes=[Route("/hosted", _static)])))
    return app, instrumented


def _static(_: Any) -> PlainTextResponse:
    return PlainTextResponse("static")


def _fail() -> None:
    raise ValueError("broken")


async def _raw(scope: Any, receive: Any, send: Any) -> None:
    """An application of no framework, which answers as the query says."""
    query = scope["query_string"].decode()
    status: Any = {"text": "abc", "none": 0, "text-number": "204", "small": 99}.get(query, 200)
    name = b"Content-Length" if query == "capitals" else b"content-length"
    value = {"odd": b"odd", "negative": b"-1"}.get(query, b"2")
    await send({"type": "http.response.start", "status": status, "headers": [(name, value), (b"content-length", b"7")]})
    if query == "early":
        return
    await send({"type": "http.response.body", "body": b"ok", "more_body": query == "trailers"})
    if query == "trailers":
        await send({"type": "http.response.body", "body": b""})
        await send({"type": "http.response.trailers", "headers": [(b"x-late", b"1")]})


def _add_plain_routes(app: FastAPI) -> None:
    @app.get("/plain")
    @app.head("/plain")
    async def plain() -> int:
        return 1

    @app.get("/items/{item}")
    async def item(item: int, q: str = "") -> list[Any]:
        return [item, q]

    @app.api_route("/files/{path:path}", include_in_schema=False, methods=["GET", "PUT", "DELETE", "OPTIONS", "QUERY"])
    def files(path: str) -> str:
        return path

    @app.post("/bodies")
    def bodies(numbers: list[int]) -> int:
        return sum(numbers)

    app.add_route("/static", _static)
    app.add_api_route("/nothing", lambda: Response(status_code=204))
    app.add_api_route("/unchanged", lambda: Response(status_code=304))
    app.add_api_route("/empty", lambda: Response(content=b""))
    app.add_api_route("/moved", lambda: RedirectResponse("/plain"))

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> int:
        tasks.add_task(asyncio.sleep, 0)
        return 1

    @app.get("/headers")
    def headers() -> JSONResponse:
        answer = JSONResponse(1, headers={"X-One": "1", "X-Secret-Token": "hidden", "X-Öne": "ü"})
        answer.headers.append("set-cookie", "a=1")
        answer.headers.append("set-cookie", "b=2")
        return answer

    @app.get("/baggage")
    def read_baggage() -> list[Any]:
        return [dict(baggage.get_all()), dict(trace.get_current_span().get_span_context().trace_state)]

    @app.websocket("/socket/{name}")
    async def socket(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.send_text(name)
        if name == "fails":
            raise ValueError(name)
        await websocket.close()


def _add_failing_routes(app: FastAPI) -> None:
    @app.get("/refuses/{status}")
    def refuses(status: int) -> None:
        raise HTTPException(status, headers={"x-one": "refused"})

    app.add_api_route("/fails", _fail)
    app.add_api_route("/unavailable", lambda: Response(status_code=503))

    @app.get("/cancelled")
    async def cancelled() -> None:
        raise asyncio.CancelledError

    @app.get("/background-fails")
    async def background_fails(tasks: BackgroundTasks) -> int:
        tasks.add_task(_fail)
        return 1

    @app.exception_handler(KeyError)
    async def handle(_request: Any, _error: Exception) -> JSONResponse:
        return JSONResponse({}, 418)

    @app.get("/handled")
    def handled() -> None:
        raise KeyError("known")


def _add_streams(app: FastAPI) -> None:
    async def parts(fails: bool) -> Any:
        for number in range(3):
            if fails and number == 2:
                raise ValueError("in the middle")
            yield str(number)

    app.add_api_route("/streams", lambda fails=False: StreamingResponse(parts(bool(fails))))


def _add_span_changers(app: FastAPI) -> None:
    @app.get("/changes/{what}")
    async def changes(what: str) -> int:
        SPAN_CHANGES[what](trace.get_current_span())
        return 1
