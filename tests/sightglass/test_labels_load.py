import io
import os

import pytest

from sightglass.labels.errors import LabelsError, NotDeliveredError
from sightglass.labels.load import CHUNK_ROWS, Load, Outcome
from sightglass.labels.options import LoadOptions
from sightglass.labels.position import Position, PositionStore, state_folder
from sightglass.labels.progress import Progress, bar
from tests.sightglass.labelled_files import TIME, ScriptedReceiver, numbered, write_csv

ENDPOINT = "http://127.0.0.1:4318"


class Loads:
    """Loads one file again and again, with what is said on the way.

    Attributes:
        said: All notes so far.
        positions: Where the position is remembered.
    """

    def __init__(self, folder, file):
        self.file = file
        self.positions = PositionStore(folder / "state")
        self.said = io.StringIO()
        self.now = 0.0

    def __call__(self, receiver, *, endpoint=ENDPOINT, **options):
        """Load it."""
        return self.load(endpoint, **options).run(lambda: receiver)

    def load(self, endpoint=ENDPOINT, **options):
        """The load of it."""
        return Load(
            LoadOptions(file=self.file, **options),
            endpoint=endpoint,
            positions=self.positions,
            progress=Progress(self.said, visible=False),
            clock=lambda: self.now,
        )

    @property
    def remembered(self):
        """The files of remembered positions."""
        return list((self.positions.path("x").parent).glob("*"))


class KilledError(BaseException):
    """Stands for the end of the process."""


def kill_at(number):
    """A script: the flush of this number never returns."""

    def on_flush(flush):
        if flush == number:
            raise KilledError
        return True

    return on_flush


@pytest.fixture
def loads(tmp_path):
    """A file of a little more than three chunks."""
    return Loads(tmp_path, numbered(tmp_path / "labels.csv", ROWS))


ROWS = 3 * CHUNK_ROWS + 7


def test_every_row_is_sent_once_in_order(loads):
    """One load sends the file as it is, and leaves nothing remembered."""
    receiver = ScriptedReceiver()
    assert loads(receiver) == Outcome(ROWS, ROWS, 0, 0)
    assert receiver.ids == [f"p{number}" for number in range(ROWS)]
    assert receiver.accepted[1].value == "late"
    assert loads.remembered == []


@pytest.mark.parametrize("flush", [1, 2, 3, 4])
def test_a_second_call_goes_on_where_the_first_was_killed(loads, flush):
    """Together they send every row once, and the second says where it goes on."""
    first, second = ScriptedReceiver(kill_at(flush)), ScriptedReceiver()
    with pytest.raises(KilledError):
        loads(first)
    before = (flush - 1) * CHUNK_ROWS
    assert loads(second) == Outcome(ROWS, ROWS - before, before, 0)
    assert first.ids + second.ids == [f"p{number}" for number in range(ROWS)]
    assert (f"Going on after row {before:,} of {ROWS:,}" in loads.said.getvalue()) == (flush > 1)
    assert loads.remembered == []


@pytest.mark.parametrize(
    "other", [{"restart": True}, {"as_text": True}, {"id_column": "label"}, {"endpoint": "http://other:4318"}]
)
def test_a_different_load_begins_with_the_first_row(loads, other):
    """--restart, another receiver, and another way to read the file send all of it."""
    with pytest.raises(KilledError):
        loads(ScriptedReceiver(kill_at(3)))
    assert loads(ScriptedReceiver(), **other) == Outcome(ROWS, ROWS, 0, 0)


def test_a_file_with_other_content_begins_with_the_first_row(loads):
    """One row more, or a letter changed in the middle, is another file."""
    with pytest.raises(KilledError):
        loads(ScriptedReceiver(kill_at(3)))
    content = loads.file.read_bytes()
    loads.file.write_bytes(content.replace(b"p5000,on", b"p5000,off"))
    assert loads(ScriptedReceiver()) == Outcome(ROWS, ROWS, 0, 0)
    loads.file.write_bytes(content + f"one-more,late,{TIME}\n".encode())
    assert loads(ScriptedReceiver()) == Outcome(ROWS + 1, ROWS + 1, 0, 0)


def test_the_position_follows_the_content_and_not_the_name(loads, tmp_path):
    """A copy elsewhere, written later, goes on as well."""
    with pytest.raises(KilledError):
        loads(ScriptedReceiver(kill_at(2)))
    loads.file = loads.file.rename(tmp_path / "moved.csv")
    os.utime(loads.file, (1, 1))
    assert loads(ScriptedReceiver()).sent_before == CHUNK_ROWS


def test_an_outage_is_waited_for_and_told(loads):
    """Nothing is handed over twice to a receiver that comes back in time."""
    receiver = ScriptedReceiver(lambda flush: not 2 <= flush <= 4)
    assert loads(receiver) == Outcome(ROWS, ROWS, 0, 0)
    assert receiver.ids == [f"p{number}" for number in range(ROWS)]
    told = f"{ENDPOINT} has not accepted the last rows for 0 s; trying again until 300 s (connection refused)."
    assert loads.said.getvalue().splitlines() == [told] * 3


def test_an_outage_longer_than_the_limit_ends_the_call_but_not_the_load(loads):
    """It says what to look at, and the next call goes on."""

    def on_flush(flush):
        loads.now += 10 * (flush > 2)
        return flush <= 2

    first, second = ScriptedReceiver(on_flush), ScriptedReceiver()
    with pytest.raises(
        NotDeliveredError, match=r"accepted nothing for 40 s \(connection refused\)\. 8,192 rows are done"
    ):
        loads(first, give_up_seconds=35)
    assert loads(second) == Outcome(ROWS, ROWS - 2 * CHUNK_ROWS, 2 * CHUNK_ROWS, 0)
    assert first.ids + second.ids == [f"p{number}" for number in range(ROWS)]


