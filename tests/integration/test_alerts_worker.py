"""The real worker process: failures of ClickHouse, of files and of channels, and how it starts and stops."""

import json
import socket
import threading
import time

import pytest

from tests.integration.alert_worker import AlertWorker, wait_for
from tests.notify.receivers import HttpReceiver

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - alert: TooManyErrors
        metric: error_ratio
        condition: "> 0.05"
        annotations: {summary: "{{ value | percent }}"}
"""


def hooks(**urls: str) -> str:
    """A file with webhooks by their names, all told at once."""
    entries = "".join(
        f'  - {{name: {name}, type: webhook, url: "{url}", allow_private: true, timeout: 30s}}\n'
        for name, url in urls.items()
    )
    route = f"{{channels: [{', '.join(urls)}], group_wait: 0s, group_interval: 0s}}"
    return f"channels:\n{entries}routes:\n  - {route}\n"


@pytest.fixture
def worker(tmp_path):
    """A worker with one rule and no channel."""
    with AlertWorker(tmp_path) as worker:
        worker.rules.write_text(RULES)
        worker.notifications.write_text("channels: []\n")
        yield worker


def state(worker: AlertWorker) -> str | None:
    """The state of the one alert."""
    return worker.alert("TooManyErrors").get("state")


def test_a_failing_database_resolves_nothing(worker):
    """While figures can't be had the alert fires on and shows the error; it resolves when they say so."""
    with HttpReceiver() as receiver:
        worker.notifications.write_text(hooks(hook=receiver.url))
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: receiver.requests, "the message")
        worker.set_figures(error_ratio="down")
        failed = wait_for(lambda: worker.alert("TooManyErrors").get("error") and worker.alert("TooManyErrors"), "error")
        assert (failed["state"], failed["error"]) == ("firing", "ClickHouse can't be reached")
        evaluated = failed["last_evaluated_at"]
        wait_for(lambda: worker.alert("TooManyErrors")["last_evaluated_at"] > evaluated, "another look")
        assert state(worker) == "firing"
        worker.set_figures(error_ratio=0.0)
        wait_for(lambda: state(worker) == "resolved", "resolved")
        wait_for(lambda: len(receiver.requests) == 2, "the end")
        assert [body["status"] for _, _, body in receiver.requests] == ["firing", "resolved"]


