"""Silences: those that hold, making one, and ending one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.alert_answers import Silence
from dashboard.alert_questions import create_silence, expire_silence, silences
from dashboard.answers import Alerts
from dashboard.api_client import alerts
from dashboard.plain_text import plain
from dashboard.session import client
from dashboard.states.alerts import AlertsState
from dashboard.time_range import age, zone_name, zone_of
from dashboard.views.alert_list import Colour
from dashboard.views.operating import confirm, do, hint_for_viewers, may_operate, say, settle, want, wanted
from dashboard.views.waiting import waiting

DURATIONS: Final = {
    "30m": "30 minutes",
    "1h": "1 hour",
    "2h": "2 hours",
    "4h": "4 hours",
    "8h": "8 hours",
    "1d": "1 day",
    "3d": "3 days",
    "1w": "1 week",
    "4w": "4 weeks",
}
_COLOURS: Final[Mapping[str, Colour]] = {"active": "blue", "pending": "orange"}
_EXPIRED_SHOWN: Final = 20
_HEIGHT: Final = 420


def draw_silences(state: AlertsState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say which silences there are.
    """
    with waiting("alerts", "silences", height=_HEIGHT):
        found = client().ask(silences()).silences
    allowed = may_operate()
    live = [one for one in found if one.state != "expired"]
    for one in live:
        _row(one, state, now, allowed=allowed)
    if not live:
        st.info("Nothing is silenced.", icon=":material/notifications_active:")
    with st.container(border=True):
        if allowed:
            silence_form([], key="new")
        else:
            hint_for_viewers()
    over = [one for one in found if one.state == "expired"]
    if over:
        with st.expander(f"{len(over)} expired"):
            for one in over[:_EXPIRED_SHOWN]:
                st.markdown(_in_words(one, state, now))


def silence_form(matchers: Sequence[str], *, key: str) -> None:
    """Draw the form that makes a silence; it is made once what it holds back was seen and confirmed.

    Args:
        matchers: what stands in the form first, one a line.
        key: whose form it is.
    """
    asked = f"alerts.silence.{key}"
    with st.form(asked):
        st.markdown("Silence: for a time nobody is told of alerts that meet all of these.")
        lines = st.text_area(
            "Matchers, one a line",
            "\n".join(matchers),
            key=f"{asked}.matchers",
            help="A label, one of = != =~ !~, and a value: `severity=~page|ticket`. Expressions match the whole value.",
        )
        duration = st.selectbox(
            "For", list(DURATIONS), index=2, format_func=lambda name: DURATIONS[name], key=f"{asked}.duration"
        )
        comment = st.text_input("Comment", key=f"{asked}.comment", max_chars=2_000, placeholder="Why?")
        if st.form_submit_button("Silence …", icon=":material/notifications_paused:"):
            want(asked, (tuple(line.strip() for line in lines.splitlines() if line.strip()), str(duration), comment))
    if wanted(asked) is not None:
        _confirm(asked)


def _confirm(asked: str) -> None:
    matchers, duration, comment = wanted(asked)
    shown = ", ".join(plain(text, 200) for text in matchers) or "nothing"
    what = f"For **{DURATIONS[duration]}** nobody is told of alerts with {shown}."
    if confirm(asked, what, "Yes, silence"):
        made = do(create_silence(matchers, duration, comment))
        if made is not None:
            settle(asked)
            held = len(made.alerts)
            say(f"Silenced for {DURATIONS[duration]}; it holds back {held} alert{'s' if held != 1 else ''} now.")
            st.rerun()


def _row(one: Silence, state: AlertsState, now: datetime, *, allowed: bool) -> None:
    with st.container(border=True):
        text, button = st.columns([6, 1], vertical_alignment="center")
        with text:
            st.badge(plain(one.state, 20), color=_COLOURS.get(one.state, "gray"))
            st.markdown(_in_words(one, state, now))
            if one.alerts:
                st.caption(f"Holds back now: {_names(one)}")
        key = f"alerts.expire.{one.id}"
        if allowed and button.button("End now …", key=key, width="stretch"):
            want(key, one.id)
        if not allowed or not wanted(key):
            return
        held = f" of the {len(one.alerts)} it holds back now" if one.alerts else " of what it would hold back"
        if confirm(key, f"The silence ends at once: people are told{held} again.", "Yes, end it"):
            ended = do(expire_silence(one.id))
            if ended is not None:
                settle(key)
                say(f"The silence of {plain(one.author, 80)} has ended.")
                st.rerun()


def _in_words(one: Silence, state: AlertsState, now: datetime) -> str:
    zone = zone_of(state.zone)
    matchers = ", ".join(plain(text, 200) for text in one.matchers)
    ends = one.ends_at.astimezone(zone)
    past = one.ends_at <= now
    when = f"{'ended' if past else 'until'} {ends:%d %b %Y %H:%M} ({zone_name(zone, ends)})"
    left = f", {age(now, one.ends_at)} left" if not past else ""
    by = f" by {plain(one.ended_by, 80)}" if one.ended_by else ""
    return f"**{matchers}**  \n{plain(one.author, 80)}: {plain(one.comment, 600)}  \n:gray[{when}{by}{left}]"


def _names(one: Silence) -> str:
    known: Alerts = client().ask(alerts())
    rules = {alert.fingerprint: alert.rule for alert in known.alerts}
    counted = [plain(rules.get(fingerprint, fingerprint), 60) for fingerprint in one.alerts]
    more = f" and {len(counted) - 10} more" if len(counted) > 10 else ""  # noqa: PLR2004 - a line of names
    return ", ".join(counted[:10]) + more
