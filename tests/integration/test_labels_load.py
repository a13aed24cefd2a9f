"""`sightglass labels load` with the real Collector and ClickHouse: every label once, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from sightglass import new_prediction_id
from sightglass.labels.load import CHUNK_ROWS
from tests.collector import otlp
from tests.integration.stack import Stack
from tests.sightglass.labelled_files import write_csv, write_parquet

pytestmark = pytest.mark.integration

NO_MERGES = "ALTER TABLE labels_data MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1"
OBSERVED = datetime(2026, 1, 1, tzinfo=UTC)
CLASSES = ("late", "on_time", "cancelled")
# The label, and everything by which a second arrival could be told from the first.
STORED = """
SELECT PredictionId, Value, ObservedAt, ArrivedAt, Timestamp, ServiceInstanceId
FROM labels
WHERE ServiceName = '{service}'
ORDER BY ALL
"""
LATEST = "SELECT PredictionId, Value, ObservedAt FROM labels_latest WHERE ServiceName = '{service}'"
# Rows as they were inserted: a log record can be seen a moment before what a materialised view makes of it.
ARRIVALS = "SELECT count() FROM labels_data WHERE ServiceName = '{service}'"
EVENTS = "SELECT count() FROM otel_logs WHERE ServiceName = '{service}' AND EventName = 'ml.label'"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A Collector and a ClickHouse, as `sightglass up` starts them, where no merge hides what the views have to do."""
    with Stack(tmp_path_factory.mktemp("labels"), processes=("collector",), trained=False) as stack:
        stack.clickhouse(NO_MERGES, "migrator")
        yield stack


