"""`sightglass rules backtest`: what rules of a file would have done between two times."""

import asyncio
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import Progress

from services.monitoring_api.alerting.backtest import slots_between
from services.monitoring_api.alerting.backtest_document import backtest_document
from services.monitoring_api.alerting.backtester import Backtester
from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.label_names import ALERTNAME
from services.monitoring_api.alerting.rule_set import RuleSet, load_rules
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.configuration.duration import format_duration
from services.monitoring_api.configuration.located_yaml import InvalidFileError
from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.timerange import NANOSECONDS, TimeRange, parse_range
from services.monitoring_api.worker.settings import WorkerSettings
from services.web.problems import Problem
from sightglass.process_settings import read_settings

# A statement over days may take its time; nobody waits at a page.
_DEADLINE_SECONDS: Final = 600.0
_MOST_SHOWN: Final = 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "start", default="now-24h", show_default=True, help="RFC 3339, epoch seconds, now-7d.")
@click.option("--to", "end", default="now", show_default=True, help="The first moment after the range.")
@click.option("--rule", "name", help="Only rules of this name.")
@click.option("--json", "as_json", is_flag=True, help='Print {"backtests": [...]}, as the API answers for one rule.')
def backtest(file: Path, start: str, end: str, name: str | None, *, as_json: bool) -> None:
    """Show what the rules of a file would have done between two times, by the worker's own evaluation.

    At the beginning of the range no alert is active. Where labels exist, each firing is graded by what they later said.
    """
    settings = read_settings(WorkerSettings)
    try:
        rules = load_rules([file], metric_catalogue())
    except InvalidFileError as error:
        raise click.ClickException(str(error)) from None
    wanted = _wanted(rules, name, settings.interval_seconds)
    span = _span(start, end)
    # What the driver logs is also raised, and said once.
    logging.disable(logging.CRITICAL)
    try:
        found = asyncio.run(_run(settings, wanted, span, bar=not as_json))
    except Problem as problem:
        raise click.ClickException(_said(problem)) from None
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        click.echo(json.dumps({"backtests": found}, indent=1))
        return
    for each in found:
        click.echo("\n".join(_lines(each)))


def _wanted(rules: RuleSet, name: str | None, interval: float) -> list[tuple[list[Rule], float]]:
    """The rules, those of one name and group together, and the time between two looks at them."""
    found: dict[tuple[str, str], tuple[list[Rule], float]] = {}
    for group in rules.groups:
        for rule in group.rules:
            found.setdefault((group.name, rule.alert), ([], group.interval or interval))[0].append(rule)
    wanted = [each for (_, alert), each in found.items() if name in {None, alert}]
    if not wanted and name is not None:
        known = ", ".join(sorted({alert for _, alert in found})) or "none"
        raise click.BadParameter(f"no rule is called {name!r}; there are: {known}", param_hint="--rule")
    return wanted


def _span(start: str, end: str) -> TimeRange:
    try:
        return parse_range(start, end, now=datetime.now(UTC))
    except Problem as problem:
        flags = ", ".join(f"--{error.field}" for error in problem.errors)
        raise click.BadParameter(_said(problem), param_hint=flags or None) from None


def _said(problem: Problem) -> str:
    return ", ".join(f"--{error.field}: {error.message}" for error in problem.errors) or problem.detail


async def _run(
    settings: WorkerSettings, wanted: list[tuple[list[Rule], float]], span: TimeRange, *, bar: bool
) -> list[dict[str, Any]]:
    connection = settings.connection("sightglass-backtest")
    database = ClickHouseDatabase(replace(connection, deadline_seconds=_DEADLINE_SECONDS))
    backtester = Backtester(
        database,
        delay_seconds=settings.evaluation_delay_seconds,
        curves=SharedCurves(),
        clock=time.time,
        statements=settings.pool_size,
    )
    start, end = span.start_ns / NANOSECONDS, span.end_ns / NANOSECONDS
    found = []
    try:
        with Progress(console=Console(stderr=True), transient=True, disable=not bar) as shown:
            for rules, interval in wanted:
                looks = sum(1 for _ in slots_between(start, end, interval))
                task = shown.add_task(rules[0].alert, total=looks * len(rules))

                def progress(done: int, task: Any = task) -> None:
                    shown.update(task, completed=done)

                graded = await backtester.run(rules, start, end, interval_seconds=interval, progress=progress)
                found += [backtest_document(each) for each in graded]
    finally:
        await database.close()
    return found


def _lines(found: dict[str, Any]) -> list[str]:
    own = ", ".join(f"{key}={value}" for key, value in found["labels"].items())
    title = found["alert"] + (f" ({own})" if own else "")
    times = found["fired"]
    fired = (
        f"would have fired {times} time{'' if times == 1 else 's'}, {format_duration(found['firing_seconds'])} in all"
    )
    lines = [f"{title}: {found['looks']:,} looks, {fired if times else 'would not have fired'}"]
    unsure = {kind: count for kind, count in found["health"].items() if count and kind not in {"ok", "no_data"}}
    if unsure:
        lines.append("  not judged: " + ", ".join(f"{count:,} {kind}" for kind, count in unsure.items()))
    firings = [(series, one) for series in found["series"] for one in series["firing"]]
    for series, one in firings[:_MOST_SHOWN]:
        told = {ALERTNAME, *found["labels"]}
        group = ", ".join(f"{key}={value}" for key, value in series["labels"].items() if key not in told)
        value = "" if one["value"] is None else f", up to {one['value']:.6g}"
        verdict = "" if one["verdict"] is None else f": {one['verdict']}{_lead(one['lead_seconds'])}"
        lines.append(f"  {one['from']} to {one['to'] or 'the end'} {group}{value}{verdict}")
    if len(firings) > _MOST_SHOWN:
        lines.append(f"  ... and {len(firings) - _MOST_SHOWN} more")
    grade = found["grade"]
    if grade is not None:
        said = ", ".join(f"{count} {verdict}" for verdict, count in grade["firings"].items())
        lines.append(f"  bad when {grade['bad_when']}")
        lines.append(
            f"  firings: {said}; precision {_share(grade['precision'])}; of {len(grade['episodes'])} bad times "
            f"{_share(grade['recall'])} found"
        )
    elif times:
        lines.append(f"  not graded: {found['ungraded']}")
    return lines


def _lead(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", {format_duration(abs(seconds))} {'before' if seconds >= 0 else 'after'} the labels"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
