"""`sightglass tokens`: who may use the APIs, and for what."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from pydantic import ValidationError

from services.web.access.durations import DURATION
from services.web.access.local_action import audited
from services.web.access.register import RegisterError, create_token, revoke_tokens, rotate_token
from services.web.access.scopes import ROLE_SCOPES, Role, Scope
from services.web.access.settings import AccessSettings
from services.web.access.token_file import TokenFile, TokenFileError, moment
from services.web.access.tokens import TOKEN_LOOK, Token, split

_AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _named(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A name or id; of a whole token only its id, for the audit log and messages show what was given."""
    if (parts := split(value)) is not None:
        return parts[0]
    if TOKEN_LOOK.search(value.encode(errors="replace")):
        raise click.BadParameter("this looks like a damaged token; give its name or id.")
    return value


@click.group("tokens")
def tokens() -> None:
    """Make, replace and end the tokens that the APIs ask for."""


@tokens.command("create")
@click.argument("name", callback=_named)
@click.option("--role", type=click.Choice([str(role) for role in Role]), help="What its holder is.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([str(scope) for scope in Scope]),
    multiple=True,
    help="What it may be used for, instead of a role; repeatable.",
)
@click.option("--expires", type=DURATION, help="How long it is good, say 90d; without it, until it is revoked.")
@click.option("--delegate", is_flag=True, help="Its holder may act on behalf of users, as the dashboard does.")
@_AS_JSON
def create_command(
    name: str, role: str | None, scopes: tuple[str, ...], expires: timedelta | None, *, delegate: bool, as_json: bool
) -> None:
    """Make a token for NAME and print it, once: only its hash is kept."""
    if (role is None) == (not scopes):
        raise click.UsageError("Say what it is for: either --role, or --scope once or more.")
    allowed = ROLE_SCOPES[Role(role)] if role is not None else frozenset(Scope(scope) for scope in scopes)
    settings, now = _settings(), datetime.now(UTC)
    with audited(settings, "token.create", name), _errors_for_people():
        token, text = create_token(
            TokenFile(settings.tokens_path()),
            name,
            scopes=allowed,
            delegate=delegate,
            now=now,
            expires_at=None if expires is None else now + expires,
        )
    _show_new(token, text, now, as_json=as_json)


@tokens.command("rotate")
@click.argument("name", callback=_named)
@click.option(
    "--overlap", type=DURATION, default="24h", show_default=True, help="How long the token before stays good."
)
@click.option(
    "--expires", type=DURATION, help="How long the new one is good; by default as long as the one before was."
)
@_AS_JSON
def rotate_command(name: str, overlap: timedelta, expires: timedelta | None, *, as_json: bool) -> None:
    """Make a second token for NAME, print it, and let the one before end after the overlap."""
    settings, now = _settings(), datetime.now(UTC)
    with audited(settings, "token.rotate", name), _errors_for_people():
        token, text, ended = rotate_token(
            TokenFile(settings.tokens_path()), name, overlap=overlap, now=now, lifetime=expires
        )
    _show_new(token, text, now, as_json=as_json, ended=ended)


@tokens.command("list")
@_AS_JSON
def list_command(*, as_json: bool) -> None:
    """Every token with its scopes and whether it is good; never its text, which nothing keeps."""
    settings, now = _settings(), datetime.now(UTC)
    with _errors_for_people():
        found = TokenFile(settings.tokens_path()).read()
    if as_json:
        click.echo(json.dumps({"tokens": [_described(token, now) for token in found]}))
    elif not found:
        click.echo(f"No token in {settings.tokens_path()}: `sightglass tokens create NAME --role viewer` makes one.")
    else:
        click.echo(f"{'id':12}  {'name':24}  {'state':8}  {'expires':24}  scopes")
        for token in found:
            shown = _described(token, now)
            scopes = ", ".join(shown["scopes"]) + (" (delegate)" if token.delegate else "")
            click.echo(
                f"{token.id}  {token.name:24}  {shown['state']:8}  {shown['expires_at'] or 'never':24}  {scopes}"
            )


@tokens.command("revoke")
@click.argument("name_or_id", callback=_named)
@_AS_JSON
def revoke_command(name_or_id: str, *, as_json: bool) -> None:
    """End every token named NAME_OR_ID, or the one with that id; all processes refuse it within 5 seconds."""
    settings, now = _settings(), datetime.now(UTC)
    with audited(settings, "token.revoke", name_or_id), _errors_for_people():
        ended, before = revoke_tokens(TokenFile(settings.tokens_path()), name_or_id, now)
    if as_json:
        click.echo(json.dumps({"revoked": [_described(token, now) for token in (*ended, *before)]}))
        return
    for token in ended:
        click.echo(f"{token.id} {token.name}: revoked")
    for token in before:
        click.echo(f"{token.id} {token.name}: was revoked already, at {moment(token.revoked_at)}")


def _settings() -> AccessSettings:
    try:
        return AccessSettings()
    except ValidationError as error:
        problems = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors(include_input=False))
        raise click.ClickException(f"{problems}. `sightglass settings` lists every setting.") from None


@contextmanager
def _errors_for_people() -> Iterator[None]:
    try:
        yield
    except (RegisterError, TokenFileError) as error:
        raise click.ClickException(str(error)) from None


def _described(token: Token, now: datetime) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "state": token.refusal(now) or "good",
        "scopes": sorted(token.scopes),
        "delegate": token.delegate,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at),
        "revoked_at": moment(token.revoked_at),
    }


def _show_new(token: Token, text: str, now: datetime, *, as_json: bool, ended: list[Token] | None = None) -> None:
    if as_json:
        shown = {**_described(token, now), "token": text}
        if ended is not None:
            shown["replaces"] = [_described(each, now) for each in ended]
        click.echo(json.dumps(shown))
        return
    click.echo(text)
    # On standard error, so that the token alone can be sent into a file.
    allows = ", ".join(sorted(token.scopes))
    click.echo(
        f"{token.name} ({token.id}): {allows}; expires {moment(token.expires_at) or 'never'}. It is shown only now.",
        err=True,
    )
    for each in ended or ():
        click.echo(f"{each.id}, the token before, is good until {moment(each.expires_at)}.", err=True)


commands: list[click.Command] = [tokens]
