"""How the history page draws: comparison, scale, bands, marks, the way back out of a zoom, and what is open below."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import streamlit as st

from dashboard.charts.percentiles import in_order
from dashboard.session import now
from dashboard.states.history import COMPARISONS, PANELS
from dashboard.time_range import TimeRange, rfc3339
from dashboard.views.range_picker import CUSTOM, load_range
from dashboard.views.selection import PAGE

_COMPARED: Final = {"none": "Nothing", "previous": "The time just before", "week": "The same time a week ago"}
_PANELS: Final = {"sql": "Show the SQL", "rule": "Make a rule"}
_BANDS: Final = f"{PAGE}.bands.switch"
_BEFORE: Final = f"{PAGE}.before.zoom"


def pick_compare() -> str:
    """Draw the choice of what to compare with."""
    return str(st.selectbox("Compare with", COMPARISONS, format_func=_COMPARED.__getitem__, key=f"{PAGE}.compare"))


def pick_switches(metrics: Sequence[str]) -> tuple[bool, bool, bool]:
    """Draw the switches.

    Returns:
        Whether the axis is logarithmic, percentiles are bands, and what happened is marked.
    """
    log = st.toggle("Logarithmic", key=f"{PAGE}.log", help="What is not above 0 has no place on such an axis.")
    marks = st.toggle("Marks", key=f"{PAGE}.markers", help="New versions, promotions, and alerts that fired.")
    if len(in_order([name.rpartition("_")[2] for name in metrics if "_p" in name])) > 1:
        kept(_BANDS, f"{PAGE}.bands")
        bands = st.toggle("Bands", key=_BANDS, help="Percentiles of one thing as areas, where nothing is grouped.")
        st.session_state[f"{PAGE}.bands"] = bands
    return log, bool(st.session_state[f"{PAGE}.bands"]), marks


def pick_panel() -> str:
    """Draw the choice of what is open below the charts."""
    chosen = st.segmented_control(
        "Below the charts",
        list(_PANELS),
        format_func=_PANELS.__getitem__,
        key=f"{PAGE}.panel",
        label_visibility="collapsed",
    )
    return str(chosen or PANELS[0])


def kept(key: str, remembered: str) -> None:
    """Give a widget that is not always drawn the value it had: Streamlit forgets it while it is not there."""
    if key not in st.session_state:
        st.session_state[key] = st.session_state[remembered]


def offer_zoom_out() -> None:
    """Draw the button that leads back to what was shown before a zoom."""
    if st.session_state[f"{PAGE}.range"] == CUSTOM:
        before = bool(st.session_state.get(_BEFORE))
        st.button(
            "Zoom out",
            icon=":material/zoom_out:",
            key=f"{PAGE}.zoom.out",
            on_click=_zoom_out,
            help="Back to the range before" if before else "A range twice as long",
        )


def zoom_in(start: float, end: float) -> None:
    """Show a part of the range; to be called before the widgets are drawn.

    Args:
        start: epoch seconds.
        end: epoch seconds.
    """
    period: TimeRange = st.session_state[f"{PAGE}.period"]
    st.session_state.setdefault(_BEFORE, []).append(period)
    moment = now()
    first = datetime.fromtimestamp(start, moment.tzinfo)
    last = max(datetime.fromtimestamp(end, moment.tzinfo), first + timedelta(seconds=1))
    _show(TimeRange(rfc3339(first), rfc3339(last)))


def zooms() -> int:
    """How deep it is zoomed in: a chart that was brushed is a new one."""
    return len(st.session_state.get(_BEFORE, []))


def _zoom_out() -> None:
    before: list[TimeRange] = st.session_state.get(_BEFORE, [])
    if before:
        _show(before.pop())
        return
    period: TimeRange = st.session_state[f"{PAGE}.period"]
    start, end = period.bounds(now())
    half = (end - start) / 2
    _show(TimeRange(rfc3339(start - half), rfc3339(min(end + half, max(end, now())))))


def _show(period: TimeRange) -> None:
    load_range(PAGE, period, st.session_state[f"{PAGE}.zone"], now())
