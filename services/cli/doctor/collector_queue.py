"""Checks how much the Collector holds that ClickHouse has not taken."""

import re

from services.cli.doctor.check import Check, Verdict
from services.cli.doctor.reach import Reach

_SAMPLE = re.compile(r"^otelcol_exporter_queue_(size|capacity)(?:\{([^}]*)\})?\s+([0-9.eE+]+)\s*$", re.MULTILINE)
_SIGNAL = re.compile(r'data_type="([^"]+)"')
_FILLING, _FULL = 0.5, 0.9


def check_queue(reach: Reach) -> Check:
    """The queues of all signals have room."""
    answer = reach.fetch(reach.metrics_url)
    queues = queues_of(answer.text)
    if not queues:
        return Check("collector queue", Verdict.SKIPPED, f"{reach.metrics_url} tells of no queue")
    signal, (size, capacity) = max(queues.items(), key=lambda queue: queue[1][0] / max(queue[1][1], 1))
    share = size / max(capacity, 1)
    found = f"{share:.1%} full ({signal}: {size:.0f} of {capacity:.0f} bytes)"
    remedy = (
        "ClickHouse takes less than is sent: see the checks `clickhouse query`, `clickhouse disk` and the "
        "Collector's log. "
        "Nothing is lost while it fills; when it is full, senders wait, and then drop. "
        "SIGHTGLASS_COLLECTOR_QUEUE_BYTES "
        "makes it larger, SIGHTGLASS_COLLECTOR_QUEUE_CONSUMERS inserts more at once."
    )
    if share > _FULL:
        return Check("collector queue", Verdict.FAILED, found, remedy)
    return Check("collector queue", Verdict.WARNING if share > _FILLING else Verdict.OK, found, remedy)


def queues_of(text: str) -> dict[str, tuple[float, float]]:
    """Size and capacity of each signal's queue, out of the Collector's metrics (Prometheus text)."""
    figures: dict[str, dict[str, float]] = {}
    for kind, labels, value in _SAMPLE.findall(text):
        signal = _SIGNAL.search(labels)
        figures.setdefault(signal[1] if signal else "all", {})[kind] = float(value)
    return {
        signal: (found["size"], found["capacity"])
        for signal, found in figures.items()
        if found.keys() == {"size", "capacity"}
    }
