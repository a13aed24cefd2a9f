"""The queue on disk: what it sends, keeps, gives up and drops, and what it does when the disk fails."""

import contextlib
import errno
import logging
import os
import shutil
import threading
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource

from sightglass.export.losses import Outcome

from .spooling import Account, Receiving, item, numbers, segments, spooling


def put(queue, records):
    """Hand over numbered records."""
    for number in records:
        queue.put(item(number))


def test_records_arrive_in_batches_and_nothing_stays_on_disk(tmp_path):
    """At most `batch` in a request, each record once, and after a flush not even a folder."""
    receiving = Receiving()
    with spooling(tmp_path, receiving) as queue:
        put(queue, range(95))
        assert queue.flush(10)
        assert sorted(receiving.taken) == list(range(95))
        assert max(map(len, receiving.batches)) <= 10
        assert len(queue) == 0
        # Not only after the end: a server may end its process right after the flush.
        assert list(tmp_path.iterdir()) == []
        put(queue, [95])
        assert queue.flush(10)
        assert 95 in receiving.taken


def test_a_lone_record_waits_only_as_long_as_it_may_linger(tmp_path):
    """Without a flush and without a full batch."""
    receiving = Receiving()
    with spooling(tmp_path, receiving) as queue:
        put(queue, [1])
        assert receiving.wait_for(lambda: receiving.taken == [1])


@pytest.mark.parametrize("reason", ["503", "429", "401", "403", "404", "500", "ConnectionError", "UNAVAILABLE"])
def test_what_can_pass_is_tried_until_it_does(tmp_path, reason):
    """An outage of any kind costs nothing: kept, not told as lost, and delivered when it is over."""
    receiving, account = Receiving(), Account()
    receiving.be(reason)
    with spooling(tmp_path, receiving, account) as queue:
        put(queue, range(30))
        assert receiving.wait_for(lambda: receiving.attempts >= 2)
        assert not queue.flush(0.01)
        assert len(queue) == 30
        receiving.be_well()
        assert queue.flush(10)
        assert sorted(receiving.taken) == list(range(30))
        assert (account.record.take(), account.dropped) == (0, {})


def test_an_outage_makes_few_files(tmp_path):
    """While the receiver is away a segment is sealed only when it is full, however long it takes."""
    receiving = Receiving()
    receiving.be("503")
    with spooling(tmp_path, receiving, batch=50) as queue:
        for number in range(100):
            put(queue, [number])
            if number % 20 == 0:
                assert receiving.wait_for(lambda seen=receiving.attempts: receiving.attempts > seen or seen > 3)
        assert len(segments(tmp_path)) <= 4


def test_what_is_refused_for_good_goes_and_blocks_nothing(tmp_path):
    """One batch that the receiver will never take is lost alone."""
    receiving = Receiving()

    def answer(batch):
        refused = 13 in numbers(batch)
        return Outcome(delivered=not refused, lost=len(batch) * refused, reason="400" * refused)

    receiving.answer = answer
    with spooling(tmp_path, receiving) as queue:
        put(queue, range(50))
        assert queue.flush(10)
        assert sorted(receiving.taken) == [number for number in range(50) if not 10 <= number < 20]
        assert segments(tmp_path) == []


def test_a_batch_that_never_passes_does_not_hold_up_the_others(tmp_path):
    """Not even where the answer says that it might: others are tried in between."""
    receiving = Receiving()
    receiving.answer = lambda batch: Outcome(delivered=13 not in numbers(batch), reason="500")
    with spooling(tmp_path, receiving) as queue:
        put(queue, range(50))
        assert receiving.wait_for(lambda: len(receiving.taken) == 40)
        assert len(queue) == 10


