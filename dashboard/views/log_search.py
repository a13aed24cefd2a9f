"""The records that a search found, how many there are over time, and one of them whole."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.api_client import Question
from dashboard.api_errors import ApiError
from dashboard.charts.log_volume import log_volume_chart
from dashboard.last_known import looks_back
from dashboard.log_answers import LogPage, LogRecord, LogVolume, written_at
from dashboard.log_questions import PAGE_ROWS, log_records, log_volume
from dashboard.navigation import page_link
from dashboard.plain_text import one_line, plain
from dashboard.session import client, leave_when_denied, now, rights, write_query
from dashboard.states.logs import LogsState
from dashboard.time_range import TimeRange, epoch_milliseconds, rfc3339, utc_offset_seconds, zone_name, zone_of
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.lines import draw
from dashboard.views.listed import pick_listed
from dashboard.views.notices import failure_notice, small_failure
from dashboard.views.waiting import waiting

PAGE: Final = "logs"
KEPT_SECONDS: Final = 30.0
MOST_ROWS: Final = 1_000
MOST_SERVICES: Final = 200
_LONGEST_LINE: Final = 300
_BEGUN: Final = f"{PAGE}.table.begun"
_AROUND: Final = timedelta(minutes=5)
_TABLE_PIXELS: Final = 460
_LISTED: Final = 80


def draw_search(state: LogsState) -> None:
    """Draw the search's answer; while there is none, keep asking."""
    every = asks_again_every(PAGE)
    # Another record rests on the same answers.
    st.fragment(_search, run_every=every)(replace(state, record=""), now())


def begin_table_anew(record: str) -> None:
    """Let the next table be another one.

    Args:
        record: id of the one that is chosen in it from the beginning, where it is among those found; else empty.
    """
    number, _ = st.session_state.get(_BEGUN, (0, ""))
    st.session_state[_BEGUN] = (number + 1, record)


def _search(state: LogsState, moment: datetime) -> None:
    draw_lasting(PAGE, state, lambda: _draw_found(state, moment))


def _draw_found(state: LogsState, moment: datetime) -> ApiError | None:
    found = _records(state, moment)
    if isinstance(found, ApiError):
        return found
    rows, cursor, volume = found
    if cursor and st.session_state.pop(f"{PAGE}.more", False):
        rows, cursor = _older(state, rows, cursor)
    if not rows:
        _nothing(state)
        _follow([], rows, state)
        return None
    if isinstance(volume, ApiError):
        small_failure(volume, "the number of records over time")
    else:
        _volume(volume, state)
    _table(rows, state)
    if cursor and len(rows) < MOST_ROWS:
        st.button("Older records", icon=":material/expand_more:", key=f"{PAGE}.older", on_click=_want_older)
    elif cursor:
        st.caption(f"These are the newest {MOST_ROWS:,}. Narrow the search to see older ones.")
    return None


def _records(state: LogsState, moment: datetime) -> tuple[list[LogRecord], str | None, LogVolume | ApiError] | ApiError:
    """What was found for this search.

    It is asked once for each run of the page, and not again within `KEPT_SECONDS`; so long older records stay that were
    asked for.
    """
    kept = st.session_state.get(f"{PAGE}.found")
    if kept is not None and kept[0] == state and (moment - kept[2]).total_seconds() < KEPT_SECONDS:
        return kept[1]  # type: ignore[no-any-return]  # as it was kept below
    with waiting(PAGE, "search", words="Asking the monitoring API …"):
        questions: list[Question[Any]] = [
            log_records(state.selection, state.range),
            log_volume(state.selection, state.range),
        ]
        page, volume = client().ask_all(questions)
    if isinstance(page, ApiError):
        st.session_state[f"{PAGE}.found"] = None
        return page
    found = (list(page.logs), page.next_cursor, volume)
    if looks_back():
        return found
    st.session_state[f"{PAGE}.found"] = (state, found, now())
    seen = services_seen(rights())
    new = {row.service for row in page.logs} - seen
    if new and len(seen) < MOST_SERVICES:
        seen |= set(sorted(new)[: MOST_SERVICES - len(seen)])
        # The whole page, for there they are offered; the records are kept.
        st.rerun()
    return found


