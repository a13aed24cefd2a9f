"""A disk that takes nothing more: reading goes on, health is red and says why, the Collector keeps what comes."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import httpx
import pytest

from tests.collector import otlp
from tests.collector.pipeline import ROOT, Pipeline
from tests.integration.stack import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
RAW = ("otel_traces", "otel_logs", "otel_metrics_gauge", "otel_metrics_sum", "otel_metrics_histogram")
BYTES = 160 << 20


class Api:
    """The monitoring API on a pipeline's ClickHouse."""

    def __init__(self, pipeline: Pipeline) -> None:
        port = free_ports(["api"])["api"]
        self.url = f"http://127.0.0.1:{port}"
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
        variables |= {
            "SIGHTGLASS_DATA_DIR": str(pipeline.data_dir),
            "SIGHTGLASS_MONITORING_API_PORT": str(port),
            "SIGHTGLASS_MONITORING_API_CLICKHOUSE_URL": f"http://127.0.0.1:{pipeline.ports['clickhouse']}",
            "OTEL_SDK_DISABLED": "true",
            "PYTHONPATH": str(ROOT),
        }
        self.log = pipeline.folder / "api.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.monitoring_api"],
                env=variables,
                cwd=pipeline.folder,
                stdout=output,
                stderr=output,
            )

    def __enter__(self):
        until(self._answers, 60, lambda: self.log.read_text()[-2000:])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def ask(self, path):
        """An answer that must be one."""
        answer = httpx.get(f"{self.url}/api/v1{path}", timeout=20, trust_env=False)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _answers(self):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).status_code == 200
        return False


def until(condition, seconds, explain):
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def send(pipeline, numbers):
    """Spans and predictions with these numbers; acknowledged when this returns."""
    otlp.send(pipeline.otlp, otlp.spans(*(otlp.span(number) for number in numbers)))
    otlp.send(pipeline.otlp, otlp.logs(*(otlp.prediction(f"p{number}") for number in numbers)))


def waiting(pipeline):
    """How much waits in the Collector's queues, as it says itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{pipeline.ports['metrics']}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("otelcol_exporter_queue_size"))


def assert_reads_go_on_and_health_is_red(pipeline, api, stored, reason):
    """While nothing can be stored."""
    send(pipeline, range(stored, 2 * stored))
    until(lambda: "NOT_ENOUGH_SPACE" in pipeline.log("collector"), 60, lambda: pipeline.log("collector")[-2000:])
    until(lambda: waiting(pipeline) > 0, 30, lambda: "nothing waits in the Collector")
    assert pipeline.query("SELECT count() FROM otel_traces FINAL WHERE ServiceName = 'tests'") == str(stored)
    assert len(api.ask("/traces?service=tests&limit=100")["traces"]) == 100
    assert api.ask(f"/traces/{1:032x}")["spans"][0]["name"] == "op"
    assert api.ask("/metrics/history?metric=request_rate&from=now-1h&filter=service=tests")["series"]
    health = api.ask("/pipeline/health")
    assert health["status"] == "down"
    assert reason in health["reasons"][0]
    assert "the Collector keeps in its queue" in health["reasons"][0]


def assert_all_arrives(pipeline, api, number):
    """Afterwards what was sent is there, each row once, and health has nothing against the disk."""
    counted = "SELECT count() FROM {} FINAL WHERE ServiceName = 'tests'"
    pipeline.wait_for(counted.format("otel_traces"), str(number), seconds=90)
    pipeline.wait_for("SELECT count() FROM predictions", str(number), seconds=90)
    health = api.ask("/pipeline/health")
    assert not [reason for reason in health["reasons"] if "disk" in reason]


def test_tables_that_refuse_rows_for_want_of_space(tmp_path):
    """ClickHouse answers every insert with NOT_ENOUGH_SPACE; once there is room again, all that was sent arrives."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start()
        with Api(pipeline) as api:
            send(pipeline, range(200))
            assert_all_arrives(pipeline, api, 200)
            for table in RAW:
                floor = "min_free_disk_bytes_to_perform_insert = 1000000000000000000"
                pipeline.query(f"ALTER TABLE {table} MODIFY SETTING {floor}", "migrator")
            assert_reads_go_on_and_health_is_red(pipeline, api, 200, "ClickHouse refuses rows")
            for table in RAW:
                pipeline.query(f"ALTER TABLE {table} RESET SETTING min_free_disk_bytes_to_perform_insert", "migrator")
            assert_all_arrives(pipeline, api, 400)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of some megabytes for ClickHouse's folder."""
    folder = tmp_path / "data" / "clickhouse"
    folder.mkdir(parents=True, mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=0700", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small file system; {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_really_full(tmp_path, small_disk):
    """Not a byte is left on the file system of ClickHouse's folder; once there is room, all that was sent arrives."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.start()
        with Api(pipeline) as api:
            send(pipeline, range(200))
            assert_all_arrives(pipeline, api, 200)
            ballast = small_disk / "ballast"
            _fill(ballast)
            assert_reads_go_on_and_health_is_red(pipeline, api, 200, "the disk is full")
            ballast.unlink()
            assert_all_arrives(pipeline, api, 400)


def _fill(ballast: Path) -> None:
    """Write until nothing more fits, and again after what the engine gave back meanwhile."""
    with ballast.open("wb", buffering=0) as file:
        for _ in range(3):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * (1 << 20))
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            time.sleep(0.3)