def test_a_full_spool_drops_the_oldest_and_says_so(tmp_path):
    """Delivered and dropped are all there was."""
    receiving, account = Receiving(), Account()
    receiving.be("503")
    with spooling(tmp_path, receiving, account, max_bytes=8_000, batch=20) as queue:
        put(queue, range(1_000))
        assert sum(file.stat().st_size for file in segments(tmp_path)) <= 8_000
        receiving.be_well()
        assert queue.flush(10)
        assert account.dropped == {"spool_full": 1_000 - len(receiving.taken)}
        assert account.record.take() == 1_000 - len(receiving.taken) > 0
        assert 999 in receiving.taken


def test_what_a_process_leaves_is_sent_by_the_next_as_its_own(tmp_path):
    """With the resource of the process that recorded it; and it is in that one's counts, not in the heir's."""
    receiving = Receiving()
    receiving.be("503")
    with spooling(tmp_path, receiving) as queue:
        for number in range(25):
            queue.put(item(number, Resource({"service.instance.id": "dead"})))
    receiving.own.clear()
    receiving.be_well()
    with spooling(tmp_path, receiving):
        assert receiving.wait_for(lambda: len(receiving.taken) == 25)
    assert sorted(receiving.taken) == list(range(25))
    assert all(b"dead" in owner.resource for batch in receiving.batches for owner, _, _ in batch)
    assert receiving.own == {False}
    assert list(tmp_path.iterdir()) == []


def test_of_several_heirs_each_record_has_one(tmp_path):
    """Processes that start at once share out what the dead left; none sends what another does."""
    receiving = Receiving()
    receiving.be("503")
    for start in range(0, 200, 20):
        with spooling(tmp_path, receiving) as queue:
            put(queue, range(start, start + 20))
    receiving.be_well()
    with spooling(tmp_path, receiving), spooling(tmp_path, receiving), spooling(tmp_path, receiving):
        assert receiving.wait_for(lambda: len(receiving.taken) >= 200)
    assert sorted(receiving.taken) == list(range(200))


def test_a_torn_end_is_left_out_and_told(tmp_path, caplog):
    """What was written whole before it arrives."""
    receiving, account = Receiving(), Account()
    receiving.be("503")
    with spooling(tmp_path, receiving) as queue:
        put(queue, range(8))
    (file,) = segments(tmp_path)
    os.truncate(file, file.stat().st_size - 1)
    receiving.be_well()
    with spooling(tmp_path, receiving, account):
        assert receiving.wait_for(lambda: len(receiving.taken) == 7)
    assert receiving.taken == list(range(7))
    assert account.disk == {"torn": 1}
    assert "were not written whole" in caplog.text
    assert list(tmp_path.iterdir()) == []


