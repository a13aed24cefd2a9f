"""CPU that each arm adds to a request, for 12 and for 50 features, with a model that costs nothing."""

import random
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.instrumentation.arms import BARE, LIGHT, OURS, SPOOL, STOCK
from benchmarks.instrumentation.measure import Bench, Measured
from benchmarks.instrumentation.service import Setting
from benchmarks.instrumentation.targets import TO_LIGHT, TO_STOCK, Target
from benchmarks.report import Interval, Spread

_MICRO = 1e6


class CpuExperiment:
    """Rounds of all arms in shuffled order.

    Args:
        arms: Names; the bare one is among them.
        features: Features in a request.
        requests: Requests for each arm and round.
    """

    def __init__(self, arms: Sequence[str], features: int, requests: int) -> None:
        self._arms = arms
        self._setting = Setting("instant", features)
        self._requests = requests
        self._rounds: list[dict[str, Measured]] = []

    def run_round(self, bench: Bench) -> None:
        """Measure every arm once more."""
        order = random.sample(self._arms, len(self._arms))
        self._rounds.append({arm: bench.saturate(arm, self._setting, self._requests) for arm in order})
        print(f"cpu, {self._setting.features} features: round {len(self._rounds)} done", file=sys.stderr)

    def lines(self) -> list[str]:
        """The table."""
        title = f"CPU for each request, {self._setting.features} features, us, {self._requests:,} requests an arm"
        rows = [
            f"{title}, {len(self._rounds)} rounds, median (quartiles)",
            "",
            f"{'':<13}{'CPU':>25}{'added':>25}{'added, to stock':>22}{'added, to stock-light':>24}{'requests/s':>24}",
        ]
        for arm in self._arms:
            cpu = Spread.of([each[arm].cpu_seconds * _MICRO for each in self._rounds]).text(".0f")
            rate = Spread.of([each[arm].requests_per_second for each in self._rounds]).text(",.0f")
            added = ratio = light = ""
            if arm != BARE.name:
                added = Spread.of([seconds * _MICRO for seconds in self._added(arm)]).text(".0f")
                ratio = self._spread(arm, STOCK.name)
                light = self._spread(arm, LIGHT.name)
            rows.append(f"{arm:<13}{cpu:>25}{added:>25}{ratio:>22}{light:>24}{rate:>24}")
        if {OURS.name, SPOOL.name} <= set(self._arms):
            interval = Interval.of(self._ratios(SPOOL.name, OURS.name))
            rows += [
                "",
                f"CPU added, {SPOOL.name} to {OURS.name}, geometric mean [95 % interval]: {interval.text().strip()}",
            ]
        return [*rows, ""]

    def target_lines(self) -> list[str]:
        """What is aimed at, and whether it was reached."""
        number = self._setting.features
        aims = (
            (STOCK.name, Target(f"CPU added, ours to stock, {number} features", TO_STOCK)),
            (LIGHT.name, Target(f"CPU added, ours to stock-light, {number} features", TO_LIGHT)),
        )
        if OURS.name not in self._arms:
            return []
        return [target.line(self._ratios(OURS.name, base)) for base, target in aims if base in self._arms]

    def sent_lines(self) -> list[str]:
        """What each arm sent in the last round, all of it counted at the Collector."""
        rows = []
        for arm in self._arms:
            last = self._rounds[-1][arm]
            counts = last.sent.counts
            rows.append(
                f"{arm:<13}{last.requests:>10,}{counts.spans:>10,}{last.sent.events:>10,}{counts.metric_points:>10,}"
                f"{counts.exemplars:>11,}{last.sent.bytes / last.requests:>15,.0f}"
            )
        return [
            "Sent and counted at the Collector in the last round, warm-up included; every round's figures agreed",
            "",
            f"{'':<13}{'requests':>10}{'spans':>10}{'events':>10}{'points':>10}{'exemplars':>11}{'bytes/request':>15}",
            *rows,
            "",
        ]

    def figures(self) -> dict[str, Any]:
        """Everything measured, and the intervals."""
        compared = {
            f"{arm} to {base}": vars(Interval.of(self._ratios(arm, base)))
            for base in (STOCK.name, LIGHT.name, OURS.name)
            for arm in self._arms
            if base in self._arms and arm not in {BARE.name, base}
        }
        rounds = [{arm: asdict(each[arm]) for arm in self._arms} for each in self._rounds]
        return {"features": self._setting.features, "added": compared, "rounds": rounds}

    def _added(self, arm: str) -> list[float]:
        return [each[arm].cpu_seconds - each[BARE.name].cpu_seconds for each in self._rounds]

    def _ratios(self, arm: str, base: str) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self._added(arm), self._added(base), strict=True)]

    def _spread(self, arm: str, base: str) -> str:
        return Spread.of(self._ratios(arm, base)).text() if base in self._arms else ""
