"""The widgets that choose a range of time and its zone; the same on every page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import available_timezones

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.time_range import PRESETS, TimeRange, instant, rfc3339, zone_of

CUSTOM: Final = "custom"


def load_range(page: str, period: TimeRange, zone: str, now: datetime) -> None:
    """Set the widgets of a page to a state, before they are drawn."""
    relative = "now" in period.start and "now" in period.end
    st.session_state[f"{page}.range"] = _spelled(period) if relative else CUSTOM
    st.session_state[f"{page}.unusual"] = _spelled(period) if relative and not period.preset else None
    st.session_state[f"{page}.zone"] = zone
    _load_custom(page, period, zone, now)


def pick_zone(page: str) -> str:
    """Draw the choice of time zone."""
    browser = st.context.timezone
    first = ["UTC", *([browser] if browser and browser != "UTC" and browser in _zones() else [])]
    chosen = st.session_state[f"{page}.zone"]
    options = list(dict.fromkeys([*first, chosen, *_zones()]))
    zone = st.selectbox("Time zone", options, key=f"{page}.zone", help="Of every time on this page.")
    return str(zone)


def pick_range(page: str, zone: str, now: datetime, places: Sequence[DeltaGenerator]) -> TimeRange:
    """Draw the choice of range, with both ends when it is a custom one.

    Args:
        page: whose widgets these are.
        zone: in which the ends are typed and shown.
        now: the end of relative ranges.
        places: where both ends of a custom range go.
    """
    last: TimeRange = st.session_state[f"{page}.period"]
    unusual = st.session_state.get(f"{page}.unusual")
    options = [*PRESETS, *([unusual] if unusual else []), CUSTOM]
    chosen = str(st.selectbox("Range", options, format_func=_in_words, key=f"{page}.range"))
    if chosen != CUSTOM:
        start, _, end = chosen.partition("/")
        period = TimeRange(start, end or "now")
    else:
        if st.session_state.get(f"{page}.zone.of.ends") != zone or f"{page}.from" not in st.session_state:
            _load_custom(page, last, zone, now)
        period = _custom(page, zone, places, last, now) if places else last
    st.session_state[f"{page}.period"] = period
    return period


def _custom(page: str, zone: str, places: Sequence[DeltaGenerator], last: TimeRange, now: datetime) -> TimeRange:
    minute = timedelta(minutes=1)
    start = places[0].datetime_input("From", key=f"{page}.from", step=minute, format="YYYY-MM-DD")
    end = places[1].datetime_input("To", key=f"{page}.to", step=minute, format="YYYY-MM-DD")
    if "now" not in f"{last.start}{last.end}" and (start, end) == _wall_clock(last, zone, now):
        # The widgets count in minutes; a link's seconds stay as long as nobody changes the ends.
        return last
    return TimeRange(*(rfc3339(moment.replace(tzinfo=zone_of(zone))) for moment in (start, end)))


def _wall_clock(period: TimeRange, zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Both ends as the zone's clock shows them, to the minute."""
    moments = (instant(text, now).astimezone(zone_of(zone)) for text in (period.start, period.end))
    start, end = (moment.replace(tzinfo=None, second=0, microsecond=0) for moment in moments)
    return start, end


def _load_custom(page: str, period: TimeRange, zone: str, now: datetime) -> None:
    """Put both ends of a range into the custom widgets, as the wall clock of the zone shows them."""
    start, end = _wall_clock(period, zone, now)
    st.session_state[f"{page}.from"], st.session_state[f"{page}.to"] = start, end
    st.session_state[f"{page}.zone.of.ends"] = zone
    st.session_state[f"{page}.period"] = period


def _spelled(period: TimeRange) -> str:
    return period.start if period.end == "now" else f"{period.start}/{period.end}"


def _in_words(option: str) -> str:
    if option == CUSTOM:
        return "Custom range"
    start, _, end = option.partition("/")
    return PRESETS.get(option, f"{start} to {end or 'now'}")


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones() - {"localtime"}))
