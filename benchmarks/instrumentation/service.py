"""One arm's running process: how to start it, flush it, and read its CPU time and memory."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.instrumentation.arms import ARMS
from benchmarks.processes import family_cpu_seconds, family_rss_bytes
from tests.integration.stack import free_ports

# The same for all arms; nothing may be dropped, whatever an arm needs.
EXPORT: Final = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
    "OTEL_TRACES_SAMPLER": "parentbased_always_on",
    "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "30",
    "OTEL_BSP_MAX_QUEUE_SIZE": "131072",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "512",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
    "OTEL_BLRP_MAX_QUEUE_SIZE": "131072",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "512",
    "OTEL_BLRP_SCHEDULE_DELAY": "1000",
    "OTEL_METRIC_EXPORT_INTERVAL": "5000",
    # Only silences the warning that there is none.
    "SIGHTGLASS_ENTITY_SALT": "salt",
}
_START_SECONDS = 60.0
_FLUSH_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a service process serves.

    Args:
        model: Kind of model.
        features: Features in a request; the demo's model has its own.
        work: Rounds of the 2ms model.
        models_dir: Where the demo's model is.
    """

    model: str
    features: int
    work: int = 0
    models_dir: Path | None = None

    def arguments(self) -> list[str]:
        """For the command line of `server`."""
        words = ["--model", self.model, "--features", str(self.features), "--work", str(self.work)]
        return words if self.models_dir is None else [*words, "--models-dir", str(self.models_dir)]


class Service:
    """A process that serves one arm, in a session of its own so that its helpers can be found.

    Args:
        arm: The arm's name.
        setting: What it serves.
        endpoint: Where it exports to.
        log: File that its standard error is added to; a spool lies beside it.
        cores: What it may run on.
    """

    def __init__(self, arm: str, setting: Setting, endpoint: str, log: Path, cores: Collection[int]) -> None:
        self._arm = arm
        self._setting = setting
        self._endpoint = endpoint
        self._log = log
        self._cores = cores
        self.port = free_ports(["service"])["service"]

    def __enter__(self) -> Self:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SIGHTGLASS_"))}
        spool = {"SIGHTGLASS_SPOOL_DIR": str(self._log.parent / "spool")} if ARMS[self._arm].spool else {}
        words = [self._arm, "--port", str(self.port), *self._setting.arguments()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.instrumentation.server", *words],
                env={**kept, **EXPORT, **spool, "OTEL_EXPORTER_OTLP_ENDPOINT": self._endpoint},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        # Before it has threads; they and its helpers inherit it.
        os.sched_setaffinity(self._process.pid, self._cores)
        try:
            self._wait_listening()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def flush(self) -> None:
        """Have everything delivered.

        Raises:
            RuntimeError: It said that not everything was, or said nothing.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"flush\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], _FLUSH_SECONDS)
        answer = self._process.stdout.readline().strip() if ready else b"nothing"
        if answer != b"True":
            raise RuntimeError(f"{self._arm}: the flush answered {answer.decode()}\n{self._said()}")

    def cpu_seconds(self) -> float:
        """CPU time so far of all threads, children and helpers."""
        return family_cpu_seconds(self._process.pid)

    def rss_bytes(self) -> int:
        """Resident memory now, children and helpers included."""
        return family_rss_bytes(self._process.pid)

    def kill(self) -> None:
        """End it and its helpers at once; what is to be sent has been flushed before."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _wait_listening(self) -> None:
        """By a connection without a request, which would be counted."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._arm} did not start\n{self._said()}")
            time.sleep(0.05)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:]
