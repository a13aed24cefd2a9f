"""Two real workers on one real PostgreSQL: whatever happens to the one that leads, people are paged once."""

import time
from contextlib import ExitStack, closing

import pytest
import sqlalchemy as sa

from services.monitoring_api.alerting.engine import open_store
from services.monitoring_api.alerting.store import alert_events, workers
from services.monitoring_api.worker.store import Store
from tests.integration.alert_worker import AlertWorker, wait_for
from tests.notify.receivers import HttpReceiver

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

RULES = """
groups:
  - name: errors
    interval: 1s
    rules:
      - {alert: TooManyErrors, metric: error_ratio, condition: "> 0.05", for: 3s}
"""


class Two:
    """A leader, a worker that stands by, and the receiver of both."""

    def __init__(self, stack: ExitStack, folder, url: str, lease_seconds: float) -> None:
        with closing(Store(url)) as store:
            store.create()
        self.receiver = stack.enter_context(HttpReceiver())
        self.engine = open_store(url, writer=False)
        stack.callback(self.engine.dispose)
        self.leader, self.other = (
            stack.enter_context(self._worker(folder / name, url, lease_seconds)) for name in ("first", "second")
        )
        self.leader.start()
        wait_for(lambda: self.leading() == 1, "the first to lead")
        self.other.start()
        wait_for(lambda: len(self.alive()) == 2, "the second to stand by")

    def _worker(self, folder, url: str, lease_seconds: float) -> AlertWorker:
        folder.mkdir()
        environment = {
            "SIGHTGLASS_WORKER_STORE_URL": url,
            "SIGHTGLASS_WORKER_LEASE_SECONDS": str(lease_seconds),
            "SIGHTGLASS_WORKER_HEARTBEAT_SECONDS": "0.2",
        }
        worker = AlertWorker(folder, environment=environment)
        worker.rules.write_text(RULES)
        worker.notifications.write_text(
            f'channels:\n  - {{name: hook, type: webhook, url: "{self.receiver.url}", allow_private: true}}\n'
            "routes: [{channels: [hook], group_wait: 0s, group_interval: 0s}]\n"
        )
        return worker

    def breach(self, ratio: float = 0.9) -> None:
        """Both see the same figures."""
        for worker in (self.leader, self.other):
            worker.set_figures(error_ratio=ratio)

    def alive(self) -> list[bool]:
        """Of each worker that gave a sign of life within two seconds: whether it leads."""
        with self.engine.begin() as connection:
            query = sa.select(workers.c.leads).where(workers.c.heartbeat_at > time.time() - 2.0)
            return list(connection.execute(query).scalars())

    def leading(self) -> int:
        """How many say that they lead."""
        return sum(self.alive())

    def events(self) -> list[str]:
        """What happened, in order."""
        with self.engine.begin() as connection:
            return list(connection.execute(sa.select(alert_events.c.kind).order_by(alert_events.c.id)).scalars())

    def pages(self) -> list[str]:
        """The state of each message that arrived."""
        return [body["status"] for _, _, body in self.receiver.requests]


@pytest.fixture
def two(postgresql, tmp_path):
    """Make them: `two(lease_seconds)`."""
    with ExitStack() as stack:
        yield lambda lease_seconds: Two(stack, tmp_path, postgresql.database(), lease_seconds)


def test_a_killed_leader_is_followed_within_fifteen_seconds_and_pages_once(two):
    """Killed while the alert waits: the other goes on from where it was, and one page is sent, and one end."""
    two = two(10.0)
    two.breach()
    wait_for(lambda: two.events() == ["pending"], "pending")
    two.leader.kill()
    wait_for(lambda: two.other.answer()["worker"]["state"] == "running" and two.alive() == [True], "its turn", 15)
    wait_for(two.pages, "the page")
    two.breach(0.0)
    wait_for(lambda: len(two.pages()) == 2, "the end")
    assert two.pages() == ["firing", "resolved"]
    assert two.events() == ["pending", "fired", "resolved"]


def test_a_leader_that_was_paused_notices_and_pages_nobody(two):
    """It wakes up after another has taken over: it records and sends nothing, and stands by from then on."""
    two = two(3.0)
    two.breach()
    wait_for(lambda: two.events() == ["pending"], "pending")
    two.leader.pause()
    wait_for(two.pages, "the other's page")
    two.leader.resume()
    wait_for(lambda: "stands by" in two.leader.log, "the paused one to notice")
    wait_for(lambda: sorted(two.alive()) == [False, True], "one that leads and one that stands by")
    two.breach(0.0)
    wait_for(lambda: len(two.pages()) == 2, "the end")
    two.other.stop()
    wait_for(lambda: two.alive() == [True], "the first to lead again")
    two.breach()
    wait_for(lambda: len(two.pages()) == 3, "a page of the first")
    assert two.pages() == ["firing", "resolved", "firing"]
    assert two.events() == ["pending", "fired", "resolved", "pending", "fired"]


def test_a_leader_that_ends_in_order_is_followed_at_once(two):
    """SIGTERM gives the lease back: nobody waits for its end, here a minute."""
    two = two(60.0)
    assert two.leader.stop()[0] == 0
    wait_for(lambda: two.alive() == [True], "its turn", seconds=10)
