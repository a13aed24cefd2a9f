"""The real worker process with scripted figures instead of ClickHouse's: a JSON file says what each rule reads.

The file holds {"<metric>": value | null | "down"}; it is read at every look. Before an alert, each metric rose to 0.9.
"""

import asyncio
import json
import sys
from pathlib import Path

from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.worker.__main__ import run
from services.monitoring_api.worker.settings import WorkerSettings
from sightglass import configure_logging, start


def main(figures: Path) -> None:
    """Run the worker until a signal."""
    configure_logging("worker")

    async def measure(questions, _now):
        values = json.loads(figures.read_text())  # noqa: ASYNC240 - a few bytes
        return {question: _answer(values[question.metric]) for question in questions}

    async def before(_rule, _labels, fired_at, _now):
        return tuple((fired_at - 60.0 * minutes, 0.9 / minutes) for minutes in range(30, 0, -1))

    with start("worker") as telemetry:
        asyncio.run(run(WorkerSettings(), telemetry, measure, figures=before))


def _answer(value):
    return "ClickHouse can't be reached" if value == "down" else [Reading({}, value, 1000)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
