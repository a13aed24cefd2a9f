"""What operators do from a page: who may, doing it, and saying what came of it."""

from typing import Any, Final, TypeVar

import streamlit as st

from dashboard.answers import Answer, Caller
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
    known = _known_caller()
    return known is not None and _SCOPE in known.scopes


def own_name() -> str:
    """Under whose name the API does what this session asks for; empty when that is not known."""
    known = _known_caller()
    return asker().name or (known.name if known else "")


def _known_caller() -> Caller | None:
    somebody = asker()
    return _caller(somebody.rights, somebody.name)


@st.cache_data(ttl=30, max_entries=256, show_spinner=False)
def _caller(rights: str, name: str) -> Caller | None:  # noqa: ARG001  # the key of the cache
    try:
        return client().ask(caller())
    except ApiError:
        # Who is not known is offered nothing; whether it is allowed, the API decides each time.
        return None


def want(key: str, what: Any) -> None:
    """Note that somebody wants to do something, so that `confirm` asks whether they mean it.

    Args:
        key: of the action and what it is done to, distinct in the dashboard.
        what: what it needs when it is confirmed; not None.
    """
    st.session_state[f"{key}.wanted"] = what


def wanted(key: str) -> Any:
    """What was noted and is neither done nor given up; None when nothing is."""
    return st.session_state.get(f"{key}.wanted")


def confirm(key: str, what: str, yes: str) -> bool:
    """Say what will happen and under whose name, and ask; nothing is done before a second click.

    Args:
        key: as `want` was told.
        what: markdown, a sentence on what is going to happen; what comes from data must be made plain by the caller.
        yes: what the button that confirms says.

    Returns:
        Whether it was confirmed just now. Then do it, and `settle` it once it is done.
    """
    name = own_name()
    whose = f"the name **{plain(name, 80)}**" if name else "your name"
    with st.container(border=True):
        st.markdown(f"{what} It is done under {whose}, and kept in the audit log. Do it?")
        with st.container(horizontal=True):
            sure = st.button(yes, type="primary", key=f"{key}.yes")
            if st.button("No", key=f"{key}.no"):
                settle(key)
                st.rerun()
    return sure


def settle(key: str) -> None:
    """Forget what was wanted: it is done, or given up."""
    st.session_state.pop(f"{key}.wanted", None)


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
