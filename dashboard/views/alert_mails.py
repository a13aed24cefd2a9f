"""The demo's mails, as their receiver would see them; what they hold can't act."""

import html
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.alert_answers import Mail
from dashboard.alert_questions import mails
from dashboard.mail_links import links_of
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import plain
from dashboard.session import client
from dashboard.states.alerts import AlertsState
from dashboard.time_range import age, zone_of
from dashboard.views.waiting import waiting

_FRAME_HEIGHT: Final = 560
# Beside the page's own policy, which a frame within it inherits.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def draw_mails(state: AlertsState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say which mails there are.
    """
    with waiting("alerts", "mails", height=_FRAME_HEIGHT):
        found = client().ask(mails()).mails
    if not found:
        st.info(
            "No mail was taken. The demo's own mail server keeps mails here, so that an alert's mail can be seen "
            "without an account. `make demo` starts it, and sends one test mail at its first start; "
            "`sightglass channels test demo-mail` sends another, as Test in the section Channels does.",
            icon=":material/mail:",
        )
    for place, mail in enumerate(found):
        _mail(mail, state, now, place)


def frame_of(page: str) -> str:
    """A page that shows somebody else's page in a frame where nothing runs, submits, loads or leads anywhere.

    The inner frame has an empty `sandbox`: no scripts, no forms, no navigation of others, and an origin of its own.
    """
    return (
        f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">'
        f'<style>body{{margin:0}}</style><iframe sandbox title="The mail" srcdoc="{html.escape(page)}" '
        f'style="border:0;width:100%;height:{_FRAME_HEIGHT - 10}px;background:#fff"></iframe>'
    )


def _mail(mail: Mail, state: AlertsState, now: datetime, place: int) -> None:
    received = mail.received_at.astimezone(zone_of(state.zone))
    title = f"{plain(mail.subject or '(no subject)', 200)} · {age(mail.received_at, now)} ago"
    with st.expander(title, expanded=place == 0):
        st.caption(
            f"{received:%Y-%m-%d %H:%M:%S}, from {plain(mail.sender or '–', 200)} to {plain(mail.to or '–', 300)}"
        )
        _links(mail)
        as_page = bool(mail.html) and st.toggle("As a page", key=f"alerts.mail.{mail.id}", value=place == 0)
        if as_page:
            st.iframe(frame_of(mail.html), height=_FRAME_HEIGHT, alt="The mail as a mail program shows it")
        else:
            st.code(mail.text or "(no text)", language=None, wrap_lines=True)


def _links(mail: Mail) -> None:
    """The mail's links, for within the frame none can be followed; one that leads elsewhere is only told."""
    found = links_of(mail.html, mail.text)
    with st.container(horizontal=True, vertical_alignment="center"):
        for link in found:
            if has_page(link.page):
                icon = ":material/arrow_forward:"
                page_link(link.page, plain(link.label, 60), link.query, icon=icon, icon_position="left")
    for link in found:
        if not has_page(link.page):
            st.caption(f"{plain(link.label, 60)}: {plain(link.url, 300)}")
