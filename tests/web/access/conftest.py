"""Tokens in a file, and applications that ask for them."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from services.web.access.register import create_token
from services.web.access.scopes import ROLE_SCOPES, Role
from services.web.access.token_file import TokenFile
from tests.web.conftest import build_app

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    """Where an application in `tmp_path` looks for tokens."""
    return TokenFile(tmp_path / "secrets" / "tokens.json")


@pytest.fixture
def make(file):
    """``make(name, role)`` adds a token and returns it with its text."""

    def make(name="somebody", role=Role.VIEWER, *, delegate=False, expires_in=None, now=None):
        now = now or datetime.now(UTC)
        expires_at = None if expires_in is None else now + timedelta(seconds=expires_in)
        return create_token(file, name, scopes=ROLE_SCOPES[role], delegate=delegate, now=now, expires_at=expires_at)

    return make


@pytest.fixture
def asking(tmp_path):
    """``asking(**settings)`` is a client of an application that asks for tokens."""

    def asking(**chosen):
        return TestClient(build_app(tmp_path, **{"auth": "on", **chosen}), base_url="http://localhost")

    return asking


def bearer(text, **more):
    """Headers with a token."""
    return {"authorization": f"Bearer {text}", **more}
