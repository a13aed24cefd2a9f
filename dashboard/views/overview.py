"""The page opened first: is everything fine, and how has it been?"""

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.answers import Alerts, Catalogue
from dashboard.api_errors import ApiError
from dashboard.overview_snapshot import Snapshot, services, take_snapshot
from dashboard.plain_text import one_line, plain
from dashboard.session import (
    arriving_query,
    client,
    known_catalogue,
    leave_when_denied,
    now,
    rights,
    settings,
    write_query,
)
from dashboard.states.overview import OverviewState
from dashboard.time_range import age, zone_name, zone_of
from dashboard.verdict import Level, Verdict
from dashboard.views.alerts_panel import draw_alerts
from dashboard.views.cards import CARDS, draw_card
from dashboard.views.notices import failure_notice, nothing_yet, range_is_right, tell_complaints
from dashboard.views.pipeline_panel import draw_pipeline
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone

PAGE: Final = "overview"
ALL: Final = "*"
RETRY_SECONDS: Final = 4.0
_CARDS_A_ROW: Final = 3
_LOOKS: Final = {
    Level.GOOD: ("green", ":material/check_circle:"),
    Level.ATTENTION: ("orange", ":material/visibility:"),
    Level.BAD: ("red", ":material/error:"),
    Level.EMPTY: ("blue", ":material/hourglass_empty:"),
    Level.UNKNOWN: ("gray", ":material/help:"),
}


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        state, complaints = OverviewState.read(query, moment)
        load_range(PAGE, state.period, state.zone, moment)
        st.session_state[f"{PAGE}.service"] = state.service or ALL
        st.session_state[f"{PAGE}.undecided"] = not state.service
        st.session_state[f"{PAGE}.complaints"] = complaints
    state = _controls(moment)
    if not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    tell_complaints(PAGE)
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else settings().refresh_seconds
    st.fragment(_live, run_every=every)(state)


def _controls(moment: datetime) -> OverviewState:
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    title, *places = st.columns([3, 2, 2, *([2, 2] if custom else []), 2], vertical_alignment="bottom")
    title.title("Overview", anchor=False)
    with places[0]:
        service = _pick_service()
    with places[-1]:
        zone = pick_zone(PAGE)
    with places[1]:
        period = pick_range(PAGE, zone, moment, places[2:-1])
    return OverviewState(period=period, zone=zone, service=service)


def _pick_service() -> str:
    """Draw the choice of service; until somebody chooses, it is the one that predicts.

    Returns:
        The service, `*` for all, or nothing while it is not known which one predicts.
    """
    key = f"{PAGE}.service"
    try:
        names, predicting = _services(rights())
    except ApiError:
        names, predicting = [], []
    if st.session_state.get(f"{PAGE}.undecided") and names:
        st.session_state[key] = predicting[0] if len(predicting) == 1 else ALL
        st.session_state[f"{PAGE}.undecided"] = False
    options = list(dict.fromkeys([ALL, *names, st.session_state[key]]))
    service = st.selectbox("Service", options, key=key, format_func=_service_title)
    return "" if st.session_state.get(f"{PAGE}.undecided") else str(service)


def _service_title(name: str) -> str:
    return "All services" if name == ALL else one_line(name, 60)


@st.cache_data(ttl=30, max_entries=64, show_spinner=False)
def _services(rights: str) -> tuple[list[str], list[str]]:  # noqa: ARG001  # the key of the cache
    return services(client())


@st.cache_data(ttl=5, max_entries=64, show_spinner=False)
def _snapshot(state: OverviewState, rights: str) -> Snapshot:  # noqa: ARG001  # a part of the cache's key
    """One look for everybody with the same rights who has the same page open at this moment."""
    try:
        catalogue = known_catalogue()
    except ApiError:
        catalogue = Catalogue()
    return take_snapshot(client(), catalogue, state, now())


def _live(state: OverviewState) -> None:
    """The part that refreshes by itself."""
    first = f"{PAGE}.seen" not in st.session_state
    with st.spinner("Asking the monitoring API …") if first else nullcontext():
        snapshot = _snapshot(state, rights())
    failure = snapshot.failure
    leave_when_denied(failure)
    if bool(failure) != bool(st.session_state.get(f"{PAGE}.failing")):
        st.session_state[f"{PAGE}.failing"] = bool(failure)
        # The whole page, for only there the pace of refreshing is set and the choices are filled.
        st.rerun()
    if failure is None:
        st.session_state[f"{PAGE}.seen"] = (state, snapshot)
        _draw(snapshot, state)
        return
    failure_notice(failure)
    seen: tuple[OverviewState, Snapshot] | None = st.session_state.get(f"{PAGE}.seen")
    if seen is not None:
        st.caption(f"Below is what was known {age(seen[1].taken_at, now())} ago.")
        # Alerts live in a store of their own: they may well be known while ClickHouse is away.
        known = snapshot.alerts if isinstance(snapshot.alerts, Alerts) else seen[1].alerts
        _draw_details(replace(seen[1], alerts=known), seen[0])
    elif isinstance(snapshot.alerts, Alerts):
        draw_alerts(snapshot)


def _draw(snapshot: Snapshot, state: OverviewState) -> None:
    judged = snapshot.verdict()
    _draw_verdict(judged)
    if judged.level is Level.EMPTY:
        nothing_yet()
    _draw_details(snapshot, state, cards=judged.level is not Level.EMPTY)


def _draw_details(snapshot: Snapshot, state: OverviewState, *, cards: bool = True) -> None:
    for start in range(0, len(CARDS) if cards else 0, _CARDS_A_ROW):
        for place, card in zip(st.columns(_CARDS_A_ROW), CARDS[start : start + _CARDS_A_ROW], strict=True):
            with place:
                draw_card(card, snapshot, state)
    left, right = st.columns(2)
    with left:
        draw_pipeline(snapshot, state)
    with right:
        draw_alerts(snapshot)
    zone = zone_of(state.zone)
    taken = snapshot.taken_at.astimezone(zone)
    st.caption(
        f"{state.period.in_words(snapshot.taken_at, zone)}, as of {taken:%H:%M:%S}. "
        f"Times are {zone_name(zone, taken)}. Dashed ends of lines are still arriving."
    )


def _draw_verdict(judged: Verdict) -> None:
    colour, icon = _LOOKS[judged.level]
    with st.container(border=True, gap="xsmall"):
        st.subheader(f":{colour}[{icon} {judged.headline}]", anchor=False)
        st.markdown("  \n".join(plain(reason) for reason in judged.reasons))
