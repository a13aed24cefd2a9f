"""The overview's panel of alerts: what fires first, and whether anybody is watching."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.answers import Alert, Alerts
from dashboard.api_errors import ApiError
from dashboard.charts.units import figure
from dashboard.navigation import page_link
from dashboard.overview_snapshot import Snapshot
from dashboard.plain_text import plain
from dashboard.time_range import age
from dashboard.views.notices import small_failure

_ORDER: Final = {"firing": 0, "pending": 1, "resolved": 2}
_COLOURS: Final = {"firing": "red", "pending": "orange", "resolved": "green"}
_SHOWN: Final = 8
_DETAILS: Final = ("summary", "description", "message")


def draw_alerts(snapshot: Snapshot) -> None:
    """Draw the panel from a snapshot."""
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
            rows = [_row(alert, snapshot.taken_at) for alert in listed[:_SHOWN]]
            table = pd.DataFrame(rows, columns=["State", "Alert", "Value", "Since"])
            st.table(table, border="horizontal", hide_index=True, alt="Alerts, those that fire first")
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


def _row(alert: Alert, now: datetime) -> tuple[str, str, str, str]:
    state = f":{_COLOURS.get(alert.state, 'gray')}[{plain(alert.state, 20)}]"
    detail = next((alert.annotations[name] for name in _DETAILS if alert.annotations.get(name)), "")
    shown = detail or ", ".join(f"{key}={value}" for key, value in alert.labels.items() if key != "alertname")
    if alert.error:
        shown = f"could not be evaluated: {alert.error}"
    since = alert.resolved_at if alert.state == "resolved" else alert.fired_at or alert.active_since
    name = f"**{plain(alert.rule, 60)}**" + (f" {plain(shown, 160)}" if shown else "")
    return state, name, figure(alert.value, ""), f"{age(since, now)} ago" if since else "–"


def _watcher(alerts: Alerts, now: datetime) -> str:
    worker = alerts.worker
    if worker.state == "never":
        return "The alert worker has not run yet: `sightglass up` starts it."
    last = f", rules last evaluated {age(worker.last_evaluation_at, now)} ago" if worker.last_evaluation_at else ""
    if worker.state == "silent":
        return f"The alert worker has fallen silent{last}. `sightglass status` shows the process."
    return f"The alert worker is running{last}."
