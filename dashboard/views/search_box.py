"""The search box of every page: a pasted id leads to what it is the id of."""

from http import HTTPStatus
from typing import Any, Final

import streamlit as st

from dashboard.answers import Alerts
from dashboard.api_errors import ApiError
from dashboard.navigation import go_to
from dashboard.plain_text import plain
from dashboard.search_box import Candidate, Kind, best_guess, candidates, destination, not_found
from dashboard.search_questions import Found, SpanPlace, looked_for
from dashboard.session import client, leave_when_denied

_TEXT: Final = "search.text"
_ASKED: Final = "search.asked"


def render() -> None:
    """Draw the box, and go where the id that was just entered leads."""
    with st.container(horizontal=True, horizontal_alignment="right", key="search"):
        st.text_input(
            "Find by id",
            key=_TEXT,
            placeholder="Find a trace, span, prediction … by id",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=_asked,
            width=330,
        )
    asked: str | None = st.session_state.pop(_ASKED, None)
    if asked:
        _look(asked)


def _asked() -> None:
    """Take what was entered, and empty the box for the next."""
    # After a sign-out what it held is forgotten, and the browser has yet to hear of that.
    st.session_state[_ASKED] = st.session_state.get(_TEXT, "")
    st.session_state[_TEXT] = ""


def _look(text: str) -> None:
    possible = candidates(text)
    with st.spinner("Looking for it …"):
        answers = client().ask_all([looked_for(candidate) for candidate in possible])
    unknown: list[Kind] = []
    for candidate, answer in zip(possible, answers, strict=True):
        if isinstance(answer, ApiError):
            leave_when_denied(answer)
            if answer.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}:
                unknown.append(candidate.kind)
            continue
        if (there := _there(candidate, answer)) is not None:
            _go(there)
    if (guess := best_guess(possible, unknown)) is not None:
        _go(guess)
    st.warning(not_found(f"“{plain(text.strip(), 80)}”", possible, unknown), icon=":material/search_off:")


def _go(candidate: Candidate) -> None:
    found = destination(candidate)
    go_to(found.page, found.query)


def _there(candidate: Candidate, answer: Any) -> Candidate | None:
    """What an answer says is there; None when it says that there is nothing."""
    if isinstance(answer, Alerts):
        known = any(alert.fingerprint == candidate.value for alert in answer.alerts)
        return candidate if known else None
    if isinstance(answer, Found):
        return candidate if answer.predictions else None
    if isinstance(answer, SpanPlace):
        return Candidate(Kind.TRACE, answer.trace_id, candidate.value)
    return candidate
