"""What operators do from a page: who may, doing it, and saying what came of it."""

from typing import Final, TypeVar

import streamlit as st

from dashboard.answers import Answer
from dashboard.api_client import Action, caller
from dashboard.api_errors import ApiError
from dashboard.plain_text import plain
from dashboard.session import asker, client, leave_when_denied
from dashboard.views.notices import failure_notice

A = TypeVar("A", bound=Answer)
_SCOPE: Final = "operate"
_SAID: Final = "operating.said"
NOT_ALLOWED: Final = "Only operators can do this. Your role may look."


def may_operate() -> bool:
    """Whether the one who looks may act, as the API says."""
    somebody = asker()
    return _may_operate(somebody.rights, somebody.name)


@st.cache_data(ttl=30, max_entries=256, show_spinner=False)
def _may_operate(rights: str, name: str) -> bool:  # noqa: ARG001  # the key of the cache
    try:
        return _SCOPE in client().ask(caller()).scopes
    except ApiError:
        # Who is not known may still try: the API decides each time.
        return False


def do(action: Action[A]) -> A | None:
    """Do something, and say on the page why it was not done; then there is no answer."""
    try:
        with st.spinner("Asking the monitoring API …"):
            return client().do(action)
    except ApiError as error:
        leave_when_denied(error)
        failure_notice(error)
        return None


def say(text: str) -> None:
    """Keep a sentence for the next look at the page, which shows what has changed.

    Args:
        text: markdown; what comes from data must be made plain by the caller.
    """
    st.session_state.setdefault(_SAID, []).append(text)


def show_said() -> None:
    """Draw what was kept."""
    for text in st.session_state.pop(_SAID, []):
        st.success(text, icon=":material/check:")


def hint_for_viewers() -> None:
    """Say why there is no button."""
    st.caption(plain(NOT_ALLOWED))
