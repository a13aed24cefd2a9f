"""kill -9 of the real worker process, against a real SMTP server and a real HTTP receiver."""

import random
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import datetime

import pytest

from tests.integration.alert_worker import AlertWorker, wait_for
from tests.notify.receivers import HttpReceiver, SmtpReceiver

pytestmark = pytest.mark.integration

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - {alert: TooManyErrors, metric: error_ratio, condition: "> 0.05", labels: {severity: page}}
      - {alert: Slow, metric: latency_p95, condition: "> 1", for: 6s}
"""
KILLS = 12


def write_files(worker: AlertWorker, smtp: SmtpReceiver, http: HttpReceiver) -> None:
    """Two rules and two channels."""
    worker.rules.write_text(RULES)
    worker.notifications.write_text(f"""
channels:
  - {{name: mail, type: email, host: 127.0.0.1, port: {smtp.port}, tls: none, from: a@example.org, to: [b@example.org]}}
  - {{name: hook, type: webhook, url: "{http.url}", allow_private: true}}
routes:
  - {{channels: [mail, hook], group_wait: 0s, group_interval: 0s}}
""")


def outbox(worker: AlertWorker) -> list[tuple[str, str, str, str, float | None]]:
    """Every message there ever was, in order."""
    with closing(sqlite3.connect(worker.folder / "worker" / "alerts.sqlite")) as store:
        query = "SELECT channel, incident, status, idempotency_key, delivered_at FROM notifications ORDER BY id"
        return store.execute(query).fetchall()


def test_nothing_is_lost_and_duplicates_have_the_same_key(tmp_path):
    """Killed at random moments while it fires and resolves: every message arrives, and each incident in its order."""
    chance = random.Random(7)
    with SmtpReceiver() as smtp, HttpReceiver() as http, AlertWorker(tmp_path) as worker:
        write_files(worker, smtp, http)
        for number in range(KILLS):
            worker.set_figures(error_ratio=0.9 if number % 2 == 0 else 0.0)
            http.status = 503 if number % 3 == 0 else 200
            worker.start()
            wait_for((tmp_path / "worker" / "alerts.sqlite").exists, "the store")
            wanted = "firing" if number % 2 == 0 else "resolved"
            if number % 4 < 2:
                # Half the time it gets as far as the change and is killed in the middle of what that causes.
                wait_for(lambda wanted=wanted: worker.alert("TooManyErrors").get("state") == wanted, wanted)
            time.sleep(chance.random() * 1.5)
            worker.kill()
        http.status = 200
        worker.set_figures(error_ratio=0.0)
        worker.start()
        wait_for(lambda: all(row[4] for row in outbox(worker)), "every message to be delivered")
        wait_for(lambda: worker.alert("TooManyErrors").get("state") == "resolved", "the end")
        wait_for(lambda: outbox(worker)[-1][2] == "resolved", "the end's messages")
        wait_for(lambda: all(row[4] for row in outbox(worker)), "every message to be delivered")

        rows = outbox(worker)
        assert worker.stop()[0] == 0
        assert len(rows) >= 8, "it fired and resolved at least twice, on two channels"
        mails = [str(mail["X-Sightglass-Idempotency-Key"]) for mail in smtp.mails]
        posts = [headers["Idempotency-Key"] for _, headers, _ in http.requests]
        for channel, arrived in (("mail", mails), ("hook", posts)):
            sent = [row[3] for row in rows if row[0] == channel]
            assert len(set(sent)) == len(sent)
            assert set(arrived) == set(sent), "nothing lost, nothing invented"
            assert list(dict.fromkeys(arrived)) == sent, "in order"
            assert max(Counter(arrived).values()) <= 2, "a duplicate is a send that was under way at a kill"
        for channel in ("mail", "hook"):
            incidents = [(row[1], row[2]) for row in rows if row[0] == channel]
            for incident in {incident for incident, _ in incidents}:
                assert [status for one, status in incidents if one == incident] == ["firing", "resolved"]


def test_progress_of_for_survives_a_kill(tmp_path):
    """An alert that waits goes on waiting from where it was, and tells of the time it began."""
    with SmtpReceiver() as smtp, HttpReceiver() as http, AlertWorker(tmp_path) as worker:
        write_files(worker, smtp, http)
        worker.set_figures(latency_p95=5.0)
        worker.start()
        before = wait_for(lambda: worker.alert("Slow").get("state") == "pending" and worker.alert("Slow"), "pending")
        worker.kill()
        worker.start()
        after = wait_for(lambda: worker.alert("Slow").get("state") == "firing" and worker.alert("Slow"), "firing")
        assert after["active_since"] == before["active_since"]
        wait_for(lambda: len(http.requests) == 1 and len(smtp.mails) == 1, "both messages")
        (alert,) = http.requests[0][2]["alerts"]
        assert datetime.fromisoformat(alert["startsAt"]) == datetime.fromisoformat(after["fired_at"])


def test_undelivered_messages_survive_a_kill(tmp_path):
    """A message that its receiver refused before the kill arrives after it."""
    with SmtpReceiver() as smtp, HttpReceiver(status=500) as http, AlertWorker(tmp_path) as worker:
        write_files(worker, smtp, http)
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: smtp.mails, "the mail")
        worker.kill()
        http.status = 200
        worker.start()
        wait_for(lambda: http.requests, "the post")
        assert worker.stop()[0] == 0
        assert len(smtp.mails) <= 2
        assert len({str(mail["Message-ID"]) for mail in smtp.mails}) == 1


def test_a_send_under_way_at_the_kill_is_made_again_with_its_key(tmp_path):
    """The receiver had it but could not say so: it gets it again, and can tell by the key."""
    held = threading.Event()
    with SmtpReceiver() as smtp, HttpReceiver(hold=held) as http, AlertWorker(tmp_path) as worker:
        write_files(worker, smtp, http)
        worker.set_figures(error_ratio=0.9)
        worker.start()
        wait_for(lambda: http.requests, "the post")
        worker.kill()
        held.set()
        worker.start()
        wait_for(lambda: len(http.requests) == 2, "the post again")
        assert len({headers["Idempotency-Key"] for _, headers, _ in http.requests}) == 1
        wait_for(lambda: all(row[4] for row in outbox(worker)), "both to be delivered")
