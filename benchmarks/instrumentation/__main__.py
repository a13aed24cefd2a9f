"""The command line: `python -m benchmarks.instrumentation`; see the package's description."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import report
from benchmarks.instrumentation.arms import ARMS, BARE
from benchmarks.instrumentation.cores import Cores
from benchmarks.instrumentation.cpu import CpuExperiment
from benchmarks.instrumentation.measure import Bench
from benchmarks.instrumentation.models import MODELS
from benchmarks.instrumentation.pipeline import InvalidRunError, Pipeline

_QUICK_ROUNDS = 3
_QUICK_REQUESTS = 2_000
_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "opentelemetry-sdk", "opentelemetry-instrumentation-fastapi")


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; return the exit code."""
    given = _parse(words)
    on = report.machine() | {name: version(name) for name in _PACKAGES}
    cores = Cores.share_out()
    on["core_of_the_service"], on["cores_of_all_else"] = sorted(cores.service), sorted(cores.others)
    # The Collector and the relay inherit it.
    os.sched_setaffinity(0, cores.others)
    experiments = [CpuExperiment(given.arms, number, given.requests) for number in given.features]
    try:
        with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
            bench = Bench(pipeline, Path(folder), cores)
            for _ in range(given.rounds):
                for experiment in experiments:
                    experiment.run_round(bench)
    except InvalidRunError as invalid:
        print(f"INVALID: what was counted differs from what was sent; there are no figures\n{invalid}")
        return 1
    print("\n".join(line for experiment in experiments for line in experiment.lines()))
    print("\n".join(experiments[-1].sent_lines()))
    print("\n".join(line for experiment in experiments for line in experiment.target_lines()))
    return 0


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instrumentation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="CPU only, 12 features, few rounds; nothing is kept")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--requests", type=int, help="for each arm and round")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--features", nargs="+", type=int, default=None)
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    given = parser.parse_args(words)
    given.rounds = given.rounds or (_QUICK_ROUNDS if given.quick else 7)
    given.requests = given.requests or (_QUICK_REQUESTS if given.quick else 4_000)
    given.features = given.features or ([12] if given.quick else [12, 50])
    if BARE.name not in given.arms:
        given.arms = [BARE.name, *given.arms]
    return given


if __name__ == "__main__":
    sys.exit(main())
