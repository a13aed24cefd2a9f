"""Whom an alert told, and the way from a message to its alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.alert_answers import Notification, Notifications
from dashboard.alert_labels import own_labels
from dashboard.alert_questions import MOST_NOTIFICATIONS
from dashboard.api_errors import ApiError
from dashboard.navigation import page_link
from dashboard.plain_text import one_line, plain
from dashboard.states.alerts import AlertsState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.notices import failure_notice

DELIVERIES: Final[Mapping[str, str]] = {
    "waiting": "Waiting",
    "folded": "Waiting in a digest",
    "delivered": "Delivered",
    "abandoned": "Given up",
}
_LINKS_SHOWN: Final = 8


def draw_told(answer: Notifications | ApiError, state: AlertsState, now: datetime) -> None:
    """Draw whom one alert told.

    Args:
        answer: the messages about it, or why they are unknown.
        state: of the page.
        now: the time.
    """
    with st.container(border=True):
        st.markdown("**Whom it told**")
        if isinstance(answer, ApiError):
            failure_notice(answer)
            return
        if not answer.notifications:
            st.caption("No channel has been told of it.")
            return
        zone = zone_of(state.zone)
        rows = [
            (
                f"{one.created_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                one_line(one.channel, 60),
                one_line(one.status, 20),
                one_line(one.reason, 20),
                one_line(DELIVERIES.get(one.state, one.state), 40),
                _when(one, state),
                one.attempts,
                one_line(one.detail or "", 200),
            )
            for one in answer.notifications
        ]
        columns = ["Written", "Channel", "Says", "Because", "Delivery", "When", "Attempts", "The receiver said"]
        table = pd.DataFrame(rows, columns=columns)
        st.dataframe(table, hide_index=True, key="alerts.told", alt="Messages about the alert, the newest first")
        newest = f" Shown are the newest {MOST_NOTIFICATIONS}." if answer.next_cursor is not None else ""
        st.caption(f"Times are {zone_name(zone, now)}.{newest}")


def link_alerts(one: Notification, state: AlertsState) -> None:
    """Links to the alerts that a message is about.

    Args:
        one: the message.
        state: of the page, whose range and zone the links take along.
    """
    for about in one.alerts[:_LINKS_SHOWN]:
        query = replace(state, section="alerts", alert=about.fingerprint).query()
        page_link("alerts", _name(about.alertname, about.labels), query)
    if len(one.alerts) > _LINKS_SHOWN:
        st.caption(f"{len(one.alerts) - _LINKS_SHOWN} more are not shown.", width="content")


def pick_message(messages: Sequence[Notification], titles: Sequence[str], ticked: int | None) -> Notification:
    """The message ticked in the table, else the one chosen from a list that is drawn here.

    Args:
        messages: those shown, at least one.
        titles: of each, one line of text.
        ticked: its place in the table; None where none is.
    """
    by_id = {one.id: title for one, title in zip(messages, titles, strict=True)}
    chosen = st.selectbox(
        "Alerts of the message",
        list(by_id),
        format_func=lambda number: by_id.get(number, ""),
        width=520,
        key="alerts.notifications.pick",
        disabled=ticked is not None,
    )
    if ticked is not None and ticked < len(messages):
        return messages[ticked]
    return next((one for one in messages if one.id == chosen), messages[0])


def _name(alertname: str, labels: Mapping[str, str]) -> str:
    told = own_labels(labels)
    return plain(f"{alertname or 'The alert'} ({told})" if told else alertname or "The alert", 120)


def _when(one: Notification, state: AlertsState) -> str:
    """When it came about what its delivery says, or is tried again."""
    at = {"delivered": one.delivered_at, "abandoned": one.abandoned_at}.get(one.state, one.next_attempt_at)
    if at is None:
        return "–"
    told = f"{at.astimezone(zone_of(state.zone)):%Y-%m-%d %H:%M:%S}"
    return told if one.state in {"delivered", "abandoned"} else f"next try {told}"
