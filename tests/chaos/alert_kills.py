"""kill -9 of the alert worker, as often as is wanted, while rules fire and resolve and receivers refuse at times.

    python -m tests.chaos.alert_kills --kills 1000      as `make chaos` does, with the result kept

Half of the kills come at any moment of a worker's life, the others within milliseconds of a receiver having taken a
message, before the worker could note that it has.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from benchmarks.report import keep, machine
from tests.chaos.kill_outcome import Kill, Outcome, Seen, judge, text
from tests.notify.receivers import HttpReceiver, SmtpReceiver

SERVICES = 5
METRICS = ("error_ratio", "latency_p95", "latency_p50")
RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - {alert: TooManyErrors, metric: error_ratio, group_by: [service], condition: "> 0.5", labels: {severity: page}}
      - {alert: Slow, metric: latency_p95, condition: "> 0.5", for: 2s, keep_firing_for: 1s}
  - name: others
    interval: 1s
    rules:
      - {alert: Slower, metric: latency_p50, condition: "> 0.5", annotations: {summary: "{{ value }}"}}
"""
NOTIFICATIONS = """
channels:
  - {{name: mail, type: email, host: 127.0.0.1, port: {port}, tls: none, from: a@example.org, to: [b@example.org]}}
  - {{name: hook, type: webhook, url: "{url}", allow_private: true}}
routes:
  - {{channels: [mail, hook], group_wait: 0s, group_interval: 0s, repeat_interval: 1h}}
"""
# From a worker's first look on; how long it takes to get there is measured.
LONGEST_LIFE_SECONDS = 1.5
LONGEST_AFTER_ARRIVAL_SECONDS = 0.03
PATIENCE_SECONDS = 90.0
# Messages of which an attempt was begun and its outcome not noted: a failure would have moved the next one.
UNDER_WAY = (
    "SELECT channel, idempotency_key FROM notifications WHERE delivered_at IS NULL AND begun_at >= next_attempt_at"
)


