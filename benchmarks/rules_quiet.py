"""What the starter pack's rules would have done on the demo's days, and on which flights each firing rests.

Days of the demo are backfilled into a stack of its own, counts checked, and the monitoring API backtests each rule in
force over all of them. An hour is a flight day. Looks are further apart than the worker's, but never further than the
shortest window.

    python -m benchmarks.rules_quiet [--days 4] [--looks 5m]
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import platformdirs

from benchmarks import report
from services.cli.demo.clock import FlightClock
from services.cli.demo.ledger import Ledger
from services.ml_api.dataset import load_dataset
from services.ml_api.flights import LATE, FlightTable
from tests.integration.stack import Stack

_DAY: Final = 86_400.0
_PATIENCE_SECONDS: Final = 600.0
_LONGEST_BACKFILL_SECONDS: Final = 3_600
_RULES: Final = "/api/v1/rules"


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
    parser.add_argument("--looks", default="5m", help="Between two looks.")
    parser.add_argument("--folder", type=Path, help="Where the stack lives, and stays; asked again without a backfill.")
    given = parser.parse_args()
    on = report.machine()
    with tempfile.TemporaryDirectory(prefix="sightglass-rules-") as folder:
        lines, figures = _measure(given.folder or Path(folder), given.days, given.looks)
    report.keep("rules_quiet", "\n".join(lines), figures, on)


def _measure(folder: Path, days: float, looks: str) -> tuple[list[str], dict[str, Any]]:
    stack = Stack(folder)
    stack.prepare()
    ledger = Ledger(stack.data_dir / "demo" / "ledger.sqlite")
    try:
        stack.start()
        if ledger.covered_until() is None:
            done = stack.cli("demo", "--check", "--days", f"{days:.6f}", timeout=_LONGEST_BACKFILL_SECONDS)
            if done.returncode != 0:
                raise SystemExit(done.stdout + done.stderr)
        end = min(ledger.covered_until() or 0.0, time.time())
        return _backtested(stack, FlightClock(ledger.first_start(end)), end - days * _DAY, end, looks)
    finally:
        stack.stop()


def _backtested(
    stack: Stack, clock: FlightClock, start: float, end: float, looks: str
) -> tuple[list[str], dict[str, Any]]:
    url = stack.url("monitoring-api")
    table = FlightTable(load_dataset(Path(platformdirs.user_cache_dir("sightglass"))))
    first, last = clock.flight_time(start)[0], clock.flight_time(end)[0]
    lines = [f"{(end - start) / 3600:.0f} flight days, {first:%d %B} to {last:%d %B}, looks every {looks}", ""]
    figures: dict[str, Any] = {"from": str(first), "to": str(last), "looks": looks, "rules": []}
    names = dict.fromkeys(rule["name"] for rule in _rules(url))
    for name in names:
        body = {"from": str(round(start)), "to": str(round(end)), "interval": looks}
        for found in _asked("POST", f"{url}{_RULES}/{name}/backtest", json=body)["backtests"]:
            own = ", ".join(found["labels"].values())
            firings = [_firing(one, clock, table, end) for alert in found["series"] for one in alert["firing"]]
            lines += _lines(f"{name} ({own})", found["health"], firings)
            figures["rules"].append(
                {"rule": name, "labels": found["labels"], "health": found["health"], "firings": _kept(firings)}
            )
            print(lines[-1 - len(firings)], flush=True)
    return lines, figures


def _rules(url: str) -> list[dict[str, Any]]:
    """The rules in force, once the worker has taken them."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (rules := _asked("GET", url + _RULES)["rules"]):
        if time.monotonic() > deadline:
            raise SystemExit("the worker has no rules")
        time.sleep(1)
    return list(rules)


def _asked(method: str, url: str, **more: Any) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        response = httpx.request(method, url, timeout=_PATIENCE_SECONDS, trust_env=False, **more)
        if response.status_code == httpx.codes.OK:
            document: dict[str, Any] = response.json()
            return document
        # On a busy machine an answer may take longer than the API waits.
        if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
            raise SystemExit(response.text)
        time.sleep(float(response.headers.get("Retry-After", 1)))


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
    said = f"fired {len(firings)} time{'' if len(firings) == 1 else 's'}" if firings else "quiet"
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
