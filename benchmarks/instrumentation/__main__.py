"""Runs what the command line asks for; see the package's description."""

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.instrumentation import options, soak
from benchmarks.instrumentation.arms import ARMS, BARE
from benchmarks.instrumentation.cores import Cores
from benchmarks.instrumentation.cpu import CpuExperiment
from benchmarks.instrumentation.measure import Bench
from benchmarks.instrumentation.models import calibrate_work
from benchmarks.instrumentation.pipeline import InvalidRunError, Pipeline
from benchmarks.instrumentation.service import EXPORT, Setting
from benchmarks.instrumentation.serving import ServingExperiment
from tests.integration.stack import trained_models

_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "opentelemetry-sdk", "opentelemetry-instrumentation-fastapi")
_SLOW_REQUESTS = 2_000


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; return the exit code: 1 when the run is invalid."""
    asked = options.parse(words)
    on = report.machine() | {name: version(name) for name in _PACKAGES}
    cores = Cores.share_out()
    on["core_of_the_service"], on["cores_of_all_else"] = sorted(cores.service), sorted(cores.others)
    work = calibrate_work() if "2ms" in asked.models else 0
    # The Collector and the relay inherit it.
    os.sched_setaffinity(0, cores.others)
    try:
        with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
            bench = Bench(pipeline, Path(folder), cores)
            if asked.soak_minutes:
                _soak(asked, bench, on)
            else:
                _compare(asked, bench, work, on)
    except InvalidRunError as invalid:
        print(f"INVALID: what was counted differs from what was sent, so there are no figures\n{invalid}")
        return 1
    return 0


def _compare(asked: options.Options, bench: Bench, work: int, on: Mapping[str, Any]) -> None:
    """Measure every arm in every round, so that what disturbs the machine for a while disturbs all alike."""
    cpu = [CpuExperiment(asked.arms, number, asked.requests) for number in asked.features]
    serving = [
        ServingExperiment(asked.served, _setting(model, work), _requests(model, asked.requests), asked.seconds)
        for model in asked.models
    ]
    experiments: list[CpuExperiment | ServingExperiment] = [*cpu, *serving]
    for _ in range(asked.rounds):
        for experiment in experiments:
            experiment.run_round(bench)
    measured = {*(asked.arms if cpu else ()), *(asked.served if serving else ())}
    lines = [f"{arm.name:<13}{arm.meaning}" for arm in ARMS.values() if arm.name in measured]
    lines += ["", *(line for experiment in experiments for line in experiment.lines())]
    lines += cpu[-1].sent_lines() if cpu else []
    lines += [f"{'Ratio, geometric mean [95 % interval]':<58}{'target':>8}"]
    lines += [line for experiment in experiments for line in experiment.target_lines()]
    lines += ["", "The same for all arms: " + " ".join(f"{name}={value}" for name, value in EXPORT.items())]
    figures = {"cpu": [each.figures() for each in cpu], "serving": [each.figures() for each in serving]}
    _tell("instrumentation", lines, {**figures, "export": EXPORT}, on, keep=asked.whole)


def _soak(asked: options.Options, bench: Bench, on: Mapping[str, Any]) -> None:
    lines: list[str] = []
    figures = []
    for arm in asked.served:
        if arm == BARE.name and len(asked.served) > 1:
            continue
        told, measured = soak.run(bench, arm, _setting("demo", 0), asked.soak_minutes or 0, asked.requests)
        lines += [*told, ""]
        figures.append(measured)
    _tell("instrumentation_soak", lines, {"soaks": figures}, on, keep=(asked.soak_minutes or 0) >= soak.LEAST_MINUTES)


def _tell(name: str, lines: Sequence[str], figures: Mapping[str, Any], on: Mapping[str, Any], *, keep: bool) -> None:
    """Print, and keep what is a result."""
    if keep:
        report.keep(name, "\n".join(lines).rstrip(), figures, on)
    else:
        print("\n".join(lines).rstrip())
        print("\nNot kept: only a whole run is.")


def _setting(model: str, work: int) -> Setting:
    if model == "demo":
        return Setting(model, 0, models_dir=trained_models())
    return Setting(model, 12, work)


def _requests(model: str, asked: int) -> int:
    return min(asked, _SLOW_REQUESTS) if model == "2ms" else asked


if __name__ == "__main__":
    sys.exit(main())
