"""`sightglass notifications`: every message there was, and sending again what was given up."""

import json
import time
from typing import Any

import click

from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.history import (
    Message,
    MessageFilter,
    MessageState,
    NotResendableError,
    UnknownMessageError,
    dead_letters,
    list_messages,
    resend,
)
from services.monitoring_api.notify.plain_text import one_line, title
from services.monitoring_api.worker.commands.opened_store import store_transaction
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from sightglass.process_settings import read_settings

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def notifications() -> None:
    """See every message, what became of it, and send again what was given up."""


@notifications.command("list")
@click.option("--state", type=click.Choice([str(one) for one in MessageState]), help="Only messages in this state.")
@click.option("--channel", help="Only those of this channel.")
@click.option("--alert", "fingerprint", help="Only those about the alert of this fingerprint.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="How many at most.")
@click.option("--cursor", type=int, help="Where the page begins: what the page before said.")
@_json
def list_all(
    state: str | None, channel: str | None, fingerprint: str | None, limit: int, cursor: int | None, *, as_json: bool
) -> None:
    """List messages, the newest first. `dead` were given up, `folded` wait within a digest."""
    wanted = MessageFilter(
        channel=channel, state=None if state is None else MessageState(state), fingerprint=fingerprint
    )
    with store_transaction() as connection:
        page = list_messages(connection, wanted, limit=limit, cursor=cursor)
    if as_json:
        click.echo(json.dumps({"messages": [_shown(one) for one in page.messages], "cursor": page.cursor}, indent=1))
        return
    for one in page.messages:
        said = f"  ({one_line(one.detail, 200)})" if one.detail else ""
        notification = one.notification
        click.echo(f"{one.id}  {rfc3339(notification.created_at)}  {notification.channel}  {one.state}{said}")
        click.echo(f"    {title(notification)}")
    if not page.messages:
        click.echo("There is no such message.")
    if page.cursor is not None:
        click.echo(f"There are older ones: --cursor {page.cursor}")


@notifications.command("resend")
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.option("--channel", help="With --all: only those of this channel.")
@_json
def send_again(numbers: tuple[int, ...], channel: str | None, *, everything: bool, as_json: bool) -> None:
    """Send messages after all that were given up, by their NUMBERS, and later ones of the same incident with them."""
    if bool(numbers) is everything or (channel is not None and not everything):
        raise click.UsageError("give the numbers of messages, or --all, with or without --channel")
    named = ", ".join(str(one) for one in numbers) or f"all of {channel or 'every channel'}"
    again: list[int] = []
    refused: dict[int, str] = {}
    with audited(read_settings(AccessSettings), "notification.resend", named):
        with store_transaction(writes=True) as connection:
            for number in dead_letters(connection, channel) if everything else numbers:
                if number in again:
                    continue
                try:
                    again += resend(connection, number, now=time.time())
                except (UnknownMessageError, NotResendableError) as error:
                    refused[number] = str(error)
        if refused and not everything:
            _report(again, refused, as_json=as_json)
            raise SystemExit(1)
    _report(again, refused, as_json=as_json)


def _report(again: list[int], refused: dict[int, str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"resent": again, "refused": refused}))
        return
    click.echo(
        f"{len(again)} wait again: {', '.join(str(one) for one in again)}" if again else "Nothing is sent again."
    )
    for why in refused.values():
        click.echo(f"Not sent: {why}", err=True)


def _shown(message: Message) -> dict[str, Any]:
    notification = message.notification
    return {
        "id": message.id,
        "state": str(message.state),
        "channel": notification.channel,
        "status": str(notification.status),
        "reason": notification.reason,
        "headline": title(notification),
        "group_key": notification.group_key,
        "incident": notification.incident,
        "idempotency_key": notification.idempotency_key,
        "alerts": [alert.fingerprint for alert in notification.alerts],
        "created_at": rfc3339(notification.created_at),
        "attempts": message.attempts,
        "next_attempt_at": rfc3339(message.next_attempt_at),
        "delivered_at": rfc3339(message.delivered_at),
        "abandoned_at": rfc3339(message.abandoned_at),
        "resent_at": rfc3339(message.resent_at),
        "folded_into": message.folded_into,
        "detail": message.detail,
    }