class Arrivals(list):
    """What a receiver took, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, arrived: Any) -> None:
        """Note the time too."""
        self.times.append(time.monotonic())
        super().append(arrived)


class Workers:
    """One life of the worker after another, on one store."""

    def __init__(self, folder: Path, smtp: SmtpReceiver, http: HttpReceiver) -> None:
        self.store = folder / "worker" / "alerts.sqlite"
        self._figures = folder / "figures.json"
        (folder / "rules.yaml").write_text(RULES)
        (folder / "notifications.yaml").write_text(NOTIFICATIONS.format(port=smtp.port, url=http.url))
        self.read({})
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SIGHTGLASS_")},
            "OTEL_SDK_DISABLED": "true",
            "SIGHTGLASS_DATA_DIR": str(folder),
            "SIGHTGLASS_WORKER_RULES_FILE": str(folder / "rules.yaml"),
            "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(folder / "notifications.yaml"),
            "SIGHTGLASS_WORKER_RETRY_INITIAL_SECONDS": "0.1",
            "SIGHTGLASS_WORKER_RETRY_MAXIMUM_SECONDS": "0.5",
        }
        self._log = (folder / "worker.log").open("ab")
        self._forking = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.forked_worker", str(self._figures)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGKILL)
        self._forking.stdin.close()
        self._forking.wait(30)
        self._log.close()

    def read(self, figures: dict[str, list[float]]) -> None:
        """Say what the metrics read from now on."""
        pending = self._figures.with_suffix(".new")
        pending.write_text(json.dumps({name: figures.get(name, [0.0] * SERVICES) for name in METRICS}))
        pending.replace(self._figures)

    def start(self) -> None:
        """Begin a life."""
        self._forking.stdin.write("start\n")
        self._forking.stdin.flush()
        self._pid = int(self._forking.stdout.readline())

    def first_look(self) -> float:
        """Live until rules have been looked at, and return how long that took in seconds."""
        self.start()
        began, since = time.monotonic(), time.time()
        while not self.rows(f"SELECT 1 FROM alerts WHERE last_evaluated_at > {since}"):
            assert time.monotonic() - began < PATIENCE_SECONDS, "the worker does not evaluate: see worker.log"
            time.sleep(0.01)
        self.kill()
        return time.monotonic() - began

    def kill(self) -> None:
        """End it, and wait until it is gone: what it was about to commit, it has committed or never will."""
        self._signal(signal.SIGKILL)
        self._forking.stdin.write("wait\n")
        self._forking.stdin.flush()
        self._forking.stdout.readline()

    def rows(self, query: str) -> list[tuple]:
        """Ask the store; nothing while there is none."""
        try:
            with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as store:
                return store.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []

    def _signal(self, number: int) -> None:
        if self._pid:
            try:
                os.kill(self._pid, number)
            except ProcessLookupError as error:
                raise AssertionError("the worker ended by itself: see worker.log") from error
            self._pid = 0


def run(folder: Path, kills: int, seed: int = 1) -> Outcome:
    """Kill a worker so many times, let the last one finish, and look at what arrived.

    Args:
        folder: An empty folder.
        kills: How many.
        seed: Of all that is random.
    """
    chance = random.Random(seed)
    began = time.monotonic()
    struck = []
    with (
        SmtpReceiver(mails=Arrivals()) as smtp,
        HttpReceiver(requests=Arrivals()) as http,
        Workers(folder, smtp, http) as workers,
    ):
        workers.first_look()
        longest = workers.first_look() + LONGEST_LIFE_SECONDS
        for _ in range(kills):
            workers.read({name: [float(chance.random() < 0.5) for _ in range(SERVICES)] for name in METRICS})
            http.status = 503 if chance.random() < 0.2 else 200
            smtp.data = "451 try later" if chance.random() < 0.2 else "250 2.0.0 queued as 42"
            since = time.time()
            workers.start()
            _live(chance, longest, smtp, http)
            workers.kill()
            # What an earlier life left and this one did not come to was not under way now.
            under_way = frozenset(workers.rows(f"{UNDER_WAY} AND begun_at > {since}"))
            struck.append(Kill(time.monotonic(), under_way))
        http.status, smtp.data = 200, "250 2.0.0 queued as 42"
        workers.read({})
        workers.start()
        _settle(workers)
        rows = workers.rows("SELECT channel, idempotency_key, group_key, body FROM notifications ORDER BY id")
        events = workers.rows("SELECT fingerprint, kind, at FROM alert_events ORDER BY id")
    arrived = {
        "mail": [
            (str(mail["X-Sightglass-Idempotency-Key"]), at)
            for mail, at in zip(smtp.mails, smtp.mails.times, strict=True)
        ],
        "hook": [
            (headers["Idempotency-Key"], at)
            for (_, headers, _), at in zip(http.requests, http.requests.times, strict=True)
        ],
    }
    return judge(Seen(arrived, rows, events, struck, time.monotonic() - began))


def _live(chance: random.Random, longest: float, smtp: SmtpReceiver, http: HttpReceiver) -> None:
    """Wait until the moment of the kill."""
    until = time.monotonic() + chance.uniform(0.0, longest)
    if chance.random() < 0.5:
        # Not always the first: that is often one which the worker of before was about to note.
        awaited = len(smtp.mails) + len(http.requests) + chance.randint(1, 6)
        until = time.monotonic() + longest
        while len(smtp.mails) + len(http.requests) < awaited and time.monotonic() < until:
            time.sleep(0.001)
        until = time.monotonic() + chance.uniform(0.0, LONGEST_AFTER_ARRIVAL_SECONDS)
    time.sleep(max(0.0, until - time.monotonic()))


def _settle(workers: Workers) -> None:
    """Wait until every alert has ended and every message has been taken."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    quiet = 0
    while quiet < 3:
        assert time.monotonic() < deadline, "alerts or messages did not come to an end"
        time.sleep(0.7)
        active = workers.rows("SELECT 1 FROM alerts WHERE status IN ('firing', 'pending') LIMIT 1")
        waiting = workers.rows("SELECT 1 FROM notifications WHERE delivered_at IS NULL LIMIT 1")
        due = workers.rows("SELECT 1 FROM notification_groups LIMIT 1")
        quiet = 0 if active or waiting or due else quiet + 1


def main() -> int:
    """Run from the command line; keep the result of a long one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/alert_kills.{txt,json}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), given.kills, given.seed)
    if given.keep:
        keep("alert_kills", text(outcome), asdict(outcome), machine())
    else:
        print(text(outcome))
    if not outcome.clean:
        print(json.dumps(asdict(outcome), indent=1))
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    sys.exit(main())
