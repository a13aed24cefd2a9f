"""ClickHouse and the Collector as real processes, each started and killed when a test says so."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from services.cli.collector import CollectorSettings, binary_path, command
from services.monitoring_api.migrate import runner
from services.monitoring_api.migrate.database import connect
from services.monitoring_api.migrate.settings import MigrateSettings
from tests.integration.stack import free_ports

ROOT = Path(__file__).resolve().parents[2]
USERS = ("collector", "reader", "maintainer", "migrator")


class Paused:
    """A database that takes its time after each statement."""

    def __init__(self, database, seconds: float):
        self._database = database
        self._seconds = seconds
        self.rows = database.rows

    def execute(self, sql: str) -> None:
        """Run a statement, then wait."""
        self._database.execute(sql)
        time.sleep(self._seconds)


class Pipeline:
    """One data folder, one ClickHouse, one Collector."""

    def __init__(self, folder: Path, *, overlays=(), **collector_settings):
        self.folder = folder
        self.data_dir = folder / "data"
        self.ports = free_ports(["clickhouse", "grpc", "http", "health", "metrics", "self"])
        self.processes: dict[str, subprocess.Popen] = {}
        self.collector_settings = CollectorSettings(
            _env_file=None,
            data_dir=self.data_dir,
            overlays=tuple(overlays),
            grpc_port=self.ports["grpc"],
            http_port=self.ports["http"],
            health_port=self.ports["health"],
            metrics_port=self.ports["metrics"],
            clickhouse_endpoint=f"http://127.0.0.1:{self.ports['clickhouse']}",
            batch_timeout="100ms",
            **collector_settings,
        )
        self._make_secrets()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def otlp(self) -> str:
        """Where to send OTLP over HTTP."""
        return f"http://127.0.0.1:{self.ports['http']}"

    def start(self):
        """Start everything, with the schema in place."""
        self.start_clickhouse()
        self.migrate()
        self.start_collector()
        return self

    def stop(self):
        """Stop everything."""
        for name in ("collector", "clickhouse"):
            self.stop_process(name)

    def stop_process(self, name: str, number=signal.SIGTERM):
        """End one process."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)

    def kill(self, name: str):
        """Kill one process without warning."""
        self.stop_process(name, signal.SIGKILL)

    def start_clickhouse(self):
        """Start ClickHouse and wait until it answers."""
        variables = os.environ | {
            "SIGHTGLASS_DATA_DIR": str(self.data_dir),
            "SIGHTGLASS_CLICKHOUSE_PORT": str(self.ports["clickhouse"]),
            "PYTHONPATH": str(ROOT),
        }
        self._launch("clickhouse", [sys.executable, "-m", "services.embedded_clickhouse"], variables)
        self._wait("clickhouse", f"http://127.0.0.1:{self.ports['clickhouse']}/ping")

    def start_collector(self):
        """Start the Collector and wait until it is ready."""
        arguments, variables = command(self.collector_settings, binary_path())
        self._launch("collector", arguments, variables)
        self._wait("collector", f"http://127.0.0.1:{self.ports['health']}/")

    def migrate(self, *, pause: float = 0.0, **settings):
        """Bring the schema up to date, with a pause of so many seconds after each statement."""
        wanted = self.migrate_settings(**settings)
        database = connect(wanted)
        try:
            return runner.migrate(Paused(database, pause) if pause else database, wanted)
        finally:
            database.close()

    def migrate_settings(self, **settings) -> MigrateSettings:
        """Settings of the migration on this ClickHouse."""
        return MigrateSettings(
            _env_file=None,
            data_dir=self.data_dir,
            clickhouse_url=f"http://127.0.0.1:{self.ports['clickhouse']}",
            **settings,
        )

    def query(self, sql: str, user: str = "reader") -> str:
        """Asks ClickHouse over plain HTTP; returns tab-separated text."""
        password = (self.data_dir / "secrets" / f"clickhouse-{user}.password").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['clickhouse']}/?database=otel",
            sql.encode(),
            {"X-ClickHouse-User": user, "X-ClickHouse-Key": password},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read().decode().rstrip("\n")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{sql}: {error.read().decode()}") from error

    def wait_for(self, sql: str, expected: str, seconds: float = 30) -> None:
        """Waits until a question has this answer."""
        deadline = time.monotonic() + seconds
        while (answer := self.query(sql)) != expected:
            assert time.monotonic() < deadline, f"{sql}: {answer}, not {expected}\n{self.log('collector')[-3000:]}"
            time.sleep(0.1)

    def log(self, name: str) -> str:
        """All that a process wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _launch(self, name, arguments, variables):
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                arguments, env=variables, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def _wait(self, name, url, seconds=60.0):
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except OSError:
                exited = self.processes[name].poll()
                assert exited is None, f"{name} ended with {exited}:\n{self.log(name)[-3000:]}"
                assert time.monotonic() < deadline, f"{name} is not ready:\n{self.log(name)[-3000:]}"
                time.sleep(0.05)

    def _make_secrets(self):
        folder = self.data_dir / "secrets"
        folder.mkdir(parents=True, mode=0o700)
        for user in USERS:
            path = folder / f"clickhouse-{user}.password"
            path.touch(mode=0o600)
            path.write_text("p" + secrets.token_hex(16))
