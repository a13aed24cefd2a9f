"""`sightglass silences`: make, list and end silences."""

import json
import time
from datetime import UTC, datetime

import click

from services.monitoring_api.configuration.duration import parse_duration
from services.monitoring_api.configuration.instant import rfc3339
from services.monitoring_api.notify.silences import (
    InvalidSilenceError,
    SilenceState,
    UnknownSilenceError,
    create_silence,
    expire_silence,
    list_silences,
)
from services.monitoring_api.queries.timerange import NANOSECONDS, parse_time
from services.monitoring_api.worker.commands.opened_store import store_transaction
from services.web.access.audit import local_actor
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from services.web.problems import Problem
from sightglass.process_settings import read_settings

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def silences() -> None:
    """Silence alerts for a time, and see who does."""


@silences.command("add")
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "lasting", help="How long, like 2h; counts from --from.")
@click.option("--until", help="The end instead: RFC 3339 or epoch seconds.")
@click.option("--from", "start", help="The start, when it is not now: RFC 3339 or epoch seconds.")
@click.option("--comment", required=True, help="Why; others will read it.")
@click.option("--author", help="Who; by default you, as the system knows you.")
@_json
def add_silence(
    matchers: tuple[str, ...],
    *,
    lasting: str | None,
    until: str | None,
    start: str | None,
    comment: str,
    author: str | None,
    as_json: bool,
) -> None:
    """Tell nobody of alerts that meet all MATCHERS, like 'severity=~page|ticket' 'team!=payments'.

    What was told of before still tells its end. An alert that fires on after the silence is told then.
    """
    now = time.time()
    starts_at = _time(start, "--from", now) if start else now
    if (lasting is None) is (until is None):
        raise click.UsageError("give --for or --until, not both")
    ends_at = _time(until, "--until", now) if until else starts_at + _lasting(lasting or "")
    with audited(read_settings(AccessSettings), "silence.create", " ".join(matchers)):
        try:
            with store_transaction(writes=True) as connection:
                made = create_silence(
                    connection,
                    matchers,
                    starts_at=starts_at,
                    ends_at=ends_at,
                    author=author or local_actor(),
                    comment=comment,
                    now=now,
                )
        except InvalidSilenceError as error:
            raise click.ClickException(str(error)) from None
    click.echo(json.dumps(made.document(now), indent=1) if as_json else f"Made the {made}")


@silences.command("list")
@click.option(
    "--state",
    type=click.Choice([*(str(one) for one in SilenceState), "all"]),
    help="Only those in this state; by default those that are not over.",
)
@_json
def list_all(state: str | None, *, as_json: bool) -> None:
    """List silences, those that end first first."""
    now = time.time()
    with store_transaction() as connection:
        found = list_silences(connection, now=now)
    if state is None:
        found = [one for one in found if one.state(now) is not SilenceState.EXPIRED]
    elif state != "all":
        found = [one for one in found if one.state(now) == state]
    if as_json:
        click.echo(json.dumps([one.document(now) for one in found], indent=1))
        return
    for one in found:
        click.echo(
            f"{one.id}  {one.state(now)}  {rfc3339(one.starts_at)} to {rfc3339(one.ends_at)}  "
            f"{', '.join(str(matcher) for matcher in one.matchers)}  {one.author}: {one.comment}"
        )
    if not found:
        click.echo("There is no such silence.")


@silences.command("expire")
@click.argument("silence_id")
@_json
def end_silence(silence_id: str, *, as_json: bool) -> None:
    """End a silence now; what it held back and still fires is told within seconds."""
    now = time.time()
    with audited(read_settings(AccessSettings), "silence.expire", silence_id):
        try:
            with store_transaction(writes=True) as connection:
                ended = expire_silence(connection, silence_id, by=local_actor(), now=now)
        except UnknownSilenceError as error:
            raise click.ClickException(str(error)) from None
    click.echo(json.dumps(ended.document(now), indent=1) if as_json else f"Over: {ended}")


def _time(text: str, option: str, now: float) -> float:
    try:
        return parse_time(text, now=datetime.fromtimestamp(now, UTC), field=option) / NANOSECONDS
    except Problem as error:
        raise click.UsageError(f"{option}: {error.detail}") from None


def _lasting(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--for: {error}") from None
