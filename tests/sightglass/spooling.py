"""What the tests of the disk spool share."""

import threading
from contextlib import contextmanager

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from sightglass.export.export_queue import ExportQueue
from sightglass.export.losses import LossRecord, Outcome
from sightglass.otlp.request import encode_owner
from sightglass.spool.queue import SpoolQueue
from sightglass.tallies import Tallies

RESOURCE = Resource({"service.name": "s", "service.instance.id": "one"})
SCOPE = InstrumentationScope("scope", "1")
OWNER = encode_owner(RESOURCE, SCOPE)


def item(number, resource=RESOURCE):
    """A record as the library queues it."""
    return resource, SCOPE, b"%d" % number


def numbers(records):
    """The records' numbers."""
    return [int(content) for _, _, content in records]


class Receiving:
    """A delivery that takes batches, or what `answer` says in place of it."""

    def __init__(self):
        self.changed = threading.Condition()
        self.be_well()
        self.taken = []
        self.batches = []
        self.attempts = 0
        self.own = set()

    def attempt(self, batch, *, own_queue):
        """Send one batch."""
        outcome = self.answer(batch)
        with self.changed:
            self.attempts += 1
            self.own.add(own_queue)
            if outcome.delivered:
                self.taken += numbers(batch)
                self.batches.append(batch)
            self.changed.notify_all()
        return outcome

    def be_well(self):
        """Take everything from now on."""
        self.answer = lambda _batch: Outcome(delivered=True)

    def be(self, reason, lost=0):
        """Fail so from now on."""
        self.answer = lambda batch: Outcome(delivered=False, lost=lost and len(batch), reason=reason)

    def wait_for(self, condition, seconds=20):
        """Wait until an attempt made `condition` true."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)


class Account:
    """A queue's losses, by reason, and the disk's errors."""

    def __init__(self):
        self.tallies = Tallies()
        self.record = LossRecord(self.tallies)

    @property
    def dropped(self):
        """Records by why they were dropped."""
        self.tallies.logs_processed.freeze()
        return {dict(key)["error.type"]: count for key, count in self.tallies.logs_processed._frozen.items()}

    @property
    def disk(self):
        """Errors of the disk."""
        self.tallies.spool_errors.freeze()
        return {dict(key)["error.type"]: count for key, count in self.tallies.spool_errors._frozen.items()}


@contextmanager
def spooling(home, receiving, account=None, *, max_bytes=1 << 20, batch=10, linger_seconds=0.01, memory=None):
    """A running queue."""
    queue = SpoolQueue(
        receiving,
        (account or Account()).record,
        home,
        in_memory=lambda export: ExportQueue(export, print, capacity=100, batch=10, linger_seconds=0.01),
        export=(memory if memory is not None else []).extend,
        max_bytes=max_bytes,
        batch=batch,
        linger_seconds=linger_seconds,
    )
    try:
        yield queue
    finally:
        queue.close()


def segments(home):
    """All files of a spool."""
    return sorted(home.glob("process-*/*"))
