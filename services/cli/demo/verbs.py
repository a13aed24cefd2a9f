"""`sightglass demo`: real flights, two days of history, then live."""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.demo.backfill import BackfillError
from services.cli.demo.incidents.incident import Scene
from services.cli.demo.incidents.live import check_running, live_incident, mend_leftover, needed_environment
from services.cli.demo.incidents.registry import INCIDENTS
from services.cli.demo.memory import PeakMemory
from services.cli.demo.session import DAY_SECONDS, CheckResult, DemoSession
from services.cli.demo.status import follow
from services.cli.model_references import register_references
from services.cli.settings import SupervisorSettings
from services.cli.supervisor import client
from services.cli.supervisor.preflight import check_start
from services.cli.supervisor.run_folder import RunFolder
from services.cli.supervisor.wiring import Endpoints
from services.cli.verbs.failures import explained
from sightglass.process_settings import given_variables

_MEBIBYTE = 1024 * 1024


@click.command()
@click.option("--days", type=click.FloatRange(0.01, 14), default=2.0, show_default=True, help="Days of history.")
@click.option(
    "--check", "check_only", is_flag=True, help="Backfill, verify counts end to end, stop, exit 0 if all agree."
)
@click.option(
    "--json", "as_json", is_flag=True, help="With --check or --incident: print what is found, or planted, as JSON."
)
@click.option("--no-traffic", is_flag=True, help="History only; no live flights.")
@click.option("--incident", type=click.Choice(list(INCIDENTS)), help="Plant this cause in live traffic, to learn on.")
@explained
def demo(*, days: float, check_only: bool, as_json: bool, no_traffic: bool, incident: str | None) -> None:
    """Show real flights: two days of history, then live predictions.

    An hour shows a flight day of New York's 2013. On a data folder that has history, only what is missing since is
    filled in. Ctrl-C stops everything that runs on this data folder, and mends an incident before.
    """
    if incident is not None and (check_only or no_traffic):
        raise click.UsageError("--incident is about live traffic: leave out --check and --no-traffic.")
    planted = None if incident is None else INCIDENTS[incident]
    console = Console(stderr=as_json)
    settings = SupervisorSettings()
    data_dir = settings.data_dir.expanduser().resolve()
    endpoints = Endpoints.read(data_dir)
    check_start(endpoints, data_dir, given_variables())
    folder = RunFolder(data_dir)
    if folder.is_owned():
        check_running(planted, data_dir)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Also where a shell started this in the background, which leaves Ctrl-C ignored.
        signal.signal(number, _interrupt)
    with (
        PeakMemory(lambda: _roots(folder)) as memory,
        _stack(data_dir, console, keep=check_only, environment=needed_environment(planted, data_dir)),
    ):
        try:
            mend_leftover(Scene(data_dir, endpoints.ml_api.models_dir or data_dir / "models"), console)
            session = DemoSession(settings, time.time())
            backfill_seconds = _fill(session, days, console)
            if check_only:
                _report(session.check(backfill_seconds), memory, console, as_json=as_json)
            else:
                memory.stop()  # for hours of live flights nobody needs a sample of every process each second
                _print_memory(memory, console)
                happening = partial(live_incident, planted, session, console, as_json=as_json)
                follow(session, console, with_traffic=not no_traffic, incident=happening)
        except (BackfillError, RuntimeError) as error:
            raise click.ClickException(str(error)) from None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End the demo as Ctrl-C does."""
    raise KeyboardInterrupt


def _roots(folder: RunFolder) -> Iterator[int]:
    """The demo itself (with all that it started) and the supervisor, which is a session of its own."""
    yield os.getpid()
    if (pid := folder.pid()) is not None:
        yield pid


@contextmanager
def _stack(data_dir: Path, console: Console, *, keep: bool, environment: Mapping[str, str]) -> Iterator[None]:
    """Bring the stack up and, unless it was up before and `keep` is asked for, take it down at the end."""
    console.print("[bold]Starting the stack[/bold]")
    try:
        started = client.start(data_dir, environment=environment, tell=_teller(console))
    except client.StartError as error:
        raise click.ClickException(str(error)) from None
    try:
        register_references(data_dir, started.state, _teller(console))
        yield
    except KeyboardInterrupt:
        console.print("\nStopping everything.")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # an impatient second Ctrl-C must not leave anything running
        if not (keep and started.was_running):
            client.stop(data_dir, tell=_teller(console))


def _teller(console: Console) -> Callable[[str], None]:
    return lambda line: console.print(line, highlight=False)


def _fill(session: DemoSession, days: float, console: Console) -> float:
    """Backfill what is missing up to now; return the seconds it took."""
    now = time.time()
    covered = session.covered_until()
    start = now - days * DAY_SECONDS if covered is None else covered
    if start >= now:
        return 0.0
    begun = time.monotonic()
    flight_start, flight_end = session.clock.flight_time(start)[0], session.clock.flight_time(now)[0]
    console.print(
        f"[bold]Backfilling[/bold] {(now - start) / 3600:.1f} h: flights of {flight_start:%d %B %H:%M} "
        f"to {flight_end:%d %B %H:%M} 2013, through OTLP and the Collector",
        highlight=False,
    )
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("flights", total=now - start)
        sent = session.backfill(start, now, progress=lambda reached: progress.update(task, completed=reached - start))
    seconds = time.monotonic() - begun
    console.print(
        f"  {sent.predictions:,} predictions, {sent.labels:,} labels, {sent.spans:,} spans in {seconds:.0f} s",
        highlight=False,
    )
    return seconds


def _report(result: CheckResult, memory: PeakMemory, console: Console, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(result, memory), indent=1))
    else:
        _print(result, memory, console)
    if not result.agrees:
        sys.exit(1)


def _as_json(result: CheckResult, memory: PeakMemory) -> dict[str, Any]:
    return {
        "agrees": result.agrees,
        "rows": [row.as_json() for row in result.rows],
        # JSON knows no infinity: what never showed is null.
        "visible_after_seconds": {
            name: value if math.isfinite(value) else None for name, value in asdict(result.delays).items()
        },
        "backfill_seconds": round(result.backfill_seconds, 1),
        "peak_memory_bytes": memory.peak_bytes,
    }


def _print(result: CheckResult, memory: PeakMemory, console: Console) -> None:
    table = Table(title="Sent and stored, by identity", title_justify="left")
    table.add_column("")
    for heading in ("sent", "stored", "distinct"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in result.rows:
        verdict = "[green]agrees[/green]" if row.agrees else "[red]differs[/red]"
        table.add_row(row.what, f"{row.sent:,}", f"{row.stored:,}", f"{row.distinct:,}", verdict)
    console.print(table)
    delays = result.delays
    console.print(
        f"From HTTP request to visible in the monitoring API: p50 {delays.p50:.1f} s, p95 {delays.p95:.1f} s "
        f"({delays.count} requests)",
        highlight=False,
    )
    _print_memory(memory, console)


def _print_memory(memory: PeakMemory, console: Console) -> None:
    console.print(f"Peak memory of all processes: {memory.peak_bytes / _MEBIBYTE:,.0f} MiB", highlight=False)


commands = [demo]
