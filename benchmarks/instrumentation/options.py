"""What can be asked for on the command line."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.instrumentation.arms import ARMS, BARE, OURS
from benchmarks.instrumentation.models import MODELS

_FEATURES = (12, 50)
_ROUNDS = 10
_REQUESTS = 4_000
_SECONDS = 8.0
_QUICK_ROUNDS = 3
_QUICK_REQUESTS = 2_000


@dataclass(frozen=True, slots=True)
class Options:
    """One run.

    Args:
        arms: Of the CPU figures; the bare one is always among them.
        served: Arms of throughput, answer times and soak; as above.
        features: Numbers of features for the CPU figures; none leaves them out.
        models: Models for throughput and answer times; none leaves them out.
        rounds: How often everything is measured.
        requests: Requests for each arm and round.
        seconds: Length of an open loop.
        soak_minutes: Length of the soak; when given, nothing else is run.
        whole: Whether it is what results are kept of.
    """

    arms: tuple[str, ...]
    served: tuple[str, ...]
    features: tuple[int, ...]
    models: tuple[str, ...]
    rounds: int
    requests: int
    seconds: float
    soak_minutes: float | None
    whole: bool


def parse(words: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instrumentation", description="What instrumentation costs a FastAPI service."
    )
    parser.add_argument("--quick", action="store_true", help="CPU only, 12 features, few rounds; nothing is kept")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only the soak: memory and drops at half load")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--requests", type=int, help="for each arm and round")
    parser.add_argument("--seconds", type=float, help="of load for each arm and round when answers are timed")
    parser.add_argument("--arms", nargs="+", choices=ARMS, help="the bare one is always measured")
    parser.add_argument("--features", nargs="+", type=int, choices=_FEATURES)
    parser.add_argument("--model", nargs="+", choices=MODELS, help="instant: CPU; demo and 2ms: throughput, answers")
    given = parser.parse_args(words)
    models = given.model or ([MODELS[0]] if given.quick else MODELS)
    asked = (given.quick, given.rounds, given.requests, given.seconds, given.arms, given.features, given.model)
    return Options(
        arms=_with_bare(given.arms or ARMS),
        served=_with_bare(given.arms or (OURS.name,)),
        features=tuple(given.features or _FEATURES[: 1 if given.quick else None]) if MODELS[0] in models else (),
        models=tuple(model for model in models if model != MODELS[0]),
        rounds=given.rounds or (_QUICK_ROUNDS if given.quick else _ROUNDS),
        requests=given.requests or (_QUICK_REQUESTS if given.quick else _REQUESTS),
        seconds=given.seconds or _SECONDS,
        soak_minutes=given.soak,
        whole=not any(asked),
    )


def _with_bare(arms: Iterable[str]) -> tuple[str, ...]:
    return (BARE.name, *(arm for arm in arms if arm != BARE.name))
