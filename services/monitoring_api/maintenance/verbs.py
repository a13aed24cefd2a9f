"""`sightglass rollups`: compute a range's rollups anew, or hold them against what they are made of."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.maintenance.comparisons import COMPARISONS
from services.monitoring_api.maintenance.outcome_comparisons import OUTCOME_COMPARISONS
from services.monitoring_api.maintenance.rebuild import rebuild, rebuildings
from services.monitoring_api.maintenance.settings import MaintenanceSettings
from services.monitoring_api.maintenance.verify import Difference, comparable, days, verify
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, parse_range, rfc3339
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from services.web.problems import Problem
from sightglass.process_settings import read_settings

Made = TypeVar("Made")
_MOST_SHOWN = 20

_from = click.option("--from", "start", default="now-24h", show_default=True, help="RFC 3339, epoch seconds, now-7d.")
_to = click.option("--to", "end", default="now", show_default=True, help="The first moment after the range.")
_json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.group()
def rollups() -> None:
    """Compute rollups anew, or verify them."""


@rollups.command("rebuild")
@_from
@_to
@_json
def rebuild_range(start: str, end: str, *, as_json: bool) -> None:
    """Compute every minute of a range anew from raw rows; safe while data arrives, and to repeat."""
    settings = read_settings(MaintenanceSettings)
    now = datetime.now(UTC)
    span = _span(start, end, now)
    with audited(read_settings(AccessSettings), "rollups.rebuild", f"{rfc3339(span.start_ns)}/{rfc3339(span.end_ns)}"):
        outcome = _run(settings, lambda database: _rebuild(database, settings, span, now, bar=not as_json))
    if as_json:
        click.echo(json.dumps(outcome))
        return
    for name, each in outcome.items():
        done = f"{each['minutes']:,} minutes, {each['quarters']:,} quarters of an hour, {each['days']:,} days"
        click.echo(f"{name}: {done} computed")
        if each["from"] != rfc3339(span.start_ns):
            click.echo(f"  from {each['from']} on: rows before are not whole any more, and their rollup stays")


@rollups.command("verify")
@_from
@_to
@_json
def verify_range(start: str, end: str, *, as_json: bool) -> None:
    """Compare every rollup with what it is made of; exit code 0 only if all agree."""
    settings = read_settings(MaintenanceSettings)
    now = datetime.now(UTC)
    span = _span(start, end, now)
    outcome = _run(settings, lambda database: _verify(database, settings, span, now, bar=not as_json))
    differences = outcome["differences"]
    if as_json:
        click.echo(json.dumps(outcome))
    else:
        click.echo(f"{outcome['compared']:,} buckets agree or differ, {outcome['dirty']:,} are being computed anyway")
        for each in differences[:_MOST_SHOWN]:
            click.echo(f"{each['tier']} {each['at']}: {each['said']}")
        if differences:
            click.echo(f"{len(differences):,} differ; `sightglass rollups rebuild` computes them anew.", err=True)
    if differences:
        raise SystemExit(1)


def _span(start: str, end: str, now: datetime) -> TimeRange:
    try:
        return parse_range(start, end, now=now)
    except Problem as problem:
        flags = ", ".join(f"--{error.field}" for error in problem.errors)
        wrong = ", ".join(error.message for error in problem.errors)
        raise click.BadParameter(wrong or problem.detail, param_hint=flags or None) from None


def _run(settings: MaintenanceSettings, work: Callable[[ClickHouseDatabase], Coroutine[Any, Any, Made]]) -> Made:
    async def connected() -> Made:
        database = ClickHouseDatabase(settings.connection("sightglass-rollups"))
        try:
            return await work(database)
        finally:
            await database.close()

    # What the driver logs is also raised, and said once.
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(connected())
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
    finally:
        logging.disable(logging.NOTSET)


async def _rebuild(
    database: ClickHouseDatabase, settings: MaintenanceSettings, span: TimeRange, now: datetime, *, bar: bool
) -> dict[str, dict[str, Any]]:
    kept = timedelta(days=settings.minute_days)
    outcome = {}
    with _progress(visible=bar) as shown:
        for what in rebuildings(settings.span_days, settings.predictions_retention_days):
            name = what.minutes.kinds[0]
            left = partial(_show_left, shown, shown.add_task(name, total=None))
            done = await rebuild(database, what, span, now=now, kept=kept, progress=left)
            outcome[name] = {
                "minutes": done.minutes,
                "quarters": done.quarters,
                "days": done.days,
                "from": rfc3339(done.from_ns),
            }
    return outcome


async def _verify(
    database: ClickHouseDatabase, settings: MaintenanceSettings, span: TimeRange, now: datetime, *, bar: bool
) -> dict[str, Any]:
    kept = settings.days_of_tables() | dict.fromkeys(
        ("predictions_data", "outcomes_data"), settings.predictions_retention_days
    )
    todo = []
    for each in (*COMPARISONS, *OUTCOME_COMPARISONS):
        lives = timedelta(days=kept[each.made_of])
        whole = await comparable(database, each, span, now=now, kept=lives)
        todo += [(each, day) for day in days(whole, each.seconds)]
    compared = dirty = 0
    differences: list[Difference] = []
    with _progress(visible=bar) as shown:
        for comparison, day in shown.track(todo, description="verify"):
            found = await verify(database, comparison, day)
            compared, dirty = compared + found.compared, dirty + found.dirty
            differences += found.differences
    told = [asdict(each) | {"at": rfc3339(each.start * NANOSECONDS), "said": str(each)} for each in differences]
    return {"compared": compared, "dirty": dirty, "differences": told}


def _progress(*, visible: bool) -> Progress:
    return Progress(console=Console(stderr=True), disable=not visible, transient=True)


def _show_left(shown: Progress, task: TaskID, left: int) -> None:
    """The bar is as long as the most that was ever left."""
    most = max(shown.tasks[task].total or 0, left)
    shown.update(task, total=most, completed=most - left)


commands: list[click.Command] = [rollups]
