"""A long run at half load: whether memory grows, and whether anything is dropped."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from scipy import stats

from benchmarks.instrumentation.arms import BARE
from benchmarks.instrumentation.measure import Bench
from benchmarks.instrumentation.service import Setting
from benchmarks.instrumentation.serving import percentile

LEAST_MINUTES: Final = 20.0
_SAMPLE_SECONDS: Final = 5.0
_LEAST_SAMPLES: Final = 50
_WARM_UP_SHARE: Final = 0.1
_LOAD_SHARE: Final = 0.5
_OWN_SHARE: Final = 0.8
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Slope:
    """How memory changed, in MiB per hour, with its 95 % interval."""

    per_hour: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: list[tuple[float, float]]) -> "Slope":
        """Theil and Sen's median of pairwise slopes, which single peaks do not move (Sen, JASA 63, 1968).

        Args:
            samples: Seconds and MiB.
        """
        seconds, sizes = zip(*samples, strict=True)
        slope, _, low, high = stats.theilslopes(sizes, [each / 3_600 for each in seconds], alpha=0.95)
        return cls(float(slope), float(low), float(high))


def run(bench: Bench, arm: str, setting: Setting, minutes: float, requests: int) -> tuple[list[str], dict[str, Any]]:
    """Load an arm for `minutes` at half of what the bare service can do.

    Returns:
        The lines to print, and the figures.

    Raises:
        InvalidRunError: Something was dropped or came twice.
    """
    bare = bench.saturate(BARE.name, setting, requests).requests_per_second
    own = bench.saturate(arm, setting, requests).requests_per_second
    rate = min(bare * _LOAD_SHARE, own * _OWN_SHARE)
    print(f"soak: {minutes:g} minutes of {arm} at {rate:,.0f} requests/s", file=sys.stderr)
    samples: list[tuple[float, float]] = []
    every_seconds = min(_SAMPLE_SECONDS, minutes * 60 / _LEAST_SAMPLES)
    timed = bench.time_answers(
        arm, setting, rate=rate, seconds=minutes * 60, watched=lambda rss: _sampling(rss, every_seconds, samples)
    )
    steady = [sample for sample in samples if sample[0] >= minutes * 60 * _WARM_UP_SHARE]
    slope = Slope.of(steady)
    sizes = [size for _, size in steady]
    lines = [
        f"Soak of {arm}: {minutes:g} minutes, {setting.model} model, {len(timed.answers):,} requests",
        f"{rate:,.0f} requests/s: {rate / bare:.2f} of the bare service's capacity, {rate / own:.2f} of its own",
        f"memory after the first tenth: {slope.per_hour:+.2f} MiB/h [{slope.low:+.2f} .. {slope.high:+.2f}]",
        f"{sizes[0]:.1f} MiB at its start, {sizes[-1]:.1f} at its end, {max(sizes):.1f} at most, {len(steady)} samples",
        "dropped: 0; every span, event, metric point and exemplar was counted at the Collector, each once",
        f"p99 {percentile(timed.answers, 99) * 1e3:.2f} ms, longest {max(timed.answers) * 1e3:.1f} ms",
    ]
    if minutes < LEAST_MINUTES:
        lines.append(f"Shorter than {LEAST_MINUTES:g} minutes: no result.")
    figures = {
        "arm": arm,
        "minutes": minutes,
        "rate": rate,
        "bare_capacity": bare,
        "own_capacity": own,
        "slope_mib_per_hour": [slope.low, slope.per_hour, slope.high],
        "samples": samples,
    }
    return lines, figures


@contextmanager
def _sampling(rss_bytes: Callable[[], int], every_seconds: float, samples: list[tuple[float, float]]) -> Iterator[None]:
    """Note the memory now and then, as (seconds since the start, MiB)."""
    stopped = threading.Event()
    begun = time.monotonic()

    def sample() -> None:
        while not stopped.wait(every_seconds):
            samples.append((time.monotonic() - begun, rss_bytes() / _MIB))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
