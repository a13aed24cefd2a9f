"""What instrumentation does to a service with a real model: requests per second, and how long answers take."""

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.instrumentation.arms import BARE, OURS
from benchmarks.instrumentation.measure import Bench, Measured
from benchmarks.instrumentation.service import Setting
from benchmarks.instrumentation.targets import LATENCY, THROUGHPUT, Target
from benchmarks.report import Interval, Spread

_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Served:
    """One arm of one round.

    Args:
        saturated: Under the closed loop.
        median_seconds: Of the answers under the open loop.
        p99_seconds: As above, the 99th percentile.
        client_p99_seconds: How late the client itself was, the 99th percentile.
        rate: Requests per second of the open loop.
    """

    saturated: Measured
    median_seconds: float
    p99_seconds: float
    client_p99_seconds: float
    rate: float


class ServingExperiment:
    """Rounds of bare and instrumented services with one model.

    Args:
        arms: Names; the bare one is among them.
        setting: What the services serve.
        requests: Requests of the closed loop, for each arm and round.
        seconds: How long the open loop lasts.
    """

    def __init__(self, arms: Sequence[str], setting: Setting, requests: int, seconds: float) -> None:
        self._arms = arms
        self._setting = setting
        self._requests = requests
        self._seconds = seconds
        self._rounds: list[dict[str, Served]] = []

    def run_round(self, bench: Bench) -> None:
        """Saturate every arm, then time the answers of each at half of what the bare one could do just now."""
        saturated = {arm: bench.saturate(arm, self._setting, self._requests) for arm in self._shuffled()}
        rate = saturated[BARE.name].requests_per_second * _SHARE
        this_round = {}
        for arm in self._shuffled():
            timed = bench.time_answers(arm, self._setting, rate=rate, seconds=self._seconds)
            this_round[arm] = Served(
                saturated[arm],
                percentile(timed.answers, 50),
                percentile(timed.answers, 99),
                percentile(timed.sends, 99),
                rate,
            )
        self._rounds.append(this_round)
        print(f"{self._setting.model} model: round {len(self._rounds)} done", file=sys.stderr)

    def lines(self) -> list[str]:
        """The table."""
        rate = Spread.of([each[BARE.name].rate for each in self._rounds]).median
        late = Spread.of([served.client_p99_seconds * 1e3 for each in self._rounds for served in each.values()])
        rows = [
            f"Service with the {self._setting.model} model, {len(self._rounds)} rounds, median (quartiles)",
            f"{self._requests:,} requests an arm as fast as they are answered: requests/s, CPU",
            f"{self._seconds:g} s at {rate:,.0f} requests/s, half of what the bare one can: times since each was due",
            f"(the client itself was late by {late.median:.2f} ms, p99)",
            "",
            self._row("", ("requests/s", "to bare", "CPU, us", "median, ms", "p99, ms", "p99, to bare")),
        ]
        for arm in self._arms:
            cells = (
                self._spread(arm, _throughput).text(",.0f"),
                Spread.of(self._ratios(arm, _throughput)).text(),
                self._spread(arm, lambda served: served.saturated.cpu_seconds * 1e6).text(".0f"),
                self._spread(arm, lambda served: served.median_seconds * 1e3).text(".1f"),
                self._spread(arm, lambda served: _p99(served) * 1e3).text(".1f"),
                Spread.of(self._ratios(arm, _p99)).text(),
            )
            rows.append(self._row(arm, cells))
        return [*rows, ""]

    @staticmethod
    def _row(name: str, cells: Sequence[str]) -> str:
        return f"{name:<13}" + "".join(f"{cell:>25}" for cell in cells)

    def target_lines(self) -> list[str]:
        """What is aimed at, and whether it was reached."""
        model = self._setting.model
        if OURS.name not in self._arms or model not in THROUGHPUT:
            return []
        rate = Target(f"requests/s, ours to bare, {model} model", THROUGHPUT[model], at_most=False)
        p99 = Target(f"p99 at half load, ours to bare, {model} model", LATENCY)
        return [rate.line(self._ratios(OURS.name, _throughput)), p99.line(self._ratios(OURS.name, _p99))]

    def figures(self) -> dict[str, Any]:
        """Everything measured, and the intervals."""
        others = [arm for arm in self._arms if arm != BARE.name]
        return {
            "model": self._setting.model,
            "requests_per_second": {arm: vars(Interval.of(self._ratios(arm, _throughput))) for arm in others},
            "p99": {arm: vars(Interval.of(self._ratios(arm, _p99))) for arm in others},
            "rounds": [{arm: asdict(each[arm]) for arm in self._arms} for each in self._rounds],
        }

    def _shuffled(self) -> list[str]:
        return random.sample(self._arms, len(self._arms))

    def _spread(self, arm: str, figure: Callable[[Served], float]) -> Spread:
        return Spread.of([figure(each[arm]) for each in self._rounds])

    def _ratios(self, arm: str, figure: Callable[[Served], float]) -> list[float]:
        return [figure(each[arm]) / figure(each[BARE.name]) for each in self._rounds]


def percentile(figures: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile."""
    ordered = sorted(figures)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _throughput(served: Served) -> float:
    return served.saturated.requests_per_second


def _p99(served: Served) -> float:
    return served.p99_seconds
