"""An application with one route of each kind, behind the real edge."""

from typing import Annotated

import pytest
from fastapi import Query
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from services.web.access.policy import Policy, Rule
from services.web.access.scopes import Scope
from services.web.application import create_base
from services.web.listener_settings import ListenerSettings
from services.web.problems import Conflict, TooSlow, Unavailable


class Thing(BaseModel):
    """An item."""

    model_config = ConfigDict(extra="forbid")
    name: str
    size: float = 1.0


class Things(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")
    items: list[Thing]


class Window(BaseModel):
    """Query parameters."""

    model_config = ConfigDict(extra="forbid")
    minutes: int = Field(5, ge=1, le=1440)
    filter: list[str] = []


POLICY = Policy(
    [
        Rule("POST", "/things", Scope.READ),
        Rule("POST", "/poke", Scope.OPERATE, action="thing.poke"),
    ]
)


def build_app(data_dir, **chosen):
    """The application under test."""
    settings = ListenerSettings(
        _env_file=None,
        data_dir=data_dir,
        port=1,
        allowed_hosts=("things.example.org", "*.inner.example.org"),
        **chosen,
    )
    app = create_base(
        "things",
        settings,
        process="things",
        version="1.2.3",
        max_body_bytes=2000,
        policy=POLICY,
        links={"OpenAPI <document>": "/openapi.json"},
    )

    @app.post("/things")
    async def post_things(body: Things) -> Things:
        return body

    @app.post("/poke")
    async def poke() -> dict[str, bool]:
        return {"poked": True}

    @app.get("/things")
    async def get_things(window: Annotated[Window, Query()]) -> dict[str, int]:
        return {"minutes": window.minutes}

    @app.get("/fail/{how}")
    async def fail(how: str) -> None:
        if how == "conflict":
            raise Conflict("two of them")
        if how == "unavailable":
            raise Unavailable("gone for now", retry_after_seconds=7)
        if how == "slow":
            raise TooSlow("too slow", retry_after_seconds=3)
        secret = "hunter2"
        raise RuntimeError(secret)

    return app


@pytest.fixture
def client(tmp_path):
    """A client that asks by a loopback name."""
    with TestClient(build_app(tmp_path), base_url="http://localhost") as client:
        yield client
