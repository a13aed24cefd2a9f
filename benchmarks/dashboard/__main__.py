"""How soon the pages can be read, and what many people who look cost.

Each round loads the yardstick and every page in turn, with a pause between, in one browser that has loaded them before.
The monitoring API and the dashboard are the real processes, over a store of our tables that `benchmarks.history` fills.

    python -m benchmarks.dashboard [--spans 4000000] [--loads 20] [--people 20]
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Browser

from benchmarks import report
from benchmarks.dashboard.browsing import Target, choice_seconds, filter_seconds, load_seconds, opened, person
from benchmarks.dashboard.store import LARGE_SPANS, LARGE_TRACE, filled
from benchmarks.history.arms import Arm
from benchmarks.ingest import password
from benchmarks.processes import end, wait_answer
from tests.browser.browser import open_browser
from tests.integration.stack import free_ports

_WATCHED_SECONDS: Final = 60.0
# What one load leaves to be done, such as asking anew, does not count for the next.
_PAUSE_SECONDS: Final = 2.0
_WANTED: Final = {
    "overview": 1.3,
    "overview, all of it": None,
    "history": 1.3,
    "filter": 0.5,
    "range": None,
    "waterfall": 2.0,
}
"""What is loaded, and how many times the yardstick it may take."""
# A verdict, and under it the first figures with their lines.
_FIGURES: Final = "[data-testid=stMain] [data-figure] + img"
_ROUTES: Final = tuple(f"/v1/route-{number}" for number in range(10, 18))
_CHOICES: Final = ("Last 6 hours", "Last 24 hours")


def main() -> None:
    """Fill, measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=4_000_000)
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--people", type=int, default=20)
    given = parser.parse_args()
    on = report.machine()
    with contextlib.ExitStack() as running:
        arm = filled(running, given.spans)
        home, yardstick = running.enter_context(_served(arm))
        browser = running.enter_context(open_browser())
        rounds = _loads(browser, home, yardstick, given.loads)
        crowd = _crowd(browser, home, arm, given.people)
    lines = [
        f"{given.spans:,} spans over 26 h; {given.loads} loads of each page, median (quartiles)",
        "",
        f"{'until it can be read':<34}{'seconds':>24}{'times the yardstick':>26}{'at most':>10}",
        f"{'yardstick: one chart, 1,440 points':<34}{_seconds(rounds, 'yardstick'):>24}",
        *(
            f"{name:<34}{_seconds(rounds, name):>24}"
            f"{report.ratios(rounds, name, 'yardstick').text():>26}{wanted or '-':>10}"
            for name, wanted in _WANTED.items()
        ),
        "",
        (
            f"statements that ClickHouse was asked in {_WATCHED_SECONDS:.0f} s with the overview open: "
            f"one person {crowd['statements_one']:,.0f}, {given.people} people {crowd['statements_many']:,.0f}"
        ),
        (
            f"the overview's load with {given.people} people's open to that with one's: "
            f"{crowd['many_seconds'] / crowd['one_seconds']:.2f} (at most 1.5)"
        ),
    ]
    report.keep("dashboard", "\n".join(lines), {"spans": given.spans, "rounds": rounds, "crowd": crowd}, on)


def _seconds(rounds: list[dict[str, float]], name: str) -> str:
    return report.Spread.of([each[name] for each in rounds]).text()


def _loads(browser: Browser, home: str, yardstick: str, loads: int) -> list[dict[str, float]]:
    overview = f"{home}/?from=now-24h&to=now&tz=UTC"
    targets = {
        "yardstick": Target(yardstick),
        "overview": Target(overview, ready=_FIGURES),
        "overview, all of it": Target(overview, text="Pipeline health"),
        "history": Target(f"{home}/history?metric=request_rate&from=now-24h&to=now&step=auto&tz=UTC"),
        "waterfall": Target(
            f"{home}/traces?trace={LARGE_TRACE}",
            ready="[data-testid=stVegaLiteChart] svg g.mark-rect path",
            text=f"{LARGE_SPANS:,} spans",
        ),
    }
    with person(browser) as context:
        history = opened(context, targets["history"])
        for target in targets.values():
            load_seconds(context, target)  # what the browser keeps is there from now on
        rounds = []
        for number in range(loads):
            times = {}
            for name, target in targets.items():
                time.sleep(_PAUSE_SECONDS)
                times[name] = load_seconds(context, target)
            time.sleep(_PAUSE_SECONDS)
            times["filter"] = filter_seconds(history, f"route={_ROUTES[number % len(_ROUTES)]}")
            times["range"] = choice_seconds(history, "Range", _CHOICES[number % len(_CHOICES)])
            rounds.append(times)
            print(f"\r{number + 1} of {loads} rounds", end="", file=sys.stderr)
        print(file=sys.stderr)
    return rounds


def _crowd(browser: Browser, home: str, arm: Arm, people: int) -> dict[str, float]:
    """One person with the overview open, then many: what ClickHouse is asked, and how long the next load takes."""
    target = Target(f"{home}/?from=now-24h&to=now&tz=UTC", text="Pipeline health")
    figures = {}
    with contextlib.ExitStack() as open_pages:
        visitor = open_pages.enter_context(person(browser))
        load_seconds(visitor, target)
        for name, count in (("one", 1), ("many", people - 1)):
            for _ in range(count):
                opened(open_pages.enter_context(person(browser)), target)
            since = time.time()
            time.sleep(_WATCHED_SECONDS)  # the time that is watched
            figures[f"statements_{name}"] = float(_asked(arm, since))
            figures[f"{name}_seconds"] = report.Spread.of([load_seconds(visitor, target) for _ in range(5)]).median
    return figures


def _asked(arm: Arm, since: float) -> int:
    """How many statements the reader had run since a moment, as the adapter counted."""
    log = httpx.get(
        f"http://127.0.0.1:{arm.port}/query_log",
        params={"user": "reader", "since": f"{since:.3f}"},
        auth=("maintainer", password(arm.folder, "maintainer")),
    ).raise_for_status()
    return len(log.json()["queries"])


@contextlib.contextmanager
def _served(arm: Arm) -> Iterator[tuple[str, str]]:
    """The addresses of a dashboard over that store and of the yardstick."""
    ports = free_ports(["api", "dashboard", "yardstick"])
    api = f"http://127.0.0.1:{ports['api']}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
        "SIGHTGLASS_DATA_DIR": str(arm.folder),
        "SIGHTGLASS_MONITORING_API_PORT": str(ports["api"]),
        "SIGHTGLASS_MONITORING_API_CLICKHOUSE_URL": f"http://127.0.0.1:{arm.port}",
        "SIGHTGLASS_DASHBOARD_PORT": str(ports["dashboard"]),
        "SIGHTGLASS_DASHBOARD_API_URL": api,
        "OTEL_SDK_DISABLED": "true",
    }
    commands = (
        ["services.monitoring_api"],
        ["dashboard"],
        ["benchmarks.dashboard.yardstick", str(ports["yardstick"])],
    )
    with contextlib.ExitStack() as running, (arm.folder / "served.log").open("wb") as log:
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, cwd=_ROOT, stdout=log, stderr=log
            )
            running.callback(end, process)
        wait_answer(f"{api}/readyz")
        for name in ("dashboard", "yardstick"):
            wait_answer(f"http://127.0.0.1:{ports[name]}/_stcore/health")
        yield f"http://127.0.0.1:{ports['dashboard']}", f"http://127.0.0.1:{ports['yardstick']}"


_ROOT: Final = Path(__file__).parents[2]

if __name__ == "__main__":
    main()