@st.cache_resource(max_entries=64, show_spinner=False)
def services_seen(rights: str) -> set[str]:  # noqa: ARG001  # the key of the cache
    """Services whose records somebody with these rights was shown, to be offered as choices."""
    return set()


def _want_older() -> None:
    st.session_state[f"{PAGE}.more"] = True


def _older(state: LogsState, rows: list[LogRecord], cursor: str) -> tuple[list[LogRecord], str | None]:
    """The records with the page that follows, and where that one ends; as they were, when there is no answer."""
    try:
        page: LogPage = client().ask(log_records(state.selection, state.range, cursor=cursor))
    except ApiError as error:
        leave_when_denied(error)
        failure_notice(error)
        return rows, cursor
    more = ([*rows, *page.logs], page.next_cursor)
    kept = st.session_state.get(f"{PAGE}.found")
    if kept is not None:
        st.session_state[f"{PAGE}.found"] = (state, (*more, kept[1][2]), kept[2])
    return more


def _volume(volume: LogVolume, state: LogsState) -> None:
    counts = {name: list(numbers) for name, numbers in volume.counts.items() if any(numbers)}
    if not counts or not volume.times:
        return
    at = datetime.fromtimestamp(volume.times[-1], zone_of("UTC"))
    offset = utc_offset_seconds(state.zone, at)
    times = [epoch_milliseconds(datetime.fromtimestamp(start, zone_of("UTC")), offset) for start in volume.times]
    chart = log_volume_chart(
        times, counts, step=round(volume.step_seconds * 1000), time_title=f"Time ({zone_name(zone_of(state.zone), at)})"
    )
    numbers = ", ".join(f"{sum(numbers):,} {name}" for name, numbers in counts.items())
    draw(chart, key=f"{PAGE}.volume", alternative=f"Log records over time by severity: {numbers}.")


def _table(rows: list[LogRecord], state: LogsState) -> None:
    zone = zone_of(state.zone)
    frame = pd.DataFrame(
        {
            "Time": [f"{row.timestamp.astimezone(zone):%d %b %H:%M:%S.%f}"[:-3] for row in rows],
            "Severity": [one_line(row.severity, 12) for row in rows],
            "Service": [one_line(row.service, 60) for row in rows],
            "Message": [one_line(row.body or row.event or "", _LONGEST_LINE) for row in rows],
            "Trace": [None if row.trace_id is None else f"traces?trace={row.trace_id}" for row in rows],
        }
    )
    st.caption(f"{len(rows):,} records, the newest first. Choose one to see all of it.")
    ids = [row.id for row in rows]
    # Not as it came: this part runs again by itself, with the state that the whole page had.
    record = _latest().record
    number, sought = st.session_state[_BEGUN]
    # A table keeps its selection by the row: with newer rows it is another table, with older ones below the same,
    # unless the record of the link is among these.
    of = zlib.crc32(repr((number, sought in ids, [row.identity for row in rows[:PAGE_ROWS]])).encode(errors="replace"))
    chosen: Any = st.dataframe(
        frame,
        hide_index=True,
        height=min(_TABLE_PIXELS, 38 + 35 * len(rows)),
        selection_mode="single-row",
        on_select="rerun",
        key=f"{PAGE}.table.{of:08x}",
        selection_default={"selection": {"rows": [ids.index(record)] if record and record in ids else []}},
        column_config={
            "Time": st.column_config.TextColumn("Time", width=150, help=f"In {state.zone}."),
            "Severity": st.column_config.TextColumn("Severity", width=80),
            "Service": st.column_config.TextColumn("Service", width=120),
            "Message": st.column_config.TextColumn("Message", width="large"),
            "Trace": st.column_config.LinkColumn("Trace", display_text=r"trace=(.{8})", width=90),
        },
    )
    _list(ids, frame)
    _follow(chosen.selection.rows if chosen is not None else [], rows, state)