class Loading:
    """Loads of one file by a service of its own, so that tests tell their labels apart."""

    def __init__(self, pipeline, folder, service):
        self._pipeline = pipeline
        self._state = {"XDG_STATE_HOME": str(folder / "state")}
        self._service = service

    def _arguments(self, file):
        return ["labels", "load", str(file), "--service-name", self._service, "--json"]

    def start(self, file):
        """Start a load."""
        return subprocess.Popen(
            [sys.executable, "-m", "sightglass", *self._arguments(file)],
            cwd=self._pipeline.folder,
            env={**self._pipeline.env, **self._state},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def load(self, file):
        """Load to the end; the report, and what was said."""
        ended = self._pipeline.cli(*self._arguments(file), env=self._state)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout), ended.stderr

    def ask(self, sql):
        """What ClickHouse has of this service."""
        return [tuple(row) for row in self._pipeline.clickhouse(sql.format(service=self._service))]

    def wait_for_arrivals(self, count, seconds=60):
        """Wait until so many labels have arrived, duplicates too."""
        deadline = time.monotonic() + seconds
        while (found := self.ask(ARRIVALS)[0][0]) < count:
            assert time.monotonic() < deadline, f"{found} of {count} labels"
            time.sleep(0.1)

    def wait_for_latest(self, wanted, seconds=60):
        """Wait until exactly these labels hold."""
        deadline = time.monotonic() + seconds
        while (found := self.latest()) != wanted:
            assert time.monotonic() < deadline, (
                f"{len(found)} of {len(wanted)}, {len(found.items() - wanted.items())} wrong"
            )
            time.sleep(0.2)

    def latest(self):
        """The label that holds, by prediction."""
        rows = self.ask(LATEST)
        found = {prediction: (value, as_utc(observed)) for prediction, value, observed in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture
def loading(pipeline, tmp_path, request):
    """Loads under the test's own name."""
    return Loading(pipeline, tmp_path, f"labels-{abs(hash(request.node.nodeid))}-{os.getpid()}")


def as_utc(moment):
    """A moment of ClickHouse, which is in UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def labels(count):
    """So many labels of new predictions: id, class, moment."""
    return [
        (new_prediction_id(), CLASSES[number % 3], OBSERVED + timedelta(seconds=number, milliseconds=number % 1000))
        for number in range(count)
    ]


def held(rows):
    """What `labels_latest` must say about these labels."""
    return {prediction: (str(value), moment) for prediction, value, moment in rows}


def csv_of(path, rows):
    """These labels as CSV."""
    return write_csv(path, [f"{prediction},{value},{moment.isoformat()}" for prediction, value, moment in rows])


def parquet_of(path, rows):
    """These labels as Parquet, in row groups of a thousand."""
    ids, values, moments = zip(*rows, strict=True)
    return write_parquet(path, row_group_size=1_000, prediction_id=ids, label=values, observed_at=moments)


@pytest.mark.parametrize("write", [csv_of, parquet_of])
def test_every_label_is_stored_once_also_when_loaded_again(loading, tmp_path, write):
    """The values and times of the file; a second load adds events and changes no label, not even its arrival."""
    rows = labels(3_000)
    file = write(tmp_path / f"labels.{write.__name__.removesuffix('_of')}", rows)
    report, said = loading.load(file)
    assert (report["sent"], report["rows"], said) == (3_000, 3_000, "")
    loading.wait_for_arrivals(3_000)
    assert loading.latest() == held(rows)
    stored = loading.ask(STORED)
    assert len(stored) == 3_000

    assert loading.load(file)[0]["sent"] == 3_000
    loading.wait_for_arrivals(6_000)
    assert loading.ask(STORED) == stored
    assert loading.latest() == held(rows)


def test_numbers_are_the_same_labels_from_both_formats(loading, tmp_path):
    """What a data frame writes as 1.0 in CSV, as 1 or true in Parquet, is what `record_prediction` calls it."""
    first, second, third = (new_prediction_id() for _ in range(3))
    at = int(OBSERVED.timestamp())
    loading.load(write_csv(tmp_path / "a.csv", [f"{first},1.0,{at}", f"{second},True,{at}.0", f"{third},17.5,{at}"]))
    loading.wait_for_arrivals(3)
    loading.load(write_parquet(tmp_path / "b.parquet", prediction_id=[first], label=[1.0], observed_at=[OBSERVED]))
    loading.load(write_parquet(tmp_path / "c.parquet", prediction_id=[second], label=[True], observed_at=[at]))
    loading.wait_for_arrivals(5)
    assert loading.latest() == {first: ("1", OBSERVED), second: ("true", OBSERVED), third: ("17.5", OBSERVED)}
    assert len(loading.ask(STORED)) == 3


@pytest.mark.parametrize("write", [csv_of, parquet_of])
def test_a_load_that_was_killed_goes_on(loading, tmp_path, write):
    """After kill -9 in the middle a second call sends the rest; all labels are there, each once; so after a third."""
    rows = labels(6 * CHUNK_ROWS)
    file = write(tmp_path / f"labels.{write.__name__.removesuffix('_of')}", rows)
    with loading.start(file) as process:
        loading.wait_for_arrivals(CHUNK_ROWS + 1)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    report, said = loading.load(file)
    assert said.startswith(f"Going on after row {report['sent_before']:,} of {len(rows):,}")
    assert 0 < report["sent_before"] < len(rows)
    assert report["sent"] == len(rows) - report["sent_before"]
    loading.wait_for_latest(held(rows))
    assert len(loading.ask(STORED)) == len(rows)
    stored, arrived = loading.ask(STORED), loading.ask(ARRIVALS)[0][0]
    # Beyond one event per label, at most what was under way when it was killed.
    assert len(rows) <= loading.ask(EVENTS)[0][0] <= len(rows) + CHUNK_ROWS

    assert loading.load(file)[0]["sent_before"] == 0
    loading.wait_for_arrivals(arrived + len(rows))
    assert loading.ask(STORED) == stored


def test_a_collector_that_dies_in_the_middle_loses_nothing(pipeline, loading, tmp_path):
    """The load waits until it is back, and ends with everything accepted and stored."""
    rows = labels(5 * CHUNK_ROWS)
    with loading.start(csv_of(tmp_path / "labels.csv", rows)) as process:
        loading.wait_for_arrivals(1)
        pipeline.kill("collector")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(out)["sent"] == len(rows)
    pipeline.wait_up("collector")
    loading.wait_for_latest(held(rows))
    assert len(loading.ask(STORED)) == len(rows)


def test_a_label_waits_for_its_prediction(pipeline, loading, tmp_path):
    """A label of an unknown prediction is kept, and belongs to it when it comes."""
    ((prediction, value, moment),) = rows = labels(1)
    loading.load(csv_of(tmp_path / "labels.csv", rows))
    loading.wait_for_arrivals(1)
    assert loading.latest() == {prediction: (value, moment)}
    joined = (
        "SELECT predictions.Label, labels_latest.Value FROM predictions "
        f"INNER JOIN labels_latest USING (PredictionId) WHERE PredictionId = '{prediction}'"
    )
    assert loading.ask(joined) == []
    otlp.send(pipeline.url("collector"), otlp.logs(otlp.prediction(prediction)))
    deadline = time.monotonic() + 30
    while (found := loading.ask(joined)) != [("yes", value)]:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
