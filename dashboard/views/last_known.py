"""A part of a page that goes on showing what was known, with its age, while the API is away."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.last_known import Look, under
from dashboard.session import leave_when_denied, now
from dashboard.time_range import age
from dashboard.views.notices import failure_notice

_RETRY_SECONDS: Final = 4.0


def draw_lasting(page: str, state: Hashable, drawing: Callable[[], ApiError | None]) -> None:
    """Draw a part; what of it is not answered stays as it was, under a notice that says so.

    The session's `PAGE.failing` says whether something failed that may pass: the page asks again sooner then.

    Args:
        page: whose part it is.
        state: what of the page is shown; another state has nothing to go back to.
        drawing: asks and draws; returns, or raises, why it could not.
    """
    above = st.container()
    failure: ApiError | None
    with lasting(page, state) as look:
        try:
            failure = drawing()
        except ApiError as error:
            failure = error
    leave_when_denied(failure)
    told = failure or look.failure
    if told is not None:
        with above:
            failure_notice(told)
            if look.since is not None:
                tell_age(look.since)
    note_failing(page, failing=told is not None and told.passing)


def asks_again_every(page: str, usual: float | None = None) -> float | None:
    """After how many seconds a page's part asks by itself again: soon while something fails, else as usual.

    Args:
        page: whose part it is.
        usual: seconds; None where it asks only when somebody does something.
    """
    return _RETRY_SECONDS if st.session_state.get(f"{page}.failing") else usual


def note_failing(page: str, *, failing: bool) -> None:
    """Note whether something of a page failed that may pass; where that changed, the page begins anew."""
    if failing != bool(st.session_state.get(f"{page}.failing")):
        st.session_state[f"{page}.failing"] = failing
        # The whole page, for only there the pace of asking again is set.
        st.rerun()


@contextmanager
def lasting(page: str, state: Hashable) -> Iterator[Look]:
    """Let what is asked within fall back on what was known, and be known later; the caller says that it is old."""
    key = f"{page}.last_known"
    held = st.session_state.get(key)
    kept = held[1] if held is not None and held[0] == state else {}
    with under(Look(kept, now())) as look:
        try:
            yield look
        finally:
            # A state that was answered nothing takes nothing's place.
            if look.end():
                st.session_state[key] = (state, kept)


def tell_age(at: datetime) -> None:
    """Say that what follows is old."""
    st.caption(f":material/history: Below is what was known {age(at, now())} ago.")