def test_without_clickhouse_the_real_worker_runs_and_says_so(tmp_path):
    """No ClickHouse at all: a heartbeat, an error at every rule, no alert, and a clean stop within ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    password = tmp_path / "password"
    password.write_text("x")
    environment = {
        "SIGHTGLASS_WORKER_CLICKHOUSE_URL": f"http://127.0.0.1:{port}",
        "SIGHTGLASS_WORKER_CLICKHOUSE_PASSWORD_FILE": str(password),
    }
    with AlertWorker(tmp_path, real=True, environment=environment) as worker:
        worker.rules.write_text(RULES)
        worker.notifications.write_text("channels: []\n")
        worker.start()
        failed = wait_for(lambda: worker.alert("TooManyErrors").get("error") and worker.alert("TooManyErrors"), "error")
        assert failed["state"] == "inactive"
        assert "reached" in failed["error"]
        heartbeat = json.loads((tmp_path / "run" / "worker.heartbeat").read_text())
        assert time.time() - heartbeat["at"] < 10
        assert worker.answer()["worker"]["state"] == "running"
        code, seconds = worker.stop()
        assert code == 0
        assert seconds < 10


def test_a_bad_rules_file_keeps_the_old_rules(worker):
    """With an error in the file the old rule goes on, the error is shown with its line, and mending it takes effect."""
    worker.start()
    wait_for(lambda: state(worker) == "inactive", "a first look")
    worker.rules.write_text(RULES.replace("error_ratio", "eror_ratio"))
    error = wait_for(lambda: worker.answer()["worker"]["error"], "the error")
    assert "rules.yaml:7: groups[0].rules[0].metric: unknown metric 'eror_ratio'" in error
    worker.set_figures(error_ratio=0.9)
    wait_for(lambda: state(worker) == "firing", "the old rule to fire")
    worker.rules.write_text(RULES.replace("> 0.05", "> 0.95"))
    wait_for(lambda: state(worker) == "resolved", "the new threshold")
    wait_for(lambda: worker.answer()["worker"]["error"] is None, "no error")


def test_sighup_reads_the_files_at_once(tmp_path):
    """Of a worker that looks at its files once an hour, a signal puts new rules in force; a bad file keeps the old."""
    with AlertWorker(tmp_path, environment={"SIGHTGLASS_WORKER_RELOAD_SECONDS": "3600"}) as worker:
        worker.rules.write_text(RULES)
        worker.notifications.write_text("channels: []\n")
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: state(worker) == "firing", "the first rule to fire")
        worker.rules.write_text(RULES.replace("> 0.05", "> 0.95") + "      - {alert: Other}\n")
        worker.hang_up()
        error = wait_for(lambda: worker.answer()["worker"]["error"], "the error")
        assert "rules.yaml:10: groups[0].rules[1]" in error
        evaluated = worker.alert("TooManyErrors")["last_evaluated_at"]
        wait_for(lambda: worker.alert("TooManyErrors")["last_evaluated_at"] > evaluated, "another look")
        assert state(worker) == "firing", "nothing of a bad file is in force"
        worker.rules.write_text(RULES.replace("> 0.05", "> 0.95"))
        worker.hang_up()
        wait_for(lambda: state(worker) == "resolved", "the new threshold")
        wait_for(lambda: worker.answer()["worker"]["error"] is None, "no error")
        assert worker.exited is None


def test_a_bad_file_at_the_start_is_no_reason_to_end(worker):
    """Nothing is known about the rules: the worker waits for a file it can read, and retires nothing."""
    worker.rules.write_text("groups: 5\n")
    worker.start()
    assert "rules.yaml:1" in wait_for(lambda: worker.answer()["worker"]["error"], "the error")
    worker.rules.write_text(RULES)
    wait_for(lambda: state(worker) == "inactive", "the rule")


def test_a_removed_rule_ends_its_alert_and_tells(worker):
    """Its channel hears the end, with the cause."""
    with HttpReceiver() as receiver:
        worker.notifications.write_text(hooks(hook=receiver.url))
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: receiver.requests, "the message")
        worker.rules.write_text("groups: []\n")
        wait_for(lambda: len(receiver.requests) == 2, "the end")
        assert receiver.requests[1][2]["status"] == "resolved"
        assert worker.alert("TooManyErrors")["cause"] == "rule_removed"


def test_a_slow_channel_delays_neither_another_nor_the_evaluation(worker):
    """While one receiver holds its connection open, the other gets its messages and looks go on."""
    held = threading.Event()
    with HttpReceiver(hold=held) as slow, HttpReceiver() as fast:
        worker.notifications.write_text(hooks(slow=slow.url, fast=fast.url))
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: fast.requests, "the fast channel")
        before = worker.alert("TooManyErrors")["last_evaluated_at"]
        worker.set_figures(error_ratio=0.0)
        wait_for(lambda: len(fast.requests) == 2, "the fast channel's second message")
        assert worker.alert("TooManyErrors")["last_evaluated_at"] > before
        assert len(slow.requests) == 1
        code, seconds = worker.stop()
        assert (code, seconds < 10) == (0, True)
        held.set()


def test_a_second_worker_on_the_same_store_is_refused(worker, tmp_path):
    """It ends at once and names the first; two would tell everything twice."""
    worker.start()
    wait_for(lambda: state(worker) == "inactive", "a first look")
    with AlertWorker(tmp_path) as second:
        second.start()
        assert wait_for(lambda: second.exited, "its end") != 0
        assert "used by another alert worker" in second.log


def test_the_answer_before_any_worker(tmp_path):
    """No store, no alerts, and a worker that never ran."""
    assert AlertWorker(tmp_path).answer() == {
        "alerts": [],
        "worker": {"state": "never", "last_evaluation_at": None, "error": None, "standby": 0},
    }
