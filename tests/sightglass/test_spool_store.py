"""Segments and folders of the disk spool: modes, bound, and who may have what."""

import stat
import subprocess
import sys

import pytest

from sightglass.spool.folder import Folder, orphans
from sightglass.spool.store import Store

from .spooling import item, numbers, segments


@pytest.fixture
def make(tmp_path):
    """Makes stores that count what they drop, and leaves them in the end."""
    made = []

    def make(**options):
        dropped = []
        store = Store(
            tmp_path,
            **{"max_bytes": 1 << 20, "batch": 10, "dropped": dropped.append, "failed": print, **options},
        )
        store.drops = dropped
        made.append(store)
        return store

    yield make
    for store in made:
        store.leave()


def all_sealed(store):
    """Numbers of all records that wait, the oldest first."""
    store.seal()
    taken = []
    while segment := store.take():
        taken += numbers(segment.read().records)
        store.settle(segment)
    return taken


def test_records_are_for_the_owner_s_eyes_only(make, tmp_path):
    """Files are 0600 and folders 0700: features are in them."""
    store = make()
    store.append(item(1))
    (file,) = segments(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_record_is_in_its_file_when_append_returns(make, tmp_path):
    """Nothing is buffered in the process: a kill finds nothing to lose."""
    store = make()
    for number in range(3):
        store.append(item(number))
    (file,) = segments(tmp_path)
    assert store.size == file.stat().st_size > 0
    store.seal()
    assert numbers(store.take().read().records) == [0, 1, 2]


def test_segments_end_when_they_are_full_and_go_when_they_are_settled(make, tmp_path):
    """An outage makes one file for each batch; delivery leaves none, and no folder either."""
    store = make(batch=4)
    for number in range(10):
        store.append(item(number))
    assert len(segments(tmp_path)) == 3
    assert store.records == 10
    assert all_sealed(store) == list(range(10))
    assert (store.records, store.size, store.unsettled) == (0, 0, set())
    store.leave()
    assert list(tmp_path.iterdir()) == []


def test_the_bound_is_kept_by_dropping_the_oldest(make, tmp_path):
    """The folder never holds more than it may; every record that had to go is counted."""
    store = make(max_bytes=8_000, batch=1_000)
    for number in range(2_000):
        store.append(item(number))
        assert sum(file.stat().st_size for file in segments(tmp_path)) == store.size <= 8_000
    left = all_sealed(store)
    assert left == list(range(2_000 - len(left), 2_000))
    assert sum(store.drops) == 2_000 - len(left) > 0


def test_what_is_being_sent_is_not_dropped(make, tmp_path):
    """A segment is either dropped or delivered, never counted as both."""
    store = make(max_bytes=8_000, batch=5)
    for number in range(5):
        store.append(item(number))
    sending = store.take()
    for number in range(5, 2_000):
        store.append(item(number))
    assert numbers(sending.read().records) == [0, 1, 2, 3, 4]
    store.put_back(sending)
    store.append(item(2_000))
    assert sum(store.drops) + len(all_sealed(store)) == 2_001


def test_a_living_process_s_folder_is_nobody_else_s(make, tmp_path):
    """Only once it has left may one other have it."""
    store = make()
    store.append(item(1))
    assert orphans(tmp_path) == []
    store.leave()
    (folder,) = orphans(tmp_path)
    assert orphans(tmp_path) == []
    folder.leave()


def test_what_a_dead_process_left_is_taken_over_and_removed(make, tmp_path):
    """Its records keep their owner, and its folder goes with the last of them."""
    first, second = make(batch=2), make()
    for number in range(5):
        first.append(item(number))
    first.leave()
    for folder in orphans(tmp_path):
        second.adopt(folder)
    assert second.records == 0
    assert all_sealed(second) == list(range(5))
    assert list(tmp_path.iterdir()) == []


def test_what_was_delivered_but_not_deleted_comes_again(make, tmp_path):
    """A kill between the two repeats a whole segment, for readers to tell by identity; it loses nothing."""
    first, second = make(batch=4), make()
    for number in range(8):
        first.append(item(number))
    assert numbers(first.take().read().records) == [0, 1, 2, 3]
    first.forget()
    for folder in orphans(tmp_path):
        second.adopt(folder)
    assert all_sealed(second) == list(range(8))


def test_what_was_taken_over_counts_towards_the_bound(make, tmp_path):
    """A process that crashes again and again in an outage does not fill the disk; the oldest goes first."""
    dropped = 0
    for generation in range(20):
        store = make(max_bytes=8_000)
        for folder in orphans(tmp_path):
            store.adopt(folder)
        for number in range(50):
            store.append(item(generation * 50 + number))
        store.leave()
        dropped += sum(store.drops)
        assert sum(file.stat().st_size for file in segments(tmp_path)) <= 8_000
    last = make()
    for folder in orphans(tmp_path):
        last.adopt(folder)
    left = all_sealed(last)
    assert sorted(left) == list(range(1_000 - len(left), 1_000))
    assert dropped == 1_000 - len(left)


def test_a_folder_that_is_not_a_spool_s_is_left_alone(tmp_path):
    """Other folders and links are not followed, and what is not ours in one of ours stays."""
    (tmp_path / "other").mkdir()
    (tmp_path / "process-link").symlink_to(tmp_path / "other")
    mine = tmp_path / "process-mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("keep")
    (folder,) = orphans(tmp_path)
    assert folder.segments() == []
    folder.remove()
    assert (mine / "notes.txt").read_text() == "keep"
    assert orphans(tmp_path) == []
    folder.leave()


def test_a_new_folder_survives_those_who_look_for_dead_ones(tmp_path):
    """However many look while it is made, none takes it before its maker has locked it."""
    script = (
        "import sys, time, pathlib\n"
        "from sightglass.spool.folder import orphans\n"
        "home, end = pathlib.Path(sys.argv[1]), time.monotonic() + 2\n"
        "while time.monotonic() < end:\n"
        "    for folder in orphans(home):\n"
        "        folder.remove()\n"
    )
    vultures = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(2)]
    try:
        while any(vulture.poll() is None for vulture in vultures):
            folder = Folder.make(tmp_path)
            (folder.path / "x").touch()
            (folder.path / "x").unlink()
            folder.remove()
    finally:
        for vulture in vultures:
            vulture.wait(30)
    assert [vulture.returncode for vulture in vultures] == [0, 0]
