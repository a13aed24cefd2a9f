"""The real worker on the real ClickHouse: rows in, an alert out; and an outage in between that resolves nothing."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.alert_worker import AlertWorker, wait_for
from tests.integration.stack import Stack
from tests.monitoring_api.store import span
from tests.notify.receivers import HttpReceiver

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: requests
    interval: 1s
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        window: 30s
        filter: {service: ml-api}
        group_by: [route]
        condition: "> 5%"
        minimum_count: 20
        no_data: ok
        annotations: {summary: "{{ labels.route }}: {{ value | percent }}"}
"""


def insert_spans(stack: Stack, route: str, *, good: int, bad: int) -> None:
    """Store server spans of this moment as the Collector would."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    rows = [span(now, route=route, status=500 if number < bad else 200) for number in range(good + bad)]
    request = urllib.request.Request(
        f"{stack.url('clickhouse')}/?database=otel&query=INSERT+INTO+otel_traces+FORMAT+JSONEachRow",
        data="\n".join(json.dumps(row) for row in rows).encode(),
        headers={"X-ClickHouse-User": "collector", "X-ClickHouse-Key": stack.password("collector")},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def test_errors_in_clickhouse_become_one_alert_and_an_outage_ends_nothing(fresh_stack, tmp_path):
    """One route fails and is told once; while ClickHouse hangs nothing changes; when the rows are past it resolves."""
    stack = fresh_stack(processes=("clickhouse", "migrate"), trained=False)
    environment = {
        "SIGHTGLASS_WORKER_CLICKHOUSE_URL": stack.url("clickhouse"),
        "SIGHTGLASS_WORKER_CLICKHOUSE_PASSWORD_FILE": str(stack.data_dir / "secrets" / "clickhouse-reader.password"),
        "SIGHTGLASS_WORKER_EVALUATION_DELAY_SECONDS": "0",
        "SIGHTGLASS_WORKER_DEADLINE_SECONDS": "2",
    }
    with HttpReceiver() as receiver, AlertWorker(tmp_path, real=True, environment=environment) as worker:
        worker.rules.write_text(RULES)
        worker.notifications.write_text(
            f'channels: [{{name: hook, type: webhook, url: "{receiver.url}", allow_private: true}}]\n'
            "routes: [{channels: [hook], group_wait: 0s, group_interval: 0s}]\n"
        )
        worker.start()
        insert_spans(stack, "/v1/predict", good=30, bad=10)
        insert_spans(stack, "/v1/labels", good=40, bad=0)
        insert_spans(stack, "/v1/few", good=0, bad=10)
        wait_for(lambda: receiver.requests, "the message")
        (alert,) = receiver.requests[0][2]["alerts"]
        assert alert["labels"] == {"alertname": "TooManyErrors", "route": "/v1/predict"}
        assert alert["annotations"]["summary"] == "/v1/predict: 25.0 %"

        engine = stack.pid("clickhouse")
        os.kill(engine, signal.SIGSTOP)
        try:
            wait_for(lambda: worker.alert("TooManyErrors").get("error"), "the error")
            assert worker.alert("TooManyErrors")["state"] == "firing"
        finally:
            os.kill(engine, signal.SIGCONT)
        wait_for(lambda: len(receiver.requests) == 2, "the end", seconds=90)
        assert [body["status"] for _, _, body in receiver.requests] == ["firing", "resolved"]
        assert worker.alert("TooManyErrors")["error"] is None
        assert worker.stop()[0] == 0
        # Both ask about the same looks, the one that ended it among them.
        until = int(time.time()) + 2
        wait_for(lambda: time.time() > until, "the end of the range")
        shown = backtested(worker.rules, environment, until)
        asked = backtested(worker.rules, environment, until, "--json", "--rule", "TooManyErrors")
        (test,) = json.loads(asked)["backtests"]
        assert (test["fired"], test["looks"]) == (1, 300)
        (firing,) = test["series"][0]["firing"]
        assert (firing["value"], test["series"][0]["labels"]["route"]) == (0.25, "/v1/predict")
        assert "TooManyErrors: 300 looks, would have fired 1 time" in shown
        assert f"  {firing['from']} to {firing['to']} route=/v1/predict, up to 0.25\n" in shown


def backtested(rules, environment, until, *options):
    """What `sightglass rules backtest` prints of the five minutes before a time."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("SIGHTGLASS_")}
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "services.cli",
            "rules",
            "backtest",
            rules,
            f"--from={until - 300}",
            f"--to={until}",
            *options,
        ],
        env={**others, **environment, "SIGHTGLASS_DATA_DIR": str(rules.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout
