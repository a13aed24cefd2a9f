"""Units on axes and in figures: the scale that suits the values, its symbol, and numbers in words of that scale."""

import math
import re
from dataclasses import dataclass
from typing import Final

_MINUTE: Final = 60.0
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_RATIOS: Final = frozenset({"ratio", "%", "percent"})
_SECONDS: Final = frozenset({"s", "second", "seconds", "sec"})
_MILLISECONDS: Final = frozenset({"ms", "millisecond", "milliseconds"})
_BYTES: Final = frozenset({"by", "b", "byte", "bytes"})
_SHARES: Final = frozenset({"completeness", "label_coverage", "accuracy", "precision", "recall", "f1"})
_PLAIN: Final = frozenset({"", "1", "score", "probability", "none"})


@dataclass(frozen=True)
class Scale:
    """How the values of one chart are drawn.

    Attributes:
        factor: what a value is multiplied by before it is drawn.
        symbol: the unit after that; empty for a plain number.
        axis_format: d3 format of the axis.
        exact_format: d3 format of tooltips.
    """

    factor: float
    symbol: str
    axis_format: str
    exact_format: str

    @property
    def suffix(self) -> str:
        """What follows each number of an axis."""
        return f" {self.symbol}" if self.symbol else ""


def scale_of(unit: str, largest: float | None) -> Scale:
    """The scale that suits a unit and the largest value to be drawn.

    Args:
        unit: as the metric's catalogue entry names it.
        largest: the largest absolute value, None when there is none.
    """
    name = unit.strip().lower()
    size = abs(largest) if largest is not None and math.isfinite(largest) else 0.0
    if name in _RATIOS:
        percent = name in {"%", "percent"}
        return Scale(1.0 if percent else 100.0, "%", ",~f", ",.3~f")
    if name in _SECONDS | _MILLISECONDS:
        return _time(size, 1e-3 if name in _MILLISECONDS else 1.0)
    if name in _BYTES:
        factor, prefix = _prefix(size)
        return Scale(factor, f"{prefix}B", ",~f", ",.3~f")
    if name in _PLAIN:
        return Scale(1.0, "", "~s" if size >= 1000 else ",~f", ",.4~f")  # noqa: PLR2004 - where SI prefixes begin
    return Scale(1.0, unit_symbol(unit), "~s" if size >= 1000 else ",~f", ",.4~f")  # noqa: PLR2004 - as above


def unit_of(metric: str, unit: str, kind: str = "") -> str:
    """The unit to draw a metric in: a share of something, which the catalogue calls `1`, is shown in per cent.

    Args:
        metric: its name.
        unit: as the catalogue names it.
        kind: as the catalogue names it, where known.
    """
    share = kind == "ratio" or metric.endswith("_ratio") or metric in _SHARES
    return "ratio" if unit in _PLAIN and share else unit


def unit_symbol(unit: str) -> str:
    """Spell a unit for people: UCUM's braces go, and what happens per second is `/s`."""
    text = re.sub(r"[{}]", "", unit.strip())
    return "/s" if re.fullmatch(r"(1|[a-z_ ]+)/s(ec(ond)?)?", text) else text


def figure(value: float | None, unit: str) -> str:
    """A value with its unit in a few characters, such as `12.4k`, `38 ms` or `0.4 %`; a dash where there is none.

    Args:
        value: in the unit.
        unit: as the metric's catalogue entry names it.
    """
    if value is None or not math.isfinite(value):
        return "–"
    scale = scale_of(unit, value)
    scaled = value * scale.factor
    if scale.symbol == "%":
        return f"{_digits(scaled)} %"
    if scale.symbol in {"ms", "s", "min", "h", "µs"} or scale.symbol.endswith("B"):
        return f"{_digits(scaled)} {scale.symbol}"
    factor, prefix = _prefix(abs(scaled))
    return f"{_digits(scaled * factor)}{prefix}{scale.suffix}"


def _time(seconds_or_less: float, base: float) -> Scale:
    seconds = seconds_or_less * base
    for least, factor, symbol in (
        (2 * _MINUTE * _MINUTE, 1 / (_MINUTE * _MINUTE), "h"),
        (2 * _MINUTE, 1 / _MINUTE, "min"),
        (1.0, 1.0, "s"),
        (1e-3, 1e3, "ms"),
    ):
        if seconds >= least:
            return Scale(base * factor, symbol, ",~f", ",.3~f")
    return Scale(base * 1e3, "ms", ",~f", ",.3~f") if seconds == 0 else Scale(base * 1e6, "µs", ",~f", ",.3~f")


def _prefix(size: float) -> tuple[float, str]:
    return next(((1 / least, symbol) for least, symbol in _PREFIXES if size >= least), (1.0, ""))


def _digits(value: float) -> str:
    """Three significant digits, without the exponent that `g` would use."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:  # noqa: PLR2004 - three digits before the point
        return f"{value:.0f}"
    decimals = 2 - math.floor(math.log10(size))
    text = f"{value:.{min(decimals, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
