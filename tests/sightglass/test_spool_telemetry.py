"""The disk spool through the whole library and real OTLP: settings, losses, metrics."""

import logging
import resource
import subprocess
import sys

import pytest

import sightglass
from sightglass.export.exporters import OtlpExporters
from sightglass.settings import SPOOL_MAX_BYTES, Settings
from sightglass.spool.queue import SpoolQueue
from sightglass.telemetry import Telemetry, adopt
from sightglass.testing import InMemoryTelemetry
from tests.sightglass.grpc_receiver import running_grpc_receiver
from tests.sightglass.kept import PATHS, Reply, plain
from tests.sightglass.receiver import running_receiver

MODEL = sightglass.Model("m", "1")
RECEIVERS = {"http/protobuf": running_receiver, "grpc": running_grpc_receiver}
HTTP, GRPC = RECEIVERS
# Shorter than the shortest pause before a second attempt: what fails once is left to the spool.
ONCE = "0.75"


@pytest.fixture
def quiet_clock(monkeypatch):
    """Nothing is exported but by a flush."""
    for name in ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"):
        monkeypatch.setenv(name, "600000")


def spooled(monkeypatch, receiver, home, protocol=HTTP, **options):
    """Telemetry with a spool, on its way to a receiver."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    settings = Settings(spool_dir=home, spool_max_bytes=1 << 20)
    return adopt(Telemetry("test", exporters=OtlpExporters(**options), settings=settings, model=MODEL, **options))


def arrived(receiver):
    """Ids of the predictions that the receiver has."""
    return [plain(record.attributes)["ml.prediction.id"] for record in receiver.events("ml.prediction")]


def test_it_is_off_unless_a_folder_is_named():
    """No setting, no spool; and the bound has a default."""
    assert (Settings.from_environment({}).spool_dir, Settings.from_environment({}).spool_max_bytes) == (None, 1 << 30)
    assert Settings.from_environment({"SIGHTGLASS_SPOOL_DIR": " "}).spool_dir is None
    with sightglass.testing.in_memory_telemetry() as telemetry:
        assert not any(name.startswith("sightglass.spool") for name in telemetry.metrics)


def test_a_relative_folder_means_where_the_service_started(tmp_path, monkeypatch):
    """A service that changes its folder later does not scatter its spool."""
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({"SIGHTGLASS_SPOOL_DIR": "spool"}).spool_dir == tmp_path / "spool"


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "1000"])
def test_a_bound_that_can_t_be_is_left_at_its_default(text, caplog):
    """With a warning that names it: the service starts all the same."""
    settings = Settings.from_environment({"SIGHTGLASS_SPOOL_MAX_BYTES": text})
    assert settings.spool_max_bytes == SPOOL_MAX_BYTES
    assert f"SIGHTGLASS_SPOOL_MAX_BYTES={text} is not a number of bytes" in caplog.text


@pytest.mark.parametrize(
    ("options", "why"), [({"stock": True}, "stock=True"), ({"lossless": True}, "lossless=True"), ({}, "takes objects")]
)
def test_where_it_is_not_used_a_warning_says_why(tmp_path, caplog, options, why):
    """Nobody believes to be safe who is not."""
    caplog.set_level(logging.WARNING)
    settings = Settings(spool_dir=tmp_path)
    with InMemoryTelemetry(settings=settings, **options):
        pass
    assert caplog.text.count(f"SIGHTGLASS_SPOOL_DIR={tmp_path} is not used: ") == 1
    assert why in caplog.text


AGAIN = {
    HTTP: (
        Reply(503),
        Reply(429, retry_after=0),
        Reply(401),
        Reply(403),
        Reply(404),
        Reply(500),
        Reply(instead="close"),
    ),
    GRPC: tuple(map(Reply, ("UNAVAILABLE", "PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED", "INTERNAL"))),
}


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize("protocol", RECEIVERS)
def test_whatever_can_pass_costs_nothing(monkeypatch, tmp_path, protocol):
    """Each failure is a retry, the flush is true, every prediction arrives once, and nothing is told as lost."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", ONCE)
    with RECEIVERS[protocol]() as receiver, spooled(monkeypatch, receiver, tmp_path, protocol) as telemetry:
        receiver.script[PATHS["logs"]].extend(AGAIN[protocol])
        ids = [sightglass.record_prediction({"a": 1}, score=0.5) for _ in range(7)]
        assert telemetry.flush(120)
        assert arrived(receiver) == ids
        assert receiver.counts("sightglass.export.failed") == {}
        refused = sum(count for (path, status), count in receiver.replies.items() if status not in (200, "OK"))
        assert receiver.total("sightglass.export.retries", signal="logs") == refused >= len(AGAIN[protocol])
        assert receiver.total("otel.sdk.processor.log.processed") == 7
        assert list(tmp_path.glob("*/*")) == []