def _list(ids: Sequence[str], frame: pd.DataFrame) -> None:
    rows = zip(ids, frame.to_dict("records"), strict=True)
    told = {name: f"{row['Time']} · {row['Severity']} · {row['Message'][:_LISTED]}" for name, row in rows}
    if chosen := pick_listed(PAGE, told):
        begin_table_anew(chosen)
        _choose(chosen)
        st.rerun()


def _follow(picked: Sequence[int], rows: Sequence[LogRecord], state: LogsState) -> None:
    """Let the URL name the record that is chosen, and draw it; one that is not among these stays named."""
    latest = _latest()
    row = rows[picked[0]] if picked and picked[0] < len(rows) else None
    left = "" if any(row.id == latest.record for row in rows) else latest.record
    record = left if row is None else row.id
    if record != latest.record:
        _choose(record)
    if row is not None:
        draw_record(row, state)
    elif record:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/search_off: The record **{plain(record, 60)}** that the link names is not among these. "
                "Choose a range that holds it, or ask for older ones.",
                width="content",
            )
            at = written_at(record)
            if at is not None and not latest.trace:
                around = TimeRange(rfc3339(at - _AROUND), rfc3339(at + timedelta(seconds=1)))
                page_link(PAGE, "Look where it was", replace(latest, period=around).query(), icon=":material/history:")
            st.button("Leave it", key=f"{PAGE}.leave", type="tertiary", on_click=_choose, args=("",))


def _choose(record: str) -> None:
    there = replace(_latest(), record=record)
    st.session_state[f"{PAGE}.state"] = there
    write_query(PAGE, there.query())


def _latest() -> LogsState:
    state: LogsState = st.session_state[f"{PAGE}.state"]
    return state


def draw_record(row: LogRecord, state: LogsState) -> None:
    """Draw one record whole, with the ways on from it."""
    with st.container(border=True):
        at = row.timestamp.astimezone(zone_of(state.zone))
        st.markdown(
            f"{severity_mark(row.severity)} of **{plain(row.service, 60)}** at {at:%a %d %b %Y %H:%M:%S.%f} "
            f"({plain(zone_name(zone_of(state.zone), row.timestamp))})"
        )
        st.code(row.body or row.event or "", language=None, wrap_lines=True, height=min(260, 60 + len(row.body) // 4))
        if row.truncated:
            st.caption(f"Cut: {plain(', '.join(row.truncated))}. The body has {row.body_bytes:,} bytes.")
        with st.container(horizontal=True):
            if row.trace_id:
                query = {"trace": [row.trace_id], **({"span": [row.span_id]} if row.span_id else {})}
                page_link("traces", "Its trace", query, icon=":material/account_tree:")
                page_link("logs", "All records of the trace", {"trace": [row.trace_id]}, icon=":material/subject:")
            if prediction := row.attributes.get("ml.prediction.id"):
                page_link("predictions", "The prediction", {"prediction": [prediction]}, icon=":material/target:")
        known = [
            *(("event", "" if row.event is None else row.event),),
            *row.attributes.items(),
            *((f"resource.{name}", value) for name, value in row.resource.items()),
        ]
        table = pd.DataFrame(
            [(one_line(name, 120), one_line(value, 1_000)) for name, value in known if value],
            columns=["Attribute", "Value"],
        )
        st.dataframe(table, hide_index=True, key=f"{PAGE}.attributes", height="content")


def severity_mark(severity: str) -> str:
    """A severity in its colour, as markdown."""
    colour = {"ERROR": "red", "FATAL": "red", "WARN": "orange", "WARNING": "orange"}.get(severity.upper(), "gray")
    return f":{colour}[**{plain(severity or 'unknown', 12)}**]"


def _nothing(state: LogsState) -> None:
    if state.trace:
        text = (
            "**No record of this trace is stored.** Records carry their trace when the service logs within a span, and "
            "they are kept for 30 days unless set otherwise."
        )
    elif state.service or state.severity or state.text:
        text = "**No record meets this search.** Take out a condition, or choose a longer range."
    else:
        text = (
            "**No record in this range.** Choose a longer one. Services send logs once `configure_logging()` of "
            "sightglass was called, or any other OpenTelemetry logging handler is installed; `make demo` shows some."
        )
    st.info(text, icon=":material/search_off:")
