"""What the starter pack's rules would have done on the demo's days, and on which flights each firing rests.

Days of the demo are backfilled into a stack of its own, counts checked, and `sightglass rules backtest` looks at each
rule over all of them. An hour is a flight day. Looks are further apart than the worker's, but never further than the
shortest window, and a 24th of a long one.

    python -m benchmarks.rules_quiet [--days 4] [--looks 300]
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import platformdirs
import yaml

from benchmarks import report
from services.cli.demo.clock import FlightClock
from services.cli.demo.ledger import Ledger
from services.ml_api.dataset import load_dataset
from services.ml_api.flights import LATE, FlightTable
from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.alerting.rules import Rule
from tests.integration.stack import Stack

_DAY: Final = 86_400.0
_LONGEST_SECONDS: Final = 3_600
# A longer window is looked at so often while it passes.
_LOOKS_EACH_WINDOW: Final = 24
RULES: Final = Path(__file__).resolve().parents[1] / "deploy" / "alerting" / "rules.yaml"


@dataclass(frozen=True)
class Firing:
    """One time that an alert would have fired.

    Attributes:
        start: Epoch seconds.
        end: Epoch seconds; that of the range where it still fired then.
        value: Its worst figure.
        fires: Flight time at which it fired.
        late: Share of late flights in the flight day before; None where the demo began anew in it.
    """

    start: float
    end: float
    value: float | None
    fires: datetime
    late: float | None


def main() -> None:
    """Backfill, backtest, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=4.0, help="So much of the demo is backfilled.")
    parser.add_argument("--looks", type=float, default=300.0, help="Seconds between two looks, at least.")
    parser.add_argument("--folder", type=Path, help="Where the stack lives, and stays; asked again without a backfill.")
    given = parser.parse_args()
    on = report.machine()
    with tempfile.TemporaryDirectory(prefix="sightglass-rules-") as folder:
        lines, figures = _measure(given.folder or Path(folder), given.days, given.looks)
    report.keep("rules_quiet", "\n".join(lines), figures, on)


def _measure(folder: Path, days: float, looks: float) -> tuple[list[str], dict[str, Any]]:
    stack = Stack(folder)
    stack.prepare()
    ledger = Ledger(stack.data_dir / "demo" / "ledger.sqlite")
    try:
        stack.start()
        if ledger.covered_until() is None:
            done = stack.cli("demo", "--check", "--days", f"{days:.6f}", timeout=_LONGEST_SECONDS)
            if done.returncode != 0:
                raise SystemExit(done.stdout + done.stderr)
        end = min(ledger.covered_until() or 0.0, time.time())
        return _backtested(stack, FlightClock(ledger.first_start(end)), end - days * _DAY, end, looks)
    finally:
        stack.stop()


def _backtested(
    stack: Stack, clock: FlightClock, start: float, end: float, looks: float
) -> tuple[list[str], dict[str, Any]]:
    table = FlightTable(load_dataset(Path(platformdirs.user_cache_dir("sightglass"))))
    first, last = clock.flight_time(start)[0], clock.flight_time(end)[0]
    days_told = f"{(end - start) / 3600:.0f} flight days, {first:%d %B} to {last:%d %B}"
    lines = [f"{days_told}, looks every {looks:.0f} s or a 24th of the window", ""]
    figures: dict[str, Any] = {"from": str(first), "to": str(last), "looks_seconds": looks, "rules": []}
    for rule in load_rules([RULES], metric_catalogue()).rules():
        if rule.alert in {each["rule"] for each in figures["rules"]}:
            continue  # the rules of one objective are backtested together
        for found in _backtest(stack, rule, start, end, looks):
            own = ", ".join(found["labels"].values())
            if "error" in found:
                lines.append(f"{rule.alert} ({own}): {found['error']}")
                print(lines[-1], flush=True)
                figures["rules"].append({"rule": rule.alert, **found})
                continue
            firings = [_firing(one, clock, table, end) for alert in found["series"] for one in alert["firing"]]
            told = _lines(f"{rule.alert} ({own})", found["health"], firings)
            print("\n".join(told), flush=True)
            lines += told
            figures["rules"].append(
                {"rule": rule.alert, "labels": found["labels"], "health": found["health"], "firings": _kept(firings)}
            )
    return lines, figures


def _backtest(stack: Stack, rule: Rule, start: float, end: float, looks: float) -> list[dict[str, Any]]:
    """Backtest the rules of one name, looked at less often."""
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    chosen = [each for group in document["groups"] for each in group["rules"] if each["alert"] == rule.alert]
    interval = f"{round(max(looks, rule.window / _LOOKS_EACH_WINDOW))}s"
    file = stack.folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "looks", "interval": interval, "rules": chosen}]}))
    span = ("--from", str(round(start)), "--to", str(round(end)))
    # `up` tells its processes where ClickHouse is; a command on its own assumes the usual port.
    env = {"SIGHTGLASS_WORKER_CLICKHOUSE_URL": stack.url("clickhouse")}
    done = stack.cli("rules", "backtest", str(file), *span, "--json", timeout=_LONGEST_SECONDS, env=env)
    if done.returncode != 0:
        # What other rules would have done is worth keeping.
        return [{"labels": dict(rule.labels), "error": " ".join(done.stderr.split())}]
    backtests: list[dict[str, Any]] = json.loads(done.stdout)["backtests"]
    return backtests


def _firing(one: dict[str, Any], clock: FlightClock, table: FlightTable, end: float) -> Firing:
    start = datetime.fromisoformat(one["from"]).timestamp()
    until = end if one["to"] is None else datetime.fromisoformat(one["to"]).timestamp()
    fires, cycle = clock.flight_time(start)
    late = None
    if clock.flight_time(start - 3600)[1] == cycle:
        known = [
            flight.label == LATE
            for flight in table.between(fires - timedelta(days=1), fires)
            if flight.label is not None
        ]
        late = sum(known) / len(known) if known else None
    return Firing(start, until, one["value"], fires, late)


def _lines(title: str, health: dict[str, int], firings: Sequence[Firing]) -> list[str]:
    judged, looks = health["ok"], sum(health.values())
    said = (
        f"fired {len(firings)} time{'' if len(firings) == 1 else 's'}" if firings else "quiet" if judged else "untested"
    )
    shown = [f"{title:<44} {judged:>6,} of {looks:>6,} looks judged   {said}"]
    for one in firings:
        value = "" if one.value is None else f"{one.value:.3f}, "
        late = "" if one.late is None else f", {one.late:.0%} of the flights of the day before late"
        shown.append(f"    {value}{one.fires:%d %B %H:%M} for {(one.end - one.start) / 60:.0f} min{late}")
    return shown


def _kept(firings: Sequence[Firing]) -> list[dict[str, Any]]:
    return [
        {"fires": str(one.fires), "seconds": one.end - one.start, "value": one.value, "late_the_day_before": one.late}
        for one in firings
    ]


if __name__ == "__main__":
    main()
