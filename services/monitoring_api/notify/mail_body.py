"""What a mail says: the same words as text and as HTML, in which no label or annotation is markup."""

import html
from collections.abc import Mapping, Sequence

from services.monitoring_api.notify.appearance import alert_colour, colour
from services.monitoring_api.notify.notification import AlertPart, Notification
from services.monitoring_api.notify.picture import SHOWN_HEIGHT, SHOWN_WIDTH
from services.monitoring_api.notify.plain_text import (
    alert_facts,
    alert_title,
    cut,
    left_out,
    message_facts,
    one_line,
    title,
)

MOST_ALERTS = 50
MOST_LINES = 500
_LINE_CHARACTERS = 2_000


def text_body(notification: Notification) -> str:
    """The message as text."""
    lines = [title(notification), "", *_lines(message_facts(notification))]
    shown = notification.alerts[:MOST_ALERTS]
    for alert in shown:
        if len(notification.alerts) > 1:
            lines += ["", alert_title(alert)]
        lines += _lines(alert_facts(alert))
        for name, text in _notes(alert):
            lines += ["", f"{one_line(name, 200)}:", cut(text, _LINE_CHARACTERS)]
        others = [link for link in _links(alert) if link[1] not in {"", notification.url}]
        lines += _lines(others)
    lines += [one_line(line, 200) for line in notification.digest[:MOST_LINES]]
    if more := left_out(notification, len(shown)):
        lines += ["", more]
    if notification.url:
        lines += ["", one_line(notification.url, _LINE_CHARACTERS)]
    return "\n".join(lines) + "\n"


def html_body(notification: Notification, pictures: Mapping[str, str]) -> str:
    """The message as a page.

    Args:
        notification: The message.
        pictures: By fingerprint, the content id of the picture of an alert's metric.
    """
    shown = notification.alerts[:MOST_ALERTS]
    parts = [_table(message_facts(notification))]
    for alert in shown:
        if len(notification.alerts) > 1:
            parts.append(f"<h3 style='color:{alert_colour(alert)}'>{html.escape(alert_title(alert))}</h3>")
        parts += [_table(alert_facts(alert)), _picture(alert, pictures.get(alert.fingerprint))]
        parts += [
            f"<p><b>{html.escape(one_line(name, 200))}</b><br>"
            f"{html.escape(cut(text, _LINE_CHARACTERS)).replace(chr(10), '<br>')}</p>"
            for name, text in _notes(alert)
        ]
        parts.append(_anchors(_links(alert)))
    parts += [f"<p>{html.escape(one_line(line, 200))}</p>" for line in notification.digest[:MOST_LINES]]
    if more := left_out(notification, len(shown)):
        parts.append(f"<p>{more}</p>")
    if notification.url not in {alert.url for alert in shown}:
        parts.append(_anchors([("Open the dashboard", notification.url)]))
    return (
        "<!DOCTYPE html><html><body style='font-family:sans-serif'>"
        f"<h2 style='color:{colour(notification)}'>{html.escape(title(notification))}</h2>"
        f"{''.join(parts)}</body></html>\n"
    )


def _lines(facts: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name}: {one_line(text, _LINE_CHARACTERS)}" for name, text in facts]


def _notes(alert: AlertPart) -> list[tuple[str, str]]:
    return [(name, text) for name, text in alert.annotations.items() if name != "summary"]


def _links(alert: AlertPart) -> list[tuple[str, str]]:
    return [("Open the dashboard", alert.url), ("Runbook", alert.runbook_url), ("Silence", alert.silence_url)]


def _table(facts: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f"<tr><th align='left' valign='top'>{html.escape(name)}</th>"
        f"<td>{html.escape(one_line(text, _LINE_CHARACTERS))}</td></tr>"
        for name, text in facts
    )
    return f"<table cellpadding='4'>{rows}</table>" if rows else ""


def _picture(alert: AlertPart, content_id: str | None) -> str:
    if content_id is None:
        return ""
    described = html.escape(one_line(f"{alert.metric or 'the metric'} around the event", 200))
    return f"<p><img src='cid:{content_id}' width='{SHOWN_WIDTH}' height='{SHOWN_HEIGHT}' alt='{described}'></p>"


def _anchors(links: Sequence[tuple[str, str]]) -> str:
    # A link of another scheme (javascript:) would act when it is clicked.
    found = [
        f"<a href='{html.escape(url)}'>{html.escape(text)}</a>"
        for text, url in links
        if url.startswith(("https://", "http://"))
    ]
    return f"<p>{' &middot; '.join(found)}</p>" if found else ""
