"""The page opened first: is everything fine, and how has it been?"""

import time
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.answers import Alerts
from dashboard.overview_snapshot import Snapshot, take_snapshot
from dashboard.plain_text import one_line, plain
from dashboard.session import arriving_state, client, leave_when_denied, now, rights, settings, write_query
from dashboard.shared_snapshots import SharedSnapshots
from dashboard.states.overview import OverviewState
from dashboard.time_range import zone_name, zone_of
from dashboard.verdict import Level, Verdict
from dashboard.views.alerts_panel import draw_alerts
from dashboard.views.last_known import asks_again_every, note_failing, tell_age
from dashboard.views.notices import failure_notice, nothing_yet, range_is_right, tell_complaints
from dashboard.views.pipeline_panel import draw_pipeline
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.subject_rows import LOOKS, draw_subjects
from dashboard.views.waiting import waiting

PAGE: Final = "overview"
ALL: Final = "*"
_HEIGHT: Final = 720
_SEEN: Final = f"{PAGE}.seen"
_FIRST: Final = f"{PAGE}.first"
_TAKEN: Final = f"{PAGE}.taken"
_DRAWN_SECONDS: Final = 0.5


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, OverviewState.read)
    if arrived is not None:
        load_range(PAGE, arrived.period, arrived.zone, moment)
        st.session_state[f"{PAGE}.service"] = arrived.service or ALL
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    title, *places = st.columns([3, 2, 2, *([2, 2] if custom else []), 2], vertical_alignment="bottom")
    title.title("Overview", anchor=False)
    with places[-1]:
        zone = pick_zone(PAGE)
    with places[1]:
        period = pick_range(PAGE, zone, moment, places[2:-1])
    if not range_is_right(period, moment):
        return
    state = OverviewState(period=period, zone=zone)
    key = _key(state)
    of, taken = st.session_state.pop(_TAKEN, (None, None))
    known = taken if of == key else _shared().at_once(key)
    old = known is not None and of != key and not _shared().is_current(key)
    if known is None:
        with waiting(PAGE, "all", height=_HEIGHT):
            known = _current(state)
    else:
        st.empty()  # where the waiting has its place: without it the browser makes all that follows anew
    snapshot: Snapshot = known
    st.session_state[_FIRST] = snapshot
    with places[0]:
        service = _pick_service(snapshot)
    state = replace(state, service=service)
    write_query(PAGE, state.query())
    tell_complaints(PAGE)
    every = asks_again_every(PAGE, settings().refresh_seconds)
    st.fragment(_live, run_every=every)(state)
    if old:
        # What was known a moment ago can be read meanwhile. It is to be drawn first: on a small machine the browser and
        # ClickHouse would take the processor from each other.
        time.sleep(_DRAWN_SECONDS)
        st.session_state[_TAKEN] = key, _current(state)
        st.rerun()


def _pick_service(snapshot: Snapshot) -> str:
    """Draw the choice of service.

    Returns:
        The service; empty for all.
    """
    key = f"{PAGE}.service"
    names = [one.name for one in snapshot.subjects() if one.kind == "service"]
    options = list(dict.fromkeys([ALL, *names, st.session_state[key]]))
    service = str(st.selectbox("Service", options, key=key, format_func=_service_title))
    return "" if service == ALL else service


def _service_title(name: str) -> str:
    return "All services" if name == ALL else one_line(name, 60)


@st.cache_resource(show_spinner=False)
def _shared() -> SharedSnapshots:
    return SharedSnapshots(settings().refresh_seconds)


def _key(state: OverviewState) -> Hashable:
    """One look for everybody with the same rights who looks at the same range, whatever service."""
    return replace(state, service=""), rights()


def _current(state: OverviewState) -> Snapshot:
    asking = client()
    usual = settings().refresh_seconds
    return _shared().current(_key(state), lambda before: take_snapshot(asking, state, now(), before, usual=usual))


def _live(state: OverviewState) -> None:
    """The part that refreshes by itself."""
    snapshot: Snapshot = st.session_state.pop(_FIRST, None) or _current(state)
    failure = snapshot.failure
    leave_when_denied(failure)
    note_failing(PAGE, failing=failure is not None)
    if failure is None:
        st.session_state[_SEEN] = (state, snapshot)
        _draw(snapshot, state)
        return
    failure_notice(failure)
    seen: tuple[OverviewState, Snapshot] | None = st.session_state.get(_SEEN)
    if seen is not None:
        tell_age(seen[1].taken_at)
        # Alerts live in a store of their own: they may well be known while ClickHouse is away.
        known = snapshot.alerts if isinstance(snapshot.alerts, Alerts) else seen[1].alerts
        _draw_details(replace(seen[1], alerts=known), seen[0])
    elif isinstance(snapshot.alerts, Alerts):
        draw_alerts(snapshot, state)


def _draw(snapshot: Snapshot, state: OverviewState) -> None:
    judged = snapshot.verdict(state.service)
    _draw_verdict(judged)
    if judged.level is Level.EMPTY:
        nothing_yet()
    _draw_details(snapshot, state, rows=judged.level is not Level.EMPTY)


def _draw_details(snapshot: Snapshot, state: OverviewState, *, rows: bool = True) -> None:
    if rows:
        draw_subjects(snapshot, state, state.service)
    left, right = st.columns(2)
    with left:
        draw_alerts(snapshot, state)
    with right:
        draw_pipeline(snapshot, state)
    zone = zone_of(state.zone)
    taken = snapshot.taken_at.astimezone(zone)
    st.caption(
        f"{state.period.in_words(snapshot.taken_at, zone)}, as of {taken:%H:%M:%S}. Times are {zone_name(zone, taken)}."
    )


def _draw_verdict(judged: Verdict) -> None:
    colour, icon = LOOKS[judged.level]
    with st.container(border=True, gap="xsmall"):
        st.subheader(f":{colour}[{icon} {judged.headline}]", anchor=False)
        st.markdown("  \n".join(plain(reason) for reason in judged.reasons))
