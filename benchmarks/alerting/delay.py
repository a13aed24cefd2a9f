"""How long it takes from a failing request to its alert's receiver, through OTLP, Collector, ClickHouse and worker.

Each event is the first failing request of a route that was fine until then, at a random moment of the clock, so that
what is waited for (the next slot of the default interval, the delay behind the clock) is in the figures. The rule has
no `for`, and its route no `group_wait`: both are added to what is measured here.

    python -m benchmarks.alerting.delay [--events 40]
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer

from benchmarks import report
from services.monitoring_api.worker.settings import WorkerSettings
from tests.integration.stack import Stack
from tests.notify.receivers import HttpReceiver

_RULES: Final = {
    "groups": [
        {
            "name": "failing",
            "rules": [
                {
                    "alert": "RouteFails",
                    "metric": "error_ratio",
                    "window": "1m",
                    "filter": {"service": "measured"},
                    "group_by": ["route"],
                    "condition": "> 0",
                }
            ],
        }
    ]
}
_PATIENCE_SECONDS: Final = 120.0
_MOST_BETWEEN_SECONDS: Final = 8.0


class _Arrivals:
    """When the receiver got the first message about each route."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._lock = threading.Lock()

    def read(self, body: bytes) -> Any:
        """Note the routes of a message as it comes in."""
        now = time.time()
        message = json.loads(body)
        with self._lock:
            for alert in message["alerts"]:
                if alert["status"] == "firing":
                    self._at.setdefault(alert["labels"]["route"], now)
        return message

    def seen(self) -> dict[str, float]:
        """By route, epoch seconds."""
        with self._lock:
            return dict(self._at)


def main() -> None:
    """Cause events, wait for their messages, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=40)
    given = parser.parse_args()
    on = report.machine()
    arrivals = _Arrivals()
    with tempfile.TemporaryDirectory() as name, HttpReceiver(read=arrivals.read) as receiver:
        folder = Path(name)
        rules, notifications = folder / "rules.json", folder / "notifications.json"
        rules.write_text(json.dumps(_RULES))
        hook = {"name": "hook", "type": "webhook", "url": receiver.url, "allow_private": True}
        route = {"channels": ["hook"], "group_by": ["route"], "group_wait": "0s"}
        notifications.write_text(json.dumps({"channels": [hook], "routes": [route]}))
        env = {
            "SIGHTGLASS_WORKER_RULES_FILE": str(rules),
            "SIGHTGLASS_WORKER_NOTIFICATIONS_FILE": str(notifications),
        }
        with Stack(folder / "stack", processes=("worker", "collector"), env=env, trained=False) as stack:
            happened = _cause(f"http://127.0.0.1:{stack.ports['collector']}", given.events)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while len(arrivals.seen()) < len(happened) and time.monotonic() < deadline:
                time.sleep(0.2)
    seen = arrivals.seen()
    _keep(sorted(seen[route] - at for route, at in happened.items() if route in seen), given.events, on)


def _cause(url: str, events: int) -> dict[str, float]:
    """Send requests of each route that go well, then one that fails; when each failed, epoch seconds."""
    provider = TracerProvider(resource=Resource({"service.name": "measured", "service.instance.id": "1"}))
    # As the library sends: within a second.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces"), schedule_delay_millis=1_000))
    tracer = provider.get_tracer(__name__)
    chance = random.Random(1)
    happened = {}
    for number in range(events):
        route = f"/route-{number}"
        for _ in range(3):
            _request(tracer, route, 200)
        time.sleep(chance.uniform(0, _MOST_BETWEEN_SECONDS))
        _request(tracer, route, 500)
        happened[route] = time.time()
    provider.shutdown()
    return happened


def _request(tracer: Tracer, route: str, status: int) -> None:
    attributes = {"http.request.method": "GET", "http.route": route, "http.response.status_code": status}
    with tracer.start_as_current_span(f"GET {route}", kind=SpanKind.SERVER, attributes=attributes):
        pass


def _keep(delays: list[float], events: int, on: dict[str, Any]) -> None:
    settings = WorkerSettings.model_fields
    cuts = statistics.quantiles(delays, n=20, method="inclusive")
    figures = {"events": events, "told": len(delays), "p50_seconds": cuts[9], "p95_seconds": cuts[18]}
    interval, behind = settings["interval_seconds"].default, settings["evaluation_delay_seconds"].default
    text = "\n".join(
        [
            f"From a failing request to the receiver of its alert: {events} routes, looks every {interval:g} s,",
            f"windows that end {behind:g} s behind the clock, no `for`, no group_wait",
            "",
            f"told            {len(delays)} of {events}",
            f"seconds, p50    {cuts[9]:.1f}",
            f"seconds, p95    {cuts[18]:.1f}",
            f"longest         {delays[-1]:.1f}",
        ]
    )
    report.keep("alerting_delay", text, {**figures, "longest_seconds": delays[-1]}, on)


if __name__ == "__main__":
    main()
