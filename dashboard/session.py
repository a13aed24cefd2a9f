"""What Streamlit's sessions share, who this one is, and how a page's state and its URL stay one."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

import streamlit as st
from pydantic import SecretStr

from dashboard.answers import Catalogue
from dashboard.api_client import ApiClient, ApiConnection, catalogue
from dashboard.api_errors import ApiDeniedError, ApiError
from dashboard.identity import Identity
from dashboard.last_known import LastingClient, present_look
from dashboard.members import Refusal, address_of, role_of
from dashboard.own_token import own_token
from dashboard.settings import DashboardSettings, SignIn

S = TypeVar("S")
_SIGNED_IN: Final = "signed in"
_ENDED: Final = "sign-in ended"
UNDER_WAY_SECONDS: Final = 1.0


@st.cache_resource(show_spinner=False)
def settings() -> DashboardSettings:
    """The settings, read once per process."""
    return DashboardSettings()


@st.cache_resource(show_spinner=False)
def connection() -> ApiConnection:
    """The one connection of this process: shared by everybody who looks, and knows nobody's token."""
    chosen = settings()
    return ApiConnection(str(chosen.api_url), timeout_seconds=chosen.api_timeout_seconds, ca_file=chosen.tls_ca_file)


@st.cache_resource(show_spinner=False)
def _own_token() -> SecretStr | None:
    return own_token(settings())


def identity() -> Identity | Refusal | None:
    """Who this session is; why somebody who signed in may not look; None while nobody has signed in."""
    chosen = settings()
    match chosen.way:
        case SignIn.NONE:
            return Identity(_own_token())
        case SignIn.TOKEN:
            held: Identity | None = st.session_state.get(_SIGNED_IN)
            return held
        case SignIn.OIDC:
            claims = st.user.to_dict()
            if claims.get("is_logged_in") is not True:
                return None
            role = role_of(
                claims,
                viewers=chosen.viewers,
                operators=chosen.operators,
                now=time.time(),
                hours=chosen.sign_in_hours,
            )
            if isinstance(role, Refusal):
                return role
            return Identity(_own_token(), address_of(claims), role, delegated=True)


def sign_in(somebody: Identity) -> None:
    """Let this session be somebody from now on; what it was shown before is forgotten."""
    st.session_state.clear()
    st.session_state[_SIGNED_IN] = somebody


def sign_out(why: str = "") -> None:
    """Let this session be nobody, and forget what it was shown.

    Args:
        why: said on the page that asks to sign in.
    """
    st.session_state.clear()
    if settings().way is SignIn.OIDC:
        st.logout()
    elif why:
        st.session_state[_ENDED] = why


def why_signed_out() -> str:
    """Why the last sign-in ended, told until the next one."""
    return str(st.session_state.get(_ENDED, ""))


def leave_when_denied(error: ApiError | None) -> None:
    """Show the page that asks to sign in, when the API no longer takes the token that this session signed in with."""
    if isinstance(error, ApiDeniedError) and settings().way is SignIn.TOKEN:
        sign_out("The monitoring API no longer accepts your token: it was revoked, or it has expired.")
        st.rerun()


def asker() -> Identity:
    """Who asks; where nobody is signed in any more, the page that asks to sign in takes over."""
    somebody = identity()
    if not isinstance(somebody, Identity):
        st.rerun()
    return somebody


def client() -> ApiClient:
    """A client that asks as the one who is signed in; within a look, what is not answered is what was known."""
    look = present_look()
    return ApiClient(connection(), asker()) if look is None else LastingClient(connection(), asker(), look)


def rights() -> str:
    """What shared answers are kept by, so that nobody is shown what only others may see."""
    return asker().rights


def known_catalogue() -> Catalogue:
    """The catalogue of metrics; asked again every five minutes.

    Raises:
        ApiError: there is no answer. Failures are not cached.
    """
    return _catalogue(rights())


@st.cache_data(ttl=300, max_entries=64, show_spinner=False)
def _catalogue(rights: str) -> Catalogue:  # noqa: ARG001  # the key of the cache
    return client().ask(catalogue())


def is_dark() -> bool:
    """Whether the page is shown in the dark theme, by the viewer's system or choice."""
    return st.context.theme.type == "dark"


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
    if here and (query == written or _overtaken(page, query)):
        return None
    if not query and written is not None:
        return written
    return query


def arriving_state(page: str, read: Callable[[Mapping[str, Sequence[str]], datetime], tuple[S, list[str]]]) -> S | None:
    """The state that the URL asks for, where it is not the page's own; what in it can't be read is kept to be told.

    Args:
        page: whose state it is.
        read: makes a state of a URL's parameters and the present, with its complaints.
    """
    query = arriving_query(page)
    if query is None:
        return None
    state, complaints = read(query, now())
    st.session_state[f"{page}.complaints"] = complaints
    return state


def _overtaken(page: str, query: Mapping[str, Sequence[str]]) -> bool:
    """Whether a query is the address that this page replaced a moment ago.

    Of two changes in quick succession the second may come with the address from before the first; nobody went back.
    """
    since = time.monotonic() - UNDER_WAY_SECONDS
    return any(at >= since and before == query for before, at in st.session_state.get(f"{page}.overtaken", ()))


def write_query(page: str, query: Mapping[str, Sequence[str]]) -> None:
    """Put the page's whole state into the URL, so that reload and share reproduce it."""
    written = {name: list(values) for name, values in query.items()}
    here = {name: st.query_params.get_all(name) for name in st.query_params}
    if written != here:
        at = time.monotonic()
        recent = [one for one in st.session_state.get(f"{page}.overtaken", ()) if one[1] >= at - UNDER_WAY_SECONDS]
        st.session_state[f"{page}.overtaken"] = [*recent, (here, at)]
    # After a link to another state of the same page the browser still shows the address that the link stood on.
    if written != here or written != st.session_state.get(f"{page}.written"):
        st.query_params.from_dict(query)
    st.session_state[f"{page}.written"] = written
