"""What Streamlit's sessions share, and how a page's state and its URL stay one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from dashboard.answers import Catalogue
from dashboard.api_client import ApiClient, catalogue
from dashboard.settings import DashboardSettings


@st.cache_resource(show_spinner=False)
def settings() -> DashboardSettings:
    """The settings, read once per process."""
    return DashboardSettings()


@st.cache_resource(show_spinner=False)
def client() -> ApiClient:
    """The one client of this process: connections are shared by everybody who looks."""
    chosen = settings()
    return ApiClient(str(chosen.api_url), timeout_seconds=chosen.api_timeout_seconds, token=chosen.api_token)


@st.cache_data(ttl=300, show_spinner=False)
def known_catalogue() -> Catalogue:
    """The catalogue of metrics; asked again every five minutes.

    Raises:
        ApiError: there is no answer. Failures are not cached.
    """
    return client().ask(catalogue())


def now() -> datetime:
    """The present, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def arriving_query(page: str) -> Mapping[str, Sequence[str]] | None:
    """The URL's parameters, when they are not what this page itself wrote there: a link, a reload, the back button.

    Coming from another page of the same session the URL is bare; then the page's last state returns.
    """
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    written: Mapping[str, Sequence[str]] | None = st.session_state.get(f"{page}.written")
    here = st.session_state.get("page") == page
    st.session_state["page"] = page
    if here and query == written:
        return None
    if not query and written is not None:
        return written
    return query


def write_query(page: str, query: Mapping[str, Sequence[str]]) -> None:
    """Put the page's whole state into the URL, so that reload and share reproduce it."""
    if {name: st.query_params.get_all(name) for name in st.query_params} != query:
        st.query_params.from_dict(query)
    st.session_state[f"{page}.written"] = {name: list(values) for name, values in query.items()}
