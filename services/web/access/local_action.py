"""Around what is done at the command line: it stands in the audit log, also when it failed."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from services.web.access.audit import COMMAND_LINE, Action, AuditError, AuditLog, local_actor
from services.web.access.settings import AccessSettings


@contextmanager
def audited(settings: AccessSettings, name: str, target: str | None) -> Iterator[None]:
    """Write down what happens inside; nothing happens where it can't be written down.

    Args:
        settings: Where the audit log is.
        name: What the action is called.
        target: What it is done to.

    Raises:
        click.ClickException: The log can't be written.
    """
    log = AuditLog(settings.audit_folder(), COMMAND_LINE)
    try:
        log.check()
    except AuditError as error:
        raise click.ClickException(f"{error} Nothing was done.") from None
    try:
        yield
    except BaseException:
        _record(log, Action(name, target, local_actor(), "failed"))
        raise
    _record(log, Action(name, target, local_actor(), "ok"))


def _record(log: AuditLog, action: Action) -> None:
    try:
        log.record(action)
    except AuditError as error:
        click.echo(f"{error} What was done stands nowhere.", err=True)
