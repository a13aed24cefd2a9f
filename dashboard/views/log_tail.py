"""The live tail: records as they come, the newest at the foot, where the page stays for who looks there."""

from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.log_answers import LogRecord
from dashboard.log_questions import LogSelection, log_records
from dashboard.log_tail import MOST_ROWS, LogTail
from dashboard.plain_text import plain
from dashboard.session import client, leave_when_denied, now
from dashboard.states.logs import LogsState
from dashboard.time_range import zone_of
from dashboard.views.last_known import tell_age
from dashboard.views.log_search import severity_mark
from dashboard.views.notices import failure_notice

PAGE: Final = "logs"
EVERY_SECONDS: Final = 3.0
_LONGEST_LINE: Final = 300
_PIXELS: Final = 520


def draw_tail(state: LogsState) -> None:
    """Draw the tail of a selection; paused, it stands still."""
    paused = st.toggle("Pause", key=f"{PAGE}.paused", help="Stand still, to read. New records wait.")
    st.fragment(_tail, run_every=None if paused else EVERY_SECONDS)(state, paused=paused)


def _tail(state: LogsState, *, paused: bool) -> None:
    held: tuple[LogSelection, LogTail, datetime] | None = st.session_state.get(f"{PAGE}.tail")
    asked_at = now()
    tail, told_at = held[1:] if held is not None and held[0] == state.selection else (LogTail(), asked_at)
    lost = False
    if not paused or not tail.rows:
        try:
            # Only what may be newer than what is held.
            found = client().ask(log_records(state.selection, tail.period(asked_at), limit=MOST_ROWS))
            tail = tail.with_more(found.logs)
            told_at = asked_at
            st.session_state[f"{PAGE}.tail"] = (state.selection, tail, told_at)
        except ApiError as error:
            leave_when_denied(error)
            failure_notice(error)
            if not tail.rows:
                return
            tell_age(told_at)
            lost = True
    _draw(tail, state, told_at, paused=paused, lost=lost)


def _draw(tail: LogTail, state: LogsState, told_at: datetime, *, paused: bool, lost: bool) -> None:
    zone = zone_of(state.zone)
    if paused:
        st.caption(f":material/pause: Paused, as of {told_at.astimezone(zone):%H:%M:%S}")
    elif not lost:
        count = f"the newest {MOST_ROWS}" if tail.more else f"{len(tail.rows)} records"
        st.caption(f":material/sensors: Live, {count}, as of {told_at.astimezone(zone):%H:%M:%S}")
    if not tail.rows:
        st.info("Nothing in the last 15 minutes. What comes now is shown here.", icon=":material/hourglass_empty:")
        return
    with st.container(height=_PIXELS, border=True, autoscroll=True, key=f"{PAGE}.tail.rows"):
        st.markdown("  \n".join(_line(row, state) for row in tail.rows))


def _line(row: LogRecord, state: LogsState) -> str:
    at = row.timestamp.astimezone(zone_of(state.zone))
    trace = f" [:material/account_tree: trace](traces?trace={row.trace_id})" if _is_hex(row.trace_id) else ""
    body = plain(row.body or row.event or "", _LONGEST_LINE)
    return f":gray[{at:%H:%M:%S}] {severity_mark(row.severity)} **{plain(row.service, 40)}** {body}{trace}"


def _is_hex(text: str | None) -> bool:
    return bool(text) and not set(text or "").difference("0123456789abcdefABCDEF")
