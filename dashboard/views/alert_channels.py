"""Channels: whether messages get through, and a button that proves it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.alert_answers import Channel, ChannelVerdict
from dashboard.alert_questions import channels, test_channel
from dashboard.plain_text import plain
from dashboard.session import client
from dashboard.states.alerts import AlertsState
from dashboard.time_range import age
from dashboard.views.alert_list import Colour
from dashboard.views.operating import confirm, do, hint_for_viewers, may_operate, settle, want, wanted
from dashboard.views.waiting import waiting

_LOOKS: Final[Mapping[str, tuple[str, Colour]]] = {
    "delivering": ("gets through", "green"),
    "waiting": ("waiting", "orange"),
    "failing": ("failing", "red"),
    "idle": ("never used", "gray"),
}
_HEIGHT: Final = 420


def draw_channels(state: AlertsState, now: datetime) -> None:  # noqa: ARG001  # sections are called alike
    """Draw the section.

    Raises:
        ApiError: The API does not say which channels there are.
    """
    with waiting("alerts", "channels", height=_HEIGHT):
        known = client().ask(channels())
    allowed = may_operate()
    if known.error:
        st.warning(f"The notifications file is wrong: {plain(known.error, 900)}", icon=":material/error:")
    if not known.channels and not known.error:
        st.info("There is no channel: nobody is told of any alert. docs/guides/notifications.md shows how to add one.")
    for channel in known.channels:
        _channel(channel, now, allowed=allowed)
    if known.channels and not allowed:
        hint_for_viewers()


def _channel(channel: Channel, now: datetime, *, allowed: bool) -> None:
    with st.container(border=True):
        text, button = st.columns([6, 1], vertical_alignment="center")
        with text:
            word, colour = _LOOKS.get(channel.state, (channel.state, "gray"))
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(channel.name, 100)}** :gray[{plain(channel.type, 30)}]", width="content")
                st.badge(plain(word, 30), color=colour)
            st.markdown(plain(channel.target or "It is no longer in the notifications file.", 300))
            st.caption(_figures(channel, now))
            if channel.missing:
                st.markdown(f":orange[:material/key_off: {plain(channel.missing, 300)}]")
            if channel.reason:
                since = f" for {age(channel.failing_since, now)}" if channel.failing_since else ""
                st.markdown(f":red[Failing{since}: {plain(channel.reason, 400)}]")
        kept, key = f"alerts.verdict.{channel.name}", f"alerts.test.{channel.name}"
        if allowed and channel.target:
            if button.button("Test …", key=key, width="stretch"):
                want(key, channel.name)
            if wanted(key) and confirm(key, _tested(channel), "Yes, send it"):
                verdict = do(test_channel(channel.name))
                if verdict is not None:
                    settle(key)
                    st.session_state[kept] = verdict
                    st.rerun()
        if kept in st.session_state:
            _verdict(st.session_state[kept])


def _tested(channel: Channel) -> str:
    return f"A real test message goes to {plain(channel.target, 300)}; whoever listens there is told."


def _figures(channel: Channel, now: datetime) -> str:
    last = channel.last_delivered_at
    delivered = f"last delivered {age(last, now)} ago" if last else "nothing was ever delivered"
    parts = [delivered, f"{channel.waiting} wait" if channel.waiting else "nothing waits"]
    if channel.abandoned:
        parts.append(f"{channel.abandoned} given up")
    return ", ".join(parts).capitalize() + "."


def _verdict(verdict: ChannelVerdict) -> None:
    detail = plain(verdict.detail, 600)
    if verdict.delivered:
        st.success(f"A test message was delivered: {detail}", icon=":material/check:")
        return
    remedy = f"  \n**What to do:** {plain(verdict.remedy, 600)}" if verdict.remedy else ""
    st.error(f"The test message was not delivered: {detail}{remedy}", icon=":material/error:")