def open_folders(home):
    """Folders of a spool that this process has open, which is how it locks them."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += [path for path in home.iterdir() if path.samefile(descriptor)]
    return found


def test_a_forked_child_has_a_folder_of_its_own_and_no_lock_of_its_parent(tmp_path):
    """What the parent wrote is sent once, by the parent; and the child does not keep it from heirs."""
    receiving = Receiving()
    receiving.be("503")
    with spooling(tmp_path, receiving, batch=5) as queue:
        put(queue, range(12))
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                receiving.changed = threading.Condition()  # the other may be held by a thread of the parent's
                receiving.be_well()
                put(queue, [100])
                folders = {file.parent for file in segments(tmp_path)}
                locked = len(open_folders(tmp_path))
                told = len(folders), locked, queue.flush(10), receiving.taken, len(queue)
                os.write(writer, repr(told).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            assert pipe.read() == b"(2, 1, True, [100], 0)"
        os.waitpid(child, 0)
        receiving.be_well()
        assert queue.flush(10)
        assert sorted(receiving.taken) == list(range(12))


class FullDisk:
    """`os.write` on a disk with room for so many bytes."""

    def __init__(self):
        self.left = 1 << 40
        self._write = os.write

    def __call__(self, descriptor, data):
        """Write what there is room for."""
        room = min(len(data), self.left)
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= room
        return self._write(descriptor, data[:room])


@pytest.fixture
def disk(monkeypatch):
    """A disk that can be full, and is looked at again at once."""
    disk = FullDisk()
    monkeypatch.setattr("sightglass.spool.segment.os.write", disk)
    monkeypatch.setattr("sightglass.spool.queue._DISK_PAUSE_SECONDS", 0.0)
    return disk


@pytest.mark.parametrize("room", [0, 1, 10, 500])
def test_a_full_disk_costs_no_record_and_no_caller(tmp_path, disk, room, caplog):
    """Also in the middle of an entry: memory takes what the disk does not, one warning, and later the disk again."""
    caplog.set_level(logging.WARNING)
    receiving, account, memory = Receiving(), Account(), []
    receiving.be("503")
    with spooling(tmp_path, receiving, account, batch=1_000, memory=memory) as queue:
        put(queue, range(20))
        disk.left = room
        put(queue, range(20, 80))
        assert account.disk["ENOSPC"] > 0
        assert sum("can't be written" in record.message for record in caplog.records) == 1
        disk.left = 1 << 40
        put(queue, range(80, 100))
        receiving.be_well()
        assert queue.flush(10)
    assert set(range(20)) | set(range(80, 100)) <= set(receiving.taken)
    assert sorted(receiving.taken + numbers(memory)) == list(range(100))
    assert account.disk.keys() == {"ENOSPC"}
    assert account.dropped == {}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path, monkeypatch):
    """What was in it is counted as lost; what comes later goes on, and no caller sees an error."""
    monkeypatch.setattr("sightglass.spool.queue._DISK_PAUSE_SECONDS", 0.0)
    receiving, account, memory = Receiving(), Account(), []
    receiving.be("503")
    home = tmp_path / "spool"
    with spooling(home, receiving, account, memory=memory) as queue:
        put(queue, range(20))
        assert receiving.wait_for(lambda: receiving.attempts > 0)
        shutil.rmtree(home)
        put(queue, range(20, 40))
        receiving.be_well()
        assert queue.flush(10)
        arrived = receiving.taken + numbers(memory)
        assert 39 in arrived
        assert len(arrived) == len(set(arrived))
        assert account.dropped == {"spool_unreadable": 40 - len(arrived)}


def test_a_home_that_is_no_folder_leaves_everything_in_memory(tmp_path):
    """A setting that cannot work costs the spool, not the records."""
    home = tmp_path / "file"
    home.write_text("")
    receiving, account, memory = Receiving(), Account(), []
    with spooling(home, receiving, account, memory=memory) as queue:
        put(queue, range(20))
        assert queue.flush(10)
    assert numbers(memory) == list(range(20))
    assert sum(account.disk.values()) >= 1


def test_a_disk_without_locks_leaves_everything_in_memory_and_nothing_behind(tmp_path, monkeypatch):
    """As with some network file systems: unlocked, two processes would send the same, so nothing is written there."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("sightglass.spool.folder.fcntl.flock", refuse)
    monkeypatch.setattr("sightglass.spool.queue._DISK_PAUSE_SECONDS", 0.0)
    receiving, account, memory = Receiving(), Account(), []
    with spooling(tmp_path, receiving, account, memory=memory) as queue:
        put(queue, range(20))
        assert queue.flush(10)
    assert numbers(memory) == list(range(20))
    assert account.disk == {"ENOLCK": 20}
    assert list(tmp_path.iterdir()) == []


def test_after_the_end_a_record_is_dropped_and_nothing_raises(tmp_path):
    """As with every queue."""
    receiving = Receiving()
    with spooling(tmp_path, receiving) as queue:
        pass
    put(queue, [1])
    assert not queue.flush(0.1)
    assert receiving.taken == []


def test_many_threads_lose_nothing(tmp_path):
    """Records of several threads, while segments are sealed, sent and deleted."""
    receiving = Receiving()
    with spooling(tmp_path, receiving, linger_seconds=0.001) as queue:
        threads = [threading.Thread(target=put, args=(queue, range(start, 4_000, 4))) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert queue.flush(20)
    assert sorted(receiving.taken) == list(range(4_000))
