"""What one machine needs: CPU, memory and disk of each process, for a million spans and a million predictions.

Two days of real flights go through the real pipeline (`sightglass demo --check`, which proves that all of it arrived)
while each process's CPU time and memory are read; then the tables are merged and their bytes on disk read from
`system.parts`.

    python -m benchmarks.sizing [--days N]
"""

import argparse
import json
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks import report
from benchmarks.processes import family_cpu_seconds, family_rss_bytes
from services.cli.supervisor.run_folder import RunFolder
from tests.integration.stack import Stack

_MIB = 1 << 20
_MILLION = 1_000_000
_LOOK_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 3_600
_TABLES = """
SELECT table, sum(rows) AS row_count, sum(bytes_on_disk) AS bytes
FROM system.parts WHERE active AND database = 'otel' GROUP BY table HAVING row_count > 0 ORDER BY bytes DESC
"""


@dataclass
class Use:
    """What a process has used so far."""

    cpu_seconds: float = 0.0
    peak_rss_bytes: int = 0


def main() -> None:
    """Measure once and keep it: these are sums over hundreds of thousands of rows, not times of single calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2)
    given = parser.parse_args()
    on = report.machine()
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), processes=("clickhouse",))
        stack.prepare()
        with _watched(RunFolder(stack.data_dir)) as used:
            demo = stack.cli("demo", "--check", "--json", "--days", str(given.days), timeout=_PATIENCE_SECONDS)
        if demo.returncode:
            sys.exit(f"the demo failed, so there are no figures\n{demo.stdout}{demo.stderr}")
        with stack:
            for (table,) in stack.clickhouse("SELECT DISTINCT table FROM system.parts WHERE database = 'otel'"):
                stack.clickhouse(f"OPTIMIZE TABLE otel.`{table}` FINAL", user="migrator")
            tables = {name: (rows, size) for name, rows, size in stack.clickhouse(_TABLES)}
    _report(tables, used, json.loads(demo.stdout), on)


@contextmanager
def _watched(run: RunFolder) -> Iterator[dict[str, Use]]:
    """Read CPU time and memory of every process that the supervisor lists, until the end."""
    used: dict[str, Use] = defaultdict(Use)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_EVERY_SECONDS):
            for entry in run.read_state().get("processes", []):
                # A process that ends just now has been read before.
                with suppress(psutil.NoSuchProcess):
                    if not (pid := entry.get("pid")):
                        continue
                    use = used[entry["name"]]
                    use.cpu_seconds = max(use.cpu_seconds, family_cpu_seconds(pid))
                    use.peak_rss_bytes = max(use.peak_rss_bytes, family_rss_bytes(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield used
    finally:
        over.set()
        watcher.join()


def _report(
    tables: Mapping[str, tuple[int, int]],
    used: Mapping[str, Use],
    checked: Mapping[str, object],
    on: Mapping[str, object],
) -> None:
    lines = [
        f"{'process':<18}{'CPU, s':>10}{'peak memory, MiB':>20}",
        *(f"{name:<18}{use.cpu_seconds:>10.1f}{use.peak_rss_bytes / _MIB:>20.0f}" for name, use in used.items()),
        f"{'together':<18}{sum(use.cpu_seconds for use in used.values()):>10.1f}",
        "",
        f"{'table':<34}{'rows':>12}{'MiB on disk':>14}{'bytes a row':>14}{'MiB a million':>16}",
    ]
    for name, (rows, size) in tables.items():
        each = size / rows
        lines.append(f"{name:<34}{rows:>12,}{size / _MIB:>14.2f}{each:>14.1f}{each * _MILLION / _MIB:>16.1f}")
    figures = {"processes": {name: asdict(use) for name, use in used.items()}, "tables": tables, "checked": checked}
    report.keep("sizing", "\n".join(lines), figures, on)


if __name__ == "__main__":
    main()
