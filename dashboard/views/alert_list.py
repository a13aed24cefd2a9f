"""The list of alerts: what fires first, and whether anybody is watching."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import streamlit as st

from dashboard.answers import Alert, Alerts, Catalogue
from dashboard.charts.units import figure, unit_of
from dashboard.plain_text import one_line, plain
from dashboard.time_range import age
from dashboard.views.notices import no_alerts

Colour = Literal["red", "orange", "blue", "green", "gray"]
COLOURS: Final[Mapping[str, Colour]] = {"firing": "red", "pending": "orange", "resolved": "green"}
MOST_ROWS: Final = 50
_SUMMARIES: Final = ("summary", "description", "message")
_WIDTHS: Final = (1.1, 5, 1.4, 1.5, 1)


def draw_list(alerts: Alerts, catalogue: Catalogue, now: datetime) -> str | None:
    """Draw the list, and return the fingerprint of the alert that somebody wants to see."""
    _headline(alerts, now)
    active = [alert for alert in alerts.alerts if alert.state in COLOURS or alert.error]
    wanted = None
    for alert in active[:MOST_ROWS]:
        if _row(alert, catalogue, now):
            wanted = alert.fingerprint
    rest = [*active[MOST_ROWS:], *(alert for alert in alerts.alerts if alert not in active)]
    if rest:
        wanted = _others(rest) or wanted
    if not alerts.alerts:
        no_alerts()
    return wanted


def state_badge(alert: Alert) -> None:
    """Draw an alert's state, as a word in its colour."""
    st.badge(plain(alert.state, 20), color=COLOURS.get(alert.state, "gray"))


def marks(alert: Alert) -> str:
    """Who looks after an alert and what holds it back, as markdown; empty when nobody and nothing does."""
    found = []
    if alert.acknowledged_by:
        found.append(f":blue[:material/person_check: {plain(alert.acknowledged_by, 60)} is on it]")
    if alert.silenced_by:
        found.append(":gray[:material/notifications_paused: silenced]")
    if alert.inhibited_by:
        found.append(f":gray[:material/block: {plain(alert.inhibited_by, 120)}]")
    if alert.error:
        found.append(f":orange[:material/warning: could not be evaluated: {plain(alert.error, 160)}]")
    elif alert.health not in {"", "ok"}:
        found.append(f":gray[{plain(alert.health.replace('_', ' '), 20)}]")
    return " · ".join(found)


def summary_of(alert: Alert) -> str:
    """What it says of itself, as plain text."""
    said = next((alert.annotations[name] for name in _SUMMARIES if alert.annotations.get(name)), "")
    return said or ", ".join(f"{key}={value}" for key, value in alert.labels.items() if key != "alertname")


def value_of(alert: Alert, catalogue: Catalogue) -> str:
    """Its figure with its unit."""
    metric = catalogue.named(alert.metric)
    return figure(alert.value, unit_of(metric.name, metric.unit, metric.kind) if metric else "")


def _headline(alerts: Alerts, now: datetime) -> None:
    counts = {state: sum(alert.state == state for alert in alerts.alerts) for state in ("firing", "pending")}
    worker = alerts.worker
    with st.container(horizontal=True, vertical_alignment="center"):
        if counts["firing"]:
            st.badge(f"{counts['firing']} firing", color="red", icon=":material/notifications_active:")
        elif worker.state == "running":
            st.badge("Nothing fires", color="green", icon=":material/check_circle:")
        if counts["pending"]:
            st.badge(f"{counts['pending']} pending", color="orange", icon=":material/hourglass_top:")
        last = worker.last_evaluation_at
        seen = f" Rules were last evaluated {age(last, now)} ago." if last else ""
        if worker.state == "running":
            st.caption(f"The alert worker is running.{seen}", width="content")
    if worker.state != "running":
        why = "has fallen silent" if worker.state == "silent" else "has not run yet"
        st.warning(
            f"The alert worker {why}: what is shown may be out of date.{seen} `sightglass status` shows the process.",
            icon=":material/visibility_off:",
        )
    if worker.error:
        st.warning(f"The worker says: {plain(worker.error, 600)}", icon=":material/error:")


def _row(alert: Alert, catalogue: Catalogue, now: datetime) -> bool:
    with st.container(border=True):
        state, text, value, since, button = st.columns(_WIDTHS, vertical_alignment="center")
        with state:
            state_badge(alert)
        lines = (f"**{plain(alert.rule, 80)}**", plain(summary_of(alert), 220), marks(alert))
        text.markdown("  \n".join(line for line in lines if line))
        condition = f"  \n:gray[{plain(alert.condition, 40)}]" if alert.condition else ""
        value.markdown(f"**{value_of(alert, catalogue)}**{condition}")
        since.markdown(f"{age(alert.since, now)} ago" if alert.since else "–")
        return button.button("Details", key=f"alerts.open.{alert.fingerprint}", width="stretch")


def _others(rest: Sequence[Alert]) -> str | None:
    names = {alert.fingerprint: alert for alert in rest}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            f"{len(rest)} more, which are quiet" if len(rest) > 1 else "One more, which is quiet",
            list(names),
            format_func=lambda key: one_line(" · ".join(filter(None, (names[key].rule, summary_of(names[key])))), 120),
            key="alerts.other",
            width=520,
        )
        return str(chosen) if st.button("Look at it", key="alerts.open.other") and chosen else None
