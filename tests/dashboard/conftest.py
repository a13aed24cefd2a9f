"""A monitoring API to ask, and a page to run against it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.api_client import ApiClient, ApiConnection
from dashboard.identity import Identity
from tests.dashboard.monitoring_api import FakeMonitoringApi

APP = Path(__file__).parents[2] / "dashboard" / "app.py"


@pytest.fixture
def api() -> Iterator[FakeMonitoringApi]:
    """A server on a free port that answers in the API's shapes."""
    with FakeMonitoringApi() as server:
        yield server


@pytest.fixture
def client(api: FakeMonitoringApi) -> Iterator[ApiClient]:
    """A client of that server."""
    with ApiConnection(api.url, timeout_seconds=3) as connection:
        yield ApiClient(connection, Identity())


@pytest.fixture
def fresh_streamlit() -> Iterator[None]:
    """Streamlit as a new process has it: it keeps what it knows, and leaves a page as the process's `__main__`."""
    main = sys.modules["__main__"]
    _forget()
    yield
    _forget()
    sys.modules["__main__"] = main


@pytest.fixture
def open_page(api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch, fresh_streamlit: None) -> Callable[..., AppTest]:
    """Opens a page of the dashboard, by its view and its URL's parameters, as a fresh session."""
    monkeypatch.setenv("SIGHTGLASS_DASHBOARD_API_URL", api.url)

    def open_(page: str, **query: str | list[str]) -> AppTest:
        test = AppTest.from_function(_page, default_timeout=30, args=(page,))
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return open_


@pytest.fixture
def open_app(api: FakeMonitoringApi, monkeypatch: pytest.MonkeyPatch, fresh_streamlit: None) -> Callable[..., AppTest]:
    """Opens the whole dashboard, which asks everybody to sign in by token, as a fresh session."""
    monkeypatch.setenv("SIGHTGLASS_DASHBOARD_API_URL", api.url)
    monkeypatch.setenv("SIGHTGLASS_AUTH", "on")

    def open_(**query: str) -> AppTest:
        test = AppTest.from_file(APP, default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = value
        return test.run()

    return open_


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def _page(name: str) -> None:
    import streamlit

    from dashboard.navigation import keep_pages
    from dashboard.pages import streamlit_pages

    pages = streamlit_pages(name)
    keep_pages(pages)
    streamlit.navigation(list(pages.values())).run()
