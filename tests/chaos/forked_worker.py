"""Starts the real worker again and again within milliseconds: a process that has imported everything forks it.

At every line on standard input the worker of before is waited for. At `start` another is forked, and its process id is
printed; at `wait` none is, and 0 is printed. All else is as in production: its own process, its own store, and signal 9
ends it where it stands.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import aiosmtplib  # noqa: F401 - what a worker would import at its first message
import alembic.command  # noqa: F401 - and at its first start
import httpx  # noqa: F401

from services.monitoring_api.alerting.measurement import Reading
from services.monitoring_api.worker.__main__ import run
from services.monitoring_api.worker.settings import WorkerSettings
from sightglass import configure_logging, start


def main(figures: Path) -> None:
    """Fork a worker for each line, until there are no more."""
    child = 0
    for line in sys.stdin:
        if child:
            os.waitpid(child, 0)
        starting = line.strip() == "start"
        child = os.fork() if starting else 0
        if starting and not child:
            work(figures)
            os._exit(0)
        print(child, flush=True)
    if child:
        os.waitpid(child, 0)


def work(figures: Path) -> None:
    """Be a worker with the figures of a file until a signal."""
    configure_logging("worker")

    async def measure(questions, _now):
        values = json.loads(figures.read_text())  # noqa: ASYNC240 - a few bytes
        return {question: _readings(question, values[question.metric]) for question in questions}

    with start("worker") as telemetry:
        asyncio.run(run(WorkerSettings(), telemetry, measure))


def _readings(question, values: list[float]) -> list[Reading]:
    """A value for each group; without groups, the first."""
    if not question.group_by:
        return [Reading({}, values[0], 1000)]
    return [Reading({question.group_by[0]: f"s{number}"}, value, 1000) for number, value in enumerate(values)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