def bad_file(path):
    """Three good rows and twelve bad ones."""
    rows = [f"p0,late,{TIME}", *[",late," for _ in range(12)], f"p1,late,{TIME}", f"p2,late,{TIME}"]
    return write_csv(path, rows)


def test_a_bad_row_anywhere_sends_nothing(loads):
    """All of the file is checked first; ten rows are shown, all are counted, and the remedy is named."""
    bad_file(loads.file)
    receiver = ScriptedReceiver()
    with pytest.raises(LabelsError) as raised:
        loads(receiver)
    lines = str(raised.value).splitlines()
    assert lines[0] == f"12 of 15 rows of {loads.file} are no labels:"
    assert lines[1] == "  row 2 (line 3): prediction_id is empty"
    assert lines[11:] == [
        "  … and 2 more",
        "Nothing was sent. Correct the file, or leave these rows out with --skip-bad.",
    ]
    assert receiver.accepted == []
    assert loads.remembered == []


def test_skip_bad_leaves_out_and_counts(loads):
    """What is left out is shown, counted, and never sent."""
    bad_file(loads.file)
    receiver = ScriptedReceiver()
    assert loads(receiver, skip_bad=True) == Outcome(15, 3, 0, 12)
    assert receiver.ids == ["p0", "p1", "p2"]
    assert "12 of 15 rows" in loads.said.getvalue()
    assert "They are left out." in loads.said.getvalue()


def test_a_strict_call_does_not_go_on_from_a_lenient_one(loads):
    """Bad rows that --skip-bad passed over are an error again without it."""
    bad_file(loads.file)
    with pytest.raises(KilledError):
        loads(ScriptedReceiver(kill_at(1)), skip_bad=True)
    assert len(loads.remembered) == 1
    with pytest.raises(LabelsError, match="12 of 15 rows"):
        loads(ScriptedReceiver())


def test_a_dry_run_reads_everything_and_leaves_no_trace(loads):
    """It finds what a load would find; nothing is sent, nothing remembered."""
    assert loads.load().check() == Outcome(ROWS, 0, 0, 0, dry_run=True)
    bad_file(loads.file)
    with pytest.raises(LabelsError, match="12 of 15 rows"):
        loads.load().check()
    assert loads.load(skip_bad=True).check() == Outcome(15, 0, 0, 12, dry_run=True)
    assert loads.remembered == []


@pytest.mark.parametrize("change", ["grows", "breaks"])
def test_a_file_that_changes_meanwhile_is_no_success(loads, change):
    """Rows that came too late, or went bad, are not silently missing."""

    def on_flush(flush):
        if flush == 1 and change == "grows":
            loads.file.write_text(loads.file.read_text() + f"more,late,{TIME}\n")
        elif flush == 1:
            content = loads.file.read_bytes()
            loads.file.write_bytes(content[:-40] + b"," + content[-39:])
        return True

    with pytest.raises(LabelsError, match="changed while it was loaded"):
        loads(ScriptedReceiver(on_flush))


def test_a_state_folder_that_cannot_be_written_is_told_once(loads, tmp_path):
    """Loading goes on, for beginning again would change nothing."""
    (tmp_path / "file").touch()
    loads.positions = PositionStore(tmp_path / "file" / "state")
    assert loads(ScriptedReceiver()) == Outcome(ROWS, ROWS, 0, 0)
    assert loads.said.getvalue().count("can't be remembered") == 1
    assert "XDG_STATE_HOME" in loads.said.getvalue()


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format": 2, "rows": 1, "sent": 1, "total": 2, "bad": 0}',
        b'{"format": 1, "rows": 9, "sent": 1, "total": 2, "bad": 0}',
        b'{"format": 1, "rows": null, "sent": 1, "total": 2, "bad": 0}',
    ],
)
def test_a_remembered_position_that_makes_no_sense_is_none(tmp_path, held):
    """A torn or foreign state file begins the load anew."""
    store = PositionStore(tmp_path)
    store.write("key", Position(1, 1, 2, 0), tmp_path)
    assert store.read("key") == Position(1, 1, 2, 0)
    store.path("key").write_bytes(held)
    assert store.read("key") is None


def test_the_state_folder_is_the_user_s(tmp_path):
    """XDG_STATE_HOME when absolute, as its specification says, else ~/.local/state; private."""
    assert str(state_folder({"XDG_STATE_HOME": "/s", "HOME": "/h"})) == "/s/sightglass/labels"
    assert str(state_folder({"XDG_STATE_HOME": "s", "HOME": "/h"})) == "/h/.local/state/sightglass/labels"
    assert str(state_folder({"HOME": "/h"})) == "/h/.local/state/sightglass/labels"
    PositionStore(tmp_path / "a" / "b").write("key", Position(0, 0, 0, 0), tmp_path)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_the_bar_knows_rate_and_time_left():
    """Both are of this call, also when it goes on in the middle."""
    assert bar("Sending", 5_000, 0.75, 0.5, 10.0) == (
        "Sending [##################......]  75%  5,000 rows  500/s  0:00:10 left"
    )
    assert bar("Reading", 0, 0.0, 0.0, 0.0) == "Reading [........................]   0%"


def test_the_bar_is_drawn_on_a_terminal_only():
    """Notes are written anyway, and never into the bar."""
    for visible in (True, False):
        stream = io.StringIO()
        progress = Progress(stream, visible=visible, clock=lambda: 1.0)
        progress.begin("Sending")
        progress.update(1, 0.5)
        progress.update(2, 0.6)
        progress.note("note")
        assert stream.getvalue().endswith("note\n")
        assert stream.getvalue().count("Sending") == int(visible)
        assert ("\r" in stream.getvalue()) == visible