@pytest.mark.usefixtures("quiet_clock")
@pytest.mark.parametrize(("protocol", "refusal"), [(HTTP, 400), (HTTP, 413), (HTTP, 422), (GRPC, "INVALID_ARGUMENT")])
def test_what_is_refused_for_good_is_lost_with_its_cause(monkeypatch, tmp_path, protocol, refusal):
    """It is gone from the disk, the flush is false once, and what comes later arrives."""
    with RECEIVERS[protocol]() as receiver, spooled(monkeypatch, receiver, tmp_path, protocol) as telemetry:
        receiver.standing[PATHS["logs"]] = Reply(refusal)
        for _ in range(3):
            sightglass.record_prediction({"a": 1}, score=0.5)
        assert not telemetry.flush(60)
        receiver.standing.clear()
        later = sightglass.record_prediction({"a": 1}, score=0.5)
        assert telemetry.flush(60)
        assert arrived(receiver) == [later]
        assert receiver.total("sightglass.export.failed", error__type=str(refusal)) == 3
        assert receiver.total("sightglass.export.retries") == 0


@pytest.mark.usefixtures("quiet_clock")
def test_a_batch_that_is_too_large_for_the_receiver_goes_in_parts(monkeypatch, tmp_path):
    """A 413 halves it: each record arrives once, and only one that is refused alone is lost."""
    with running_receiver() as receiver, spooled(monkeypatch, receiver, tmp_path) as telemetry:
        receiver.script[PATHS["logs"]].extend([Reply(413), Reply(413), Reply(), Reply(413), Reply(413)])
        ids = [sightglass.record_prediction({"a": 1}, score=0.5) for _ in range(8)]
        assert not telemetry.flush(60)
        # 8; 4, of which 2 arrive and 2 are halved; of those the first is refused alone.
        assert arrived(receiver) == [*ids[:2], *ids[3:]]
        assert telemetry.flush(60)
        assert receiver.total("sightglass.export.failed", error__type="413") == 1


@pytest.mark.usefixtures("quiet_clock")
def test_what_is_taken_in_part_is_not_sent_again(monkeypatch, tmp_path):
    """A partial success is final."""
    with running_receiver() as receiver, spooled(monkeypatch, receiver, tmp_path) as telemetry:
        receiver.script[PATHS["logs"]].append(Reply(rejected=2))
        ids = [sightglass.record_prediction({"a": 1}, score=0.5) for _ in range(7)]
        assert not telemetry.flush(60)
        assert telemetry.flush(60)
        assert arrived(receiver) == ids[:5]
        assert receiver.total("sightglass.export.failed", error__type="partial_success") == 2


@pytest.mark.usefixtures("quiet_clock")
def test_its_depth_shows_in_metrics(monkeypatch, tmp_path):
    """In bytes, against its bound, and in records; logs of the SDK's kind are in it as events are."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", ONCE)
    with running_receiver() as receiver, spooled(monkeypatch, receiver, tmp_path) as telemetry:
        receiver.standing[PATHS["logs"]] = Reply(503)
        sightglass.record_prediction({"a": 1}, score=0.5)
        telemetry.logger_provider.get_logger("app").emit(body="a log", timestamp=1)
        assert not telemetry.flush(2)
        telemetry._collection.collect()
        on_disk = sum(file.stat().st_size for file in tmp_path.glob("*/*"))
        assert receiver.total("sightglass.spool.size") == on_disk > 0
        assert receiver.total("sightglass.spool.limit") == 1 << 20
        assert receiver.total("otel.sdk.processor.log.queue.size") == 2
        receiver.standing.clear()
        assert telemetry.flush(60)
        assert len(receiver.records) == 2
        telemetry._collection.collect()
        assert receiver.total("sightglass.spool.size") == 0


def test_spans_have_no_spool(monkeypatch, tmp_path):
    """They are sampled and many; the spool is for what must not be lost."""
    with running_receiver() as receiver, spooled(monkeypatch, receiver, tmp_path) as telemetry:
        assert isinstance(telemetry.events._queue, SpoolQueue)
        telemetry.tracer.start_span("x").end()
        assert list(tmp_path.glob("*/*")) == []
        assert telemetry.flush(60)
        assert len(receiver.spans) == 1


LIMITED = """
import resource, sys, sightglass
sys.dont_write_bytecode = True  # half a compiled module would stop whoever imports it next
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sightglass.start("limited", model=sightglass.Model("m", "1"))
for number in range(300):
    sightglass.record_prediction({"number": number}, score=0.5)
raise SystemExit(0 if sightglass.flush(60) else 1)
"""


def test_a_real_limit_on_file_sizes_costs_no_prediction(tmp_path):
    """The system refuses to write in the middle of a segment; all arrive, each once, and the process ends well."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with running_receiver() as receiver:
        finished = subprocess.run(
            [sys.executable, "-c", LIMITED],
            env={
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
                "SIGHTGLASS_SPOOL_DIR": str(tmp_path),
                "SIGHTGLASS_ENTITY_SALT": "s",
                # What Python would cache must not be cut by the limit either.
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        assert finished.stderr.count("can't be written") == 1
        assert len(arrived(receiver)) == len(set(arrived(receiver))) == 300
        assert receiver.total("sightglass.spool.errors") >= 1
    assert list(tmp_path.iterdir()) == []
