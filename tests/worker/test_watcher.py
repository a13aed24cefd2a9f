"""The watcher is watched: a real worker, its sign of life, and its alert about its data source."""

import pytest

from tests.integration.alert_worker import AlertWorker, wait_for
from tests.notify.receivers import HttpReceiver

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - {alert: TooManyErrors, metric: error_ratio, condition: "> 0.05"}
      - {alert: Slow, metric: latency_p95, condition: "> 1", no_data: alert}
"""


@pytest.fixture
def worker(tmp_path, request):
    """A worker with two rules, one channel, and a place for its signs of life."""
    with HttpReceiver() as receiver, HttpReceiver() as switch:
        environment = {
            "SIGHTGLASS_WORKER_INTERVAL_SECONDS": "1",
            "SIGHTGLASS_WORKER_DATASOURCE_DOWN_SECONDS": "2",
            "SIGHTGLASS_WORKER_HEARTBEAT_URL": switch.url,
            "SIGHTGLASS_WORKER_HEARTBEAT_URL_SECONDS": "1",
            "SIGHTGLASS_WORKER_HEARTBEAT_ALLOW": "[]" if "refused" in request.node.name else '["127.0.0.0/8"]',
        }
        with AlertWorker(tmp_path, environment=environment) as worker:
            worker.receiver, worker.switch = receiver, switch
            worker.rules.write_text(RULES)
            worker.notifications.write_text(
                f'channels:\n  - {{name: hook, type: webhook, url: "{receiver.url}", allow_private: true}}\n'
                "routes: [{channels: [hook], group_wait: 0s, group_interval: 0s}]\n"
            )
            yield worker


def told(worker: AlertWorker) -> list[tuple[str, str]]:
    """(alert, status) of what arrived, in order."""
    return [
        (alert["labels"]["alertname"], alert["status"])
        for _, _, body in worker.receiver.requests
        for alert in body["alerts"]
    ]


def test_a_data_source_that_is_down_is_one_alert(worker):
    """Told once, and once that it is over; nothing else fires or resolves; the sign of life goes on, for looks do."""
    worker.start()
    wait_for(lambda: worker.alert("Slow"), "a first look")
    wait_for(lambda: worker.switch.requests, "a sign of life")
    worker.set_figures(error_ratio="down", latency_p95="down")
    wait_for(lambda: told(worker), "the alert")
    signs = len(worker.switch.requests)
    wait_for(lambda: len(worker.switch.requests) > signs + 1, "more signs of life")
    worker.set_figures(error_ratio=0.0, latency_p95=0.0)
    wait_for(lambda: len(told(worker)) == 2, "its end")
    assert told(worker) == [("DatasourceDown", "firing"), ("DatasourceDown", "resolved")]
    assert worker.alert("DatasourceDown")["state"] == "resolved"


def test_the_sign_of_life_stays_away_when_nothing_is_evaluated(worker):
    """A worker that runs, but never could read its rules, gives none."""
    worker.rules.write_text("groups: 5\n")
    worker.start()
    wait_for(lambda: "it is withheld" in worker.log, "the worker to say so")
    assert worker.switch.requests == []
    worker.rules.write_text(RULES)
    wait_for(lambda: worker.switch.requests, "a sign of life")


def test_the_sign_of_life_is_refused_to_internal_targets_that_nobody_allowed(worker):
    """The guard of every outgoing URL judges this one too, and the log does not show it whole."""
    worker.start()
    wait_for(lambda: "is not called: it is private or loopback" in worker.log, "the refusal")
    assert worker.switch.requests == []
    assert "/hook" not in worker.log
