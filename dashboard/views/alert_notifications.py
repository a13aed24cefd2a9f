"""Messages with what became of each, and sending again what was given up."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.alert_answers import Notification
from dashboard.alert_questions import MOST_NOTIFICATIONS, channels, notifications, resend
from dashboard.api_errors import ApiError
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.states.alerts import AlertsState
from dashboard.time_range import zone_name, zone_of
from dashboard.views.alert_told import DELIVERIES, link_alerts, pick_message
from dashboard.views.notices import no_messages
from dashboard.views.operating import confirm, do, hint_for_viewers, may_operate, say, settle, want, wanted
from dashboard.views.waiting import waiting

STATES: Final = {"": "Every state", **DELIVERIES}
_DEAD_SHOWN: Final = 20
_HEIGHT: Final = 520


def channel_names() -> list[str]:
    """The names to choose from; empty text for all.

    Raises:
        ApiError: The API does not say which channels there are.
    """
    return ["", *(channel.name for channel in client().ask(channels()).channels)]


def draw_notifications(state: AlertsState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say which messages there are.
    """
    questions = [
        notifications(channel=state.channel, state=state.delivery),
        notifications(channel=state.channel, state="abandoned"),
    ]
    of = (state.channel, state.delivery)
    with waiting("alerts", "notifications", height=_HEIGHT, words="Asking the monitoring API …", of=of):
        answer, given_up = client().ask_all(questions)
    if isinstance(answer, ApiError):
        raise answer
    if isinstance(given_up, ApiError):
        raise given_up
    dead = given_up.notifications
    if dead:
        _dead_letters(dead, state)
    if not answer.notifications:
        no_messages(filtered=bool(state.channel or state.delivery))
        return
    zone = zone_of(state.zone)
    rows = [
        (
            f"{one.created_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            one_line(one.channel, 60),
            one_line(one.status, 20),
            one_line(one.headline, 160),
            "given up" if one.state == "abandoned" else one_line(one.state, 20),
            one.attempts,
            one_line(one.reason, 20),
            one_line(one.detail or "", 200),
        )
        for one in answer.notifications
    ]
    columns = ["Written", "Channel", "Says", "About", "Delivery", "Attempts", "Because", "The receiver said"]
    table = pd.DataFrame(rows, columns=columns)
    event = st.dataframe(
        table,
        hide_index=True,
        # A new message moves all others down: what was ticked by its place is no longer what it was.
        key=f"alerts.notifications.{answer.notifications[0].id}",
        on_select="rerun",
        selection_mode="single-row",
        alt="Messages, the newest first; tick one for the way to its alerts",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ticked = list(event.selection.rows) if event else []
        titles = [f"{row[0]} · {row[1]} · {row[3]}" for row in rows]
        link_alerts(pick_message(answer.notifications, titles, ticked[0] if ticked else None), state)
    newest = f" Shown are the newest {MOST_NOTIFICATIONS}." if answer.next_cursor is not None else ""
    st.caption(f"Times are {zone_name(zone, now)}. Tick a row for its alerts.{newest}")


def _dead_letters(dead: tuple[Notification, ...], state: AlertsState) -> None:
    allowed = may_operate()
    with st.container(border=True):
        st.markdown(f":red[:material/report: **{len(dead)} given up**]")
        for one in dead[:_DEAD_SHOWN]:
            text, button = st.columns([6, 1], vertical_alignment="center")
            why = f"  \n:gray[{plain(one.detail, 300)}]" if one.detail else ""
            with text:
                st.markdown(f"**{plain(one.channel, 60)}** · {plain(one.headline, 200)}{why}")
                with st.container(horizontal=True, vertical_alignment="center"):
                    link_alerts(one, state)
            if allowed:
                if button.button("Send again …", key=f"alerts.resend.{one.id}", width="stretch"):
                    want(f"alerts.resend.{one.id}", one.id)
                _resend(one)
        if len(dead) > _DEAD_SHOWN:
            st.caption(f"{len(dead) - _DEAD_SHOWN} more are not shown.")
        if not allowed:
            hint_for_viewers()


def _resend(one: Notification) -> None:
    key = f"alerts.resend.{one.id}"
    what = (
        f"The message goes to {plain(one.channel, 60)} again, with later ones of its conversation that were given up."
    )
    if not wanted(key) or not confirm(key, what, "Yes, send it again"):
        return
    answer = do(resend(one.id))
    if answer is not None:
        settle(key)
        others = len(answer.resent) - 1
        with_others = f", with {others} later ones of its conversation" if others > 0 else ""
        say(f"It waits to be sent again{with_others}.")
        st.rerun()
