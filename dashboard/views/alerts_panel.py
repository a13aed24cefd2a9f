"""The overview's panel of alerts: what fires first, and whether anybody is watching."""

from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.answers import Alert, Alerts, Catalogue
from dashboard.api_errors import ApiError
from dashboard.navigation import page_link
from dashboard.overview_snapshot import Snapshot
from dashboard.plain_text import plain
from dashboard.session import known_catalogue
from dashboard.states.alerts import AlertsState
from dashboard.states.overview import OverviewState
from dashboard.time_range import age
from dashboard.views.alert_list import COLOURS, summary_of, value_of
from dashboard.views.notices import small_failure

_ORDER: Final = {"firing": 0, "pending": 1, "resolved": 2}
_CATALOGUE: Final = "overview.catalogue"
_SHOWN: Final = 8


def draw_alerts(snapshot: Snapshot, state: OverviewState) -> None:
    """Draw the panel.

    Args:
        snapshot: what is known.
        state: of the page, whose range and zone an alert's link takes along.
    """
    alerts = snapshot.alerts
    with st.container(border=True, height="stretch", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**Alerts**")
            if isinstance(alerts, Alerts):
                _badge(alerts)
        if isinstance(alerts, ApiError):
            small_failure(alerts, "alerts")
            return
        listed = sorted(
            (alert for alert in alerts.alerts if alert.state in _ORDER or alert.error),
            key=lambda alert: (_ORDER.get(alert.state, len(_ORDER)), alert.rule),
        )
        if listed:
            units = _units() if any(alert.metric for alert in listed) else Catalogue()
            for alert in listed[:_SHOWN]:
                _row(alert, units, state, snapshot.taken_at)
            if len(listed) > _SHOWN:
                st.caption(f"{len(listed) - _SHOWN} more are not shown.")
        else:
            st.markdown("No alert is firing or pending.")
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(_watcher(alerts, snapshot.taken_at), width="content")
            page_link("alerts", "All alerts")


def _badge(alerts: Alerts) -> None:
    firing = sum(alert.state == "firing" for alert in alerts.alerts)
    if firing:
        st.badge(f"{firing} firing", color="red", icon=":material/notifications_active:")
    elif alerts.worker.state == "running":
        st.badge("Quiet", color="green", icon=":material/check_circle:")
    else:
        st.badge("Not watched", color="orange", icon=":material/visibility_off:")


def _units() -> Catalogue:
    """The catalogue, for the units of the alerts' values; once known it is kept, however the API does later."""
    if _CATALOGUE not in st.session_state:
        try:
            st.session_state[_CATALOGUE] = known_catalogue()
        except ApiError:
            return Catalogue()
    known: Catalogue = st.session_state[_CATALOGUE]
    return known


def _row(alert: Alert, units: Catalogue, state: OverviewState, now: datetime) -> None:
    name = f":{COLOURS.get(alert.state, 'gray')}[{plain(alert.state, 20)}] **{plain(alert.rule, 60)}**"
    shown = f"could not be evaluated: {alert.error}" if alert.error else summary_of(alert)
    since = alert.resolved_at if alert.state == "resolved" else alert.fired_at or alert.active_since
    ago = f" · {age(since, now)} ago" if since else ""
    with st.container(gap=None):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            if alert.fingerprint:
                watched = AlertsState(alert=alert.fingerprint, period=state.period, zone=state.zone)
                page_link("alerts", name, watched.query())
            else:
                st.markdown(name, width="content")
            st.markdown(f"**{plain(value_of(alert, units), 40)}**{ago}", width="content")
        if shown:
            st.caption(plain(shown, 160))


def _watcher(alerts: Alerts, now: datetime) -> str:
    worker = alerts.worker
    if worker.state == "never":
        return "The alert worker has not run yet: `sightglass up` starts it."
    last = f", rules last evaluated {age(worker.last_evaluation_at, now)} ago" if worker.last_evaluation_at else ""
    if worker.state == "silent":
        return f"The alert worker has fallen silent{last}. `sightglass status` shows the process."
    return f"The alert worker is running{last}."
