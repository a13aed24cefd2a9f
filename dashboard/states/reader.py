"""Reads a page's state from a URL's query parameters, and collects what it could not read."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from dashboard.time_range import STEPS, TimeRange, zone_of

Query = Mapping[str, Sequence[str]]
LONGEST: Final = 400
"""Characters of a parameter; what is longer is cut."""
_WIDTH: Final = re.compile(r"[1-9]\d{0,4}[smhd]")
_MOST_FILTERS: Final = 20
_GREATEST: Final = 1e12
T = TypeVar("T")


@dataclass
class StateReader:
    """Reads parameters one by one and collects what it could not read."""

    query: Query
    now: datetime
    complaints: list[str] = field(default_factory=list)

    def text(self, name: str, default: str) -> str:
        """The last value of a parameter, cut to a bearable length; the default where there is none."""
        values = self.query.get(name) or ()
        return values[-1][:LONGEST] if values and values[-1] else default

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """A value that must be known; the first known one otherwise."""
        text = self.text(name, known[0])
        if text in known:
            return text
        self.complaints.append(f"{name}: {text[:40]!r} is none of {', '.join(known)}.")
        return known[0]

    def number(self, name: str) -> float | None:
        """A number; None where there is none."""
        text = self.text(name, "")
        if not text:
            return None
        value = _float(text)
        if math.isfinite(value):
            return value
        self.complaints.append(f"{name}: {text[:40]!r} is no number.")
        return None

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter, each once."""
        return tuple(dict.fromkeys(value[:LONGEST] for value in (self.query.get(name) or ()) if value))[:_MOST_FILTERS]

    def names(self, name: str) -> tuple[str, ...]:
        """Names separated by commas."""
        parts = (part.strip() for value in self.many(name) for part in value.split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def period(self) -> TimeRange:
        """The range."""
        default = TimeRange()
        asked = TimeRange(self.text("from", default.start), self.text("to", default.end))
        return self._checked("from and to", asked, default, lambda: asked.bounds(self.now))

    def zone(self) -> str:
        """The time zone's IANA name."""
        asked = self.text("tz", "UTC")
        return self._checked("tz", asked, "UTC", lambda: zone_of(asked))

    def step(self) -> str:
        """The width of a bucket."""
        step = self.text("step", "auto")
        if step == "auto" or _WIDTH.fullmatch(step):
            return step
        self.complaints.append(f"step: {step[:40]!r} is neither auto nor a width such as {', '.join(STEPS)}.")
        return "auto"

    def _checked(self, name: str, value: T, default: T, check: Callable[[], object]) -> T:
        try:
            check()
        except ValueError as error:
            self.complaints.append(f"{name}: {error}")
            return default
        return value


def _float(text: str) -> float:
    """The number that a text is; not a number where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def number_from_zero(text: str) -> float | None:
    """A number from 0 on, such as milliseconds; None where there is no text.

    Raises:
        ValueError: it is none, in words for the page.
    """
    if not text:
        return None
    value = _float(text)
    if not 0 <= value <= _GREATEST:
        raise ValueError(f"{text[:40]!r} is no number from 0 on.")
    return value
