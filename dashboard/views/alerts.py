"""Everything about alerts: what fires, who is told, and what operators do about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboard.alert_questions import alert_timeline, rules
from dashboard.answers import Catalogue
from dashboard.api_client import Question, alerts
from dashboard.api_errors import ApiError
from dashboard.plain_text import one_line, plain
from dashboard.session import (
    arriving_state,
    client,
    known_catalogue,
    now,
    settings,
    write_query,
)
from dashboard.states.alerts import SECTIONS, AlertsState
from dashboard.views.alert_channels import draw_channels
from dashboard.views.alert_detail import draw_detail
from dashboard.views.alert_list import draw_list
from dashboard.views.alert_mails import draw_mails
from dashboard.views.alert_notifications import STATES, channel_names, draw_notifications
from dashboard.views.alert_rules import draw_rules
from dashboard.views.alert_silences import draw_silences
from dashboard.views.alert_timeline import draw_timeline
from dashboard.views.last_known import asks_again_every, draw_lasting
from dashboard.views.notices import range_is_right, tell_complaints
from dashboard.views.operating import show_said
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.sections import pick_section
from dashboard.views.waiting import waiting

PAGE: Final = "alerts"
_TITLES: Final = dict(zip(SECTIONS, ("Alerts", "Silences", "Rules", "Notifications", "Channels", "Mails"), strict=True))
_DRAWN: Final[dict[str, Callable[[AlertsState, datetime], None]]] = {
    "silences": draw_silences,
    "rules": draw_rules,
    "notifications": draw_notifications,
    "channels": draw_channels,
    "mails": draw_mails,
}
_HEIGHT: Final = 640


def render() -> None:
    """Draw the page."""
    moment = now()
    arrived = arriving_state(PAGE, AlertsState.read)
    if arrived is not None:
        _load(arrived, moment)
    st.title("Alerts", anchor=False)
    state = _controls(moment)
    st.session_state[f"{PAGE}.state"] = state
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    write_query(PAGE, state.query())
    every = asks_again_every(PAGE, settings().refresh_seconds)
    st.fragment(_live, run_every=every)(state)


def _load(state: AlertsState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    st.session_state[f"{PAGE}.state"] = state
    load_range(PAGE, state.period, state.zone, moment)
    for name in ("section", "rule", "channel", "delivery"):
        st.session_state[f"{PAGE}.{name}"] = getattr(state, name)


def _controls(moment: datetime) -> AlertsState:
    """Draw what is chosen; widgets that were not drawn last time begin with what they said before."""
    last: AlertsState = st.session_state[f"{PAGE}.state"]
    if f"{PAGE}.range" not in st.session_state:
        load_range(PAGE, last.period, last.zone, moment)
    upper = st.columns([4, 1], vertical_alignment="bottom")
    with upper[0]:
        section = pick_section(PAGE, _TITLES, last.section)
    ranged = section in {"alerts", "rules"}
    custom = ranged and st.session_state[f"{PAGE}.range"] == CUSTOM
    rule, channel, delivery, period = last.rule, last.channel, last.delivery, last.period
    with upper[1]:
        zone = pick_zone(PAGE)
    if section == "notifications":
        channel, delivery = _pick_messages(last)
    elif ranged:
        places = st.columns([2, 2, *([2, 2] if custom else [2])], vertical_alignment="bottom")
        with places[0]:
            period = pick_range(PAGE, zone, moment, places[2:] if custom else ())
        if section == "rules":
            with places[1]:
                rule = _pick_rule(last)
    return AlertsState(section, last.alert, rule, channel, delivery, period, zone)


def _pick_rule(last: AlertsState) -> str:
    try:
        names = [rule.name for rule in client().ask(rules()).rules]
    except ApiError:
        names = []
    options = list(dict.fromkeys([*names, *([last.rule] if last.rule else [])]))
    st.session_state.setdefault(f"{PAGE}.rule", last.rule)
    if not options or st.session_state[f"{PAGE}.rule"] not in options:
        st.session_state[f"{PAGE}.rule"] = options[0] if options else None
    return str(st.selectbox("Rule", options, format_func=lambda name: one_line(name, 80), key=f"{PAGE}.rule") or "")


def _pick_messages(last: AlertsState) -> tuple[str, str]:
    try:
        names = channel_names()
    except ApiError:
        names = [""]
    st.session_state.setdefault(f"{PAGE}.channel", last.channel)
    st.session_state.setdefault(f"{PAGE}.delivery", last.delivery)
    known = list(dict.fromkeys([*names, st.session_state[f"{PAGE}.channel"]]))
    states = list(dict.fromkeys([*STATES, st.session_state[f"{PAGE}.delivery"]]))
    left, right, _ = st.columns(3)
    channel = left.selectbox(
        "Channel",
        known,
        format_func=lambda name: one_line(name, 60) if name else "Every channel",
        key=f"{PAGE}.channel",
    )
    delivery = right.selectbox(
        "Delivery", states, format_func=lambda name: STATES.get(name, one_line(name, 20)), key=f"{PAGE}.delivery"
    )
    return str(channel or ""), str(delivery or "")


def _live(state: AlertsState) -> None:
    """The part that refreshes by itself."""
    show_said()

    def drawing() -> None:
        if state.section == "alerts":
            _alerts(state)
        else:
            _DRAWN[state.section](state, now())

    draw_lasting(PAGE, state, drawing)


def _alerts(state: AlertsState) -> None:
    asked: list[Question[Any]] = [alerts()]
    if not state.alert:
        asked.append(alert_timeline(state.period))
    part = "alert" if state.alert else "alerts"
    with waiting(PAGE, part, height=_HEIGHT, words="Asking the monitoring API …", of=(state.alert, state.period)):
        known, *timeline = client().ask_all(asked)
    if isinstance(known, ApiError):
        raise known
    try:
        catalogue = known_catalogue()
    except ApiError:
        catalogue = Catalogue()
    if not state.alert:
        wanted = draw_list(known, catalogue, now())
        wanted = draw_timeline(timeline[0], state, now()) or wanted
        if wanted is not None:
            _show(state, wanted)
        return
    if st.button("All alerts", icon=":material/arrow_back:", type="tertiary", key=f"{PAGE}.back"):
        _show(state, "")
    alert = next((alert for alert in known.alerts if alert.fingerprint == state.alert), None)
    if alert is None:
        st.info(f"There is no alert {plain(state.alert, 40)} any more; its rule or its group is gone.")
        return
    draw_detail(alert, state, catalogue, now())


def _show(state: AlertsState, fingerprint: str) -> None:
    """Show one alert, or the list."""
    st.session_state[f"{PAGE}.state"] = AlertsState(
        state.section, fingerprint, state.rule, state.channel, state.delivery, state.period, state.zone
    )
    st.rerun()
