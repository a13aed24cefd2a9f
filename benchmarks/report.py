"""What every benchmark prints and keeps: paired ratios with their spread, and the machine they were measured on."""

import json
import math
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scipy import stats

RESULTS = Path(__file__).parent / "results"
_CONFIDENCE: Final = 0.95
_WIDEST: Final = 0.2


@dataclass(frozen=True)
class Spread:
    """A figure over rounds: median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise the rounds' figures; a single round is its own spread."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def text(self, form: str = ".2f") -> str:
        """Return `median (low .. high)`."""
        return f"{self.median:{form}} ({self.low:{form}} .. {self.high:{form}})"


def ratios(rounds: Sequence[Mapping[str, float]], arm: str, base: str) -> Spread:
    """Compare two arms round by round, so that what disturbs the machine disturbs both."""
    return Spread.of([each[arm] / each[base] for each in rounds])


@dataclass(frozen=True)
class Interval:
    """A ratio's geometric mean over rounds, with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, paired: Sequence[float]) -> "Interval":
        """Student's t-interval of the logarithms of ratios that were each taken within one round.

        Logarithms, because a ratio and its inverse must say the same: Fleming and Wallace, "How not to lie with
        statistics", CACM 29 (1986); intervals of paired runs: Jain, "The Art of Computer Systems Performance
        Analysis" (1991), 13.4.1.

        Args:
            paired: One ratio for each round. With fewer than two, or one that is not positive because noise
                outweighed a difference, nothing is known: the interval is everything.
        """
        if len(paired) < 2 or min(paired) <= 0:
            return cls(statistics.median(paired), -math.inf, math.inf)
        logarithms = [math.log(ratio) for ratio in paired]
        mean = statistics.fmean(logarithms)
        error = statistics.stdev(logarithms) / math.sqrt(len(logarithms))
        reach = float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(logarithms) - 1)) * error
        return cls(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach))

    @property
    def conclusive(self) -> bool:
        """Whether both ends lie within 20 % of the mean."""
        return self.low >= self.mean * (1 - _WIDEST) and self.high <= self.mean * (1 + _WIDEST)

    def text(self, form: str = ".2f") -> str:
        """Return `mean [low .. high]`."""
        return f"{self.mean:{form}} [{self.low:{form}} .. {self.high:{form}}]"


def machine() -> dict[str, Any]:
    """Describe where this is measured."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory) / 1024 / 1024, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def keep(name: str, text: str, figures: Mapping[str, Any], on: Mapping[str, Any]) -> None:
    """Print the table and write it beside the figures to `results/`."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    described = " · ".join(f"{key} {value}" for key, value in on.items())
    (RESULTS / f"{name}.txt").write_text(f"{text}\n\n{described}\n")
    whole = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": on, **figures}
    (RESULTS / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
