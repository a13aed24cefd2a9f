"""When alerts were pending or firing: a row for each, from which a click leads to the alert."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboard.alert_answers import AlertStretches, AlertTimeline, Stretch
from dashboard.alert_labels import own_labels
from dashboard.api_errors import ApiError
from dashboard.charts.alert_rows import STATES, AlertBar, AlertRow, alert_rows
from dashboard.plain_text import one_line, plain
from dashboard.states.alerts import AlertsState
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds, zone_name, zone_of
from dashboard.views.lines import draw
from dashboard.views.notices import small_failure

MOST_ROWS: Final = 30
_PICK: Final = "row"
_LONGEST_TITLE: Final = 80
_TOLD: Final = 8


def draw_timeline(answer: AlertTimeline | ApiError, state: AlertsState, now: datetime) -> str | None:
    """Draw it, and return the fingerprint of the alert whose row was clicked."""
    with st.container(border=True):
        st.markdown("**What alerts did**")
        if isinstance(answer, ApiError):
            small_failure(answer, "a timeline of alerts")
            return None
        if not answer.alerts:
            st.info(
                "**No alert was pending or firing in this range.** Each that was has a row here: a bar from when its "
                "condition began to hold until it fired, and one until it was resolved. Choose a longer range to see "
                "earlier ones.",
                icon=":material/view_timeline:",
            )
            return None
        rows = rows_of(answer, state.zone, now)
        offset = utc_offset_seconds(state.zone, answer.end)
        chart = alert_rows(
            rows,
            start=epoch_milliseconds(answer.start, offset),
            end=epoch_milliseconds(answer.end, offset),
            pick=_PICK,
            time_title=f"Time ({zone_name(zone_of(state.zone), answer.end)})",
        )
        event = draw(
            chart,
            key="alerts.rows",
            alternative=in_words(rows),
            on_select="rerun",
            selection_mode=[_PICK],
        )
        st.caption(" ".join(_notes(answer, state)))
    return _picked(event)


def rows_of(answer: AlertTimeline, zone: str, now: datetime) -> list[AlertRow]:
    """The rows that are drawn, those of the newest stretches first."""
    rows: list[AlertRow] = []
    titles: dict[str, int] = {}
    for one in answer.alerts[:MOST_ROWS]:
        title = one_line(_title(one), _LONGEST_TITLE)
        titles[title] = titles.get(title, 0) + 1
        name = title if titles[title] == 1 else f"{title} ({titles[title]})"
        bars = [_bar(stretch, answer, zone, now) for stretch in one.stretches if stretch.state in STATES]
        rows.append(AlertRow(one.fingerprint, name, bars))
    return rows


def in_words(rows: Sequence[AlertRow]) -> str:
    """What the chart shows."""
    told = [f"{row.title}: {_counted(row)}" for row in rows[:_TOLD]]
    more = f"; and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
    return f"When each of {len(rows)} alerts was pending or firing. {'; '.join(told)}{more}."


def _counted(row: AlertRow) -> str:
    if not row.bars:
        return "nothing"
    counts = {state: sum(bar.state == state for bar in row.bars) for state in STATES}
    said = " and ".join(f"{state} {count} time{'s' * (count != 1)}" for state, count in counts.items() if count)
    last = row.bars[-1]
    return f"{said}, last {last.state} from {last.since} until {last.until}"


def _title(one: AlertStretches) -> str:
    own = own_labels(one.labels)
    return f"{one.rule} · {own}" if own else one.rule


def _bar(stretch: Stretch, answer: AlertTimeline, zone: str, now: datetime) -> AlertBar:
    # One offset for all, as the axis has: the clock in words is each moment's own.
    offset = utc_offset_seconds(zone, answer.end)
    end = stretch.end or min(answer.end, now)
    if stretch.end is not None:
        until = _clock(stretch.end, zone)
    else:
        until = "now: it lasts" if now <= answer.end else "after this range"
    return AlertBar(
        stretch.state,
        epoch_milliseconds(stretch.start, offset),
        epoch_milliseconds(max(end, stretch.start), offset),
        _clock(stretch.start, zone),
        until,
    )


def _clock(at: datetime, zone: str) -> str:
    shown = zone_of(zone)
    return f"{at.astimezone(shown):%a %d %b %Y %H:%M:%S} ({zone_name(shown, at)})"


def _notes(answer: AlertTimeline, state: AlertsState) -> list[str]:
    notes = ["Click into a row to see the alert."]
    hidden = len(answer.alerts) - MOST_ROWS
    if answer.truncated:
        notes.append(f"Drawn are the {MOST_ROWS} alerts that changed last; there are more.")
    elif hidden > 0:
        notes.append(f"Drawn are the {MOST_ROWS} alerts that changed last; {hidden} more are not.")
    if answer.known_from > answer.start:
        since = plain(_clock(answer.known_from, state.zone))
        notes.append(f"So much happened that all of it is known only from {since} on.")
    return notes


def _picked(event: Any) -> str | None:
    """Whose row was clicked."""
    rows = event.get("selection", {}).get(_PICK, []) if hasattr(event, "get") else []
    return str(rows[-1].get("key", "")) or None if rows and isinstance(rows[-1], dict) else None
