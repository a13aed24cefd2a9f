"""The monitoring API and the maintenance process as processes, on a real embedded ClickHouse that is killed."""

import json
import os
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests import warm
from tests.monitoring_api.store import prediction, span

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
DATA = (
    "/api/v1/metrics/history?metric=request_rate",
    "/api/v1/metrics/current?metric=error_ratio",
    "/api/v1/pipeline/health",
    "/api/v1/predictions/p",
    "/api/v1/traces/" + "0" * 32,
    "/readyz",
)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _until(condition, *, seconds=30, what="it"):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return found


class Processes:
    """ClickHouse, the monitoring API and maintenance, each started and killed by itself."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.clickhouse_url = f"http://127.0.0.1:{_free_port()}"
        self.api_url = f"http://127.0.0.1:{_free_port()}"
        urls = {
            f"SIGHTGLASS_{process}_CLICKHOUSE_URL": self.clickhouse_url
            for process in ("MONITORING_API", "MAINTENANCE", "MIGRATE")
        }
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))},
            **urls,
            "SIGHTGLASS_DATA_DIR": str(folder),
            "SIGHTGLASS_CLICKHOUSE_PORT": self.clickhouse_url.rsplit(":", 1)[1],
            "SIGHTGLASS_MONITORING_API_PORT": self.api_url.rsplit(":", 1)[1],
            "SIGHTGLASS_MAINTENANCE_INTERVAL_SECONDS": "0.2",
            # What was answered a moment ago would hide what happened since.
            "SIGHTGLASS_MONITORING_API_ANSWER_SECONDS": "0",
            "OTEL_SDK_DISABLED": "true",
            "PYTHONPATH": str(ROOT),
        }
        self.running: dict[str, warm.Popen] = {}

    def start(self, module: str) -> warm.Popen:
        """Start a module as a process that logs into the folder."""
        with (self.folder / f"{module}.log").open("ab") as log:
            process = warm.Popen(["-m", module], env=self.env, cwd=self.folder, stdout=log, stderr=log)
        self.running[module] = process
        return process

    def start_clickhouse(self) -> warm.Popen:
        """Start ClickHouse and wait until it answers."""
        process = self.start("services.embedded_clickhouse")
        _until(lambda: self._answers(f"{self.clickhouse_url}/ping"), what="ClickHouse's start")
        return process

    def migrate(self):
        """Make the schema."""
        code = "from services.monitoring_api.migrate.verbs import migrate; migrate()"
        done = warm.run(["-c", code], env=self.env, cwd=self.folder, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def get(self, path: str) -> tuple[httpx.Response, float]:
        """Ask the API: the answer and how many seconds it took."""
        started = time.monotonic()
        answer = httpx.get(self.api_url + path, timeout=10, trust_env=False)
        return answer, time.monotonic() - started

    def insert(self, table, rows):
        """Insert rows as the Collector."""
        password = (self.folder / "secrets" / "clickhouse-collector.password").read_text().strip()
        answer = httpx.post(
            self.clickhouse_url,
            params={"query": f"INSERT INTO otel.{table} FORMAT JSONEachRow"},
            content="\n".join(json.dumps(row) for row in rows).encode(),
            auth=("collector", password),
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text

    def stop(self):
        """End what was started, by its process."""
        for process in reversed(list(self.running.values())):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def _answers(url):
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def wait_for(self, path):
        """Wait until a path of the API answers 200."""
        _until(lambda: self._answers(self.api_url + path), what=path)


@pytest.fixture
def processes(tmp_path):
    """Processes on free ports, stopped afterwards."""
    started = Processes(tmp_path)
    try:
        yield started
    finally:
        started.stop()


def test_the_api_outlives_clickhouse(processes):
    """It starts without ClickHouse, answers problems within 5 s while that is away or stuck, and recovers by itself."""
    api = processes.start("services.monitoring_api")
    processes.wait_for("/healthz")

    def assert_away(statuses=(503,)):
        for path in DATA:
            answer, seconds = processes.get(path)
            assert answer.status_code in statuses, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) > 0
            assert seconds < 5, path

    assert_away()
    clickhouse = processes.start_clickhouse()
    assert processes.get("/readyz")[0].status_code == 503  # no schema yet
    processes.migrate()
    processes.wait_for("/readyz")
    processes.insert("otel_traces", [span(datetime.now(UTC) - timedelta(seconds=30))])
    current = "/api/v1/metrics/current?metric=request_rate&window=5m"
    assert processes.get(current)[0].json()["count"] == 1

    clickhouse.kill()
    clickhouse.wait()
    assert_away()
    clickhouse = processes.start_clickhouse()
    processes.wait_for("/readyz")
    assert processes.get(current)[0].json()["count"] == 1

    clickhouse.send_signal(signal.SIGSTOP)
    answer, seconds = processes.get(DATA[0])
    assert answer.status_code in {503, 504}
    assert seconds < 5.5
    clickhouse.send_signal(signal.SIGCONT)
    processes.wait_for("/readyz")
    assert api.poll() is None

    api.terminate()
    assert api.wait(10) == 0


def test_maintenance_makes_answers_come_from_rollups_and_they_stay_equal(processes):
    """Through the real adapter and users: raw answers, the same from rollups, duplicates and a kill in between."""
    processes.start_clickhouse()
    processes.migrate()
    processes.start("services.monitoring_api")
    processes.wait_for("/readyz")
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    spans = [
        span(start + timedelta(seconds=n), seconds=0.01 * (n % 7 + 1), status=500 if n % 9 == 0 else 200)
        for n in range(300)
    ]
    events = [prediction(start + timedelta(seconds=n), score=(n % 10) / 10) for n in range(300)]
    processes.insert("otel_traces", spans)
    processes.insert("otel_logs", events)
    begin, end = int(start.timestamp()), int(start.timestamp()) + 300
    paths = [
        f"/api/v1/metrics/history?metric={metric}&from={begin}&to={end}&step=1m"
        for metric in ("request_rate", "error_ratio", "prediction_rate", "positive_ratio", "fallback_ratio")
    ]

    def answers():
        found = [processes.get(path)[0].json() for path in paths]
        return {answer["source"] for answer in found}, [answer["series"] for answer in found]

    sources, raw = answers()
    assert sources == {"raw"}
    assert raw[0][0]["points"] == [[begin + 60 * minute, 1.0] for minute in range(5)]

    maintenance = processes.start("services.monitoring_api.maintenance")
    _until(lambda: answers()[0] == {"rollup_1m"}, what="the rollup")
    assert answers()[1] == raw
    heartbeat = json.loads((processes.folder / "run" / "maintenance.heartbeat").read_text())
    assert heartbeat["pid"] == maintenance.pid
    assert time.time() - heartbeat["at"] < 5

    maintenance.kill()
    maintenance.wait()
    processes.insert("otel_traces", spans[::2])
    processes.insert("otel_logs", events[::3])
    assert answers()[1] == raw
    maintenance = processes.start("services.monitoring_api.maintenance")
    _until(lambda: answers()[0] == {"rollup_1m"}, what="the rollup after a kill")
    assert answers()[1] == raw

    maintenance.terminate()
    assert maintenance.wait(10) == 0


def test_the_reader_answers_every_question(processes):
    """Every statement of the API is allowed to the read-only user: each metric, each dimension, records, health."""
    processes.start_clickhouse()
    processes.migrate()
    processes.start("services.monitoring_api")
    processes.wait_for("/readyz")
    now = datetime.now(UTC)
    request = span(now - timedelta(seconds=20))
    event = prediction(
        now - timedelta(seconds=20), TraceId=request["TraceId"], SpanId=request["SpanId"], prediction_id="p"
    )
    processes.insert("otel_traces", [request])
    processes.insert("otel_logs", [event])
    met = set()
    for metric in processes.get("/api/v1/metrics")[0].json()["metrics"]:
        # Metrics of one source have its dimensions: one of them is asked by all, the others by one.
        source = tuple(metric["group_by"])
        for dimension in source[:1] if source in met else source:
            asked = f"metric={metric['name']}&group_by={dimension}&filter={dimension}!=x"
            for path in (
                f"history?{asked}&step=1d&tz=Asia/Kathmandu",
                f"current?{asked}&window=1h",
            ):
                answer, _ = processes.get(f"/api/v1/metrics/{path}")
                assert answer.status_code == 200, (path, answer.text)
        met.add(source)
    shown = processes.get("/api/v1/predictions/p")[0].json()
    assert shown["trace"]["spans"][0]["span_id"] == request["SpanId"]
    assert shown["trace"]["predictions"] == ["p"]
    health = processes.get("/api/v1/pipeline/health")[0]
    assert health.status_code == 200, health.text
