"""Series as tests of rules give them: `0x10 1+1x5 _ nan`, or a plain list."""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator

MOST_VALUES: Final = 100_000
_NUMBER: Final = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_RUN: Final = re.compile(
    rf"(?P<first>{_NUMBER})(?P<percent>%?)(?:(?P<step>[+-](?:\d+(?:\.\d*)?|\.\d+)))?(?:x(?P<more>\d{{1,6}}))?"
)
_WORD: Final = re.compile(r"(?P<word>_|nan|incomplete|immature|error)(?:x(?P<times>\d{1,6}))?", re.IGNORECASE)
_HELP: Final = (
    "values are numbers (0.5, 5%), `1x3` (1 1 1 1), `1+2x3` (1 3 5 7), `_` (no data), `nan`, `incomplete`, `immature` "
    "and `error`, each of these also like `_x3`"
)


@dataclass(frozen=True, slots=True)
class Given:
    """What a look finds at one moment.

    Attributes:
        value: The figure; None when there is no data.
        word: `incomplete`, `immature` or `error` where it can't be judged, else empty.
    """

    value: float | None = None
    word: str = ""


NOTHING: Final = Given()


def parse_series(text: object) -> tuple[Given, ...]:
    """Read a series, as promtool writes them or as a list.

    Raises:
        ValueError: Naming what can't be read.
    """
    parts = text.split() if isinstance(text, str) else text if isinstance(text, list | tuple) else [text]
    found: list[Given] = []
    for part in parts:
        found += _part(part)
        if len(found) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")
    return tuple(found)


def _part(part: object) -> list[Given]:
    if isinstance(part, Given):
        return [part]
    if part is None:
        return [NOTHING]
    if isinstance(part, int | float) and not isinstance(part, bool):
        return [Given(float(part))]
    if isinstance(part, str) and (word := _WORD.fullmatch(part)):
        name = word["word"].lower()
        one = NOTHING if name == "_" else Given(math.nan) if name == "nan" else Given(word=name)
        return [one] * int(word["times"] or 1)
    run = _RUN.fullmatch(part) if isinstance(part, str) else None
    if run is None or (run["step"] and not run["more"]):
        raise ValueError(f"{part!r} is no value: {_HELP}")
    scale = 0.01 if run["percent"] else 1.0
    first, step = float(run["first"]), float(run["step"] or 0)
    return [Given((first + step * number) * scale) for number in range(int(run["more"] or 0) + 1)]


SeriesText = Annotated[tuple[Given, ...], BeforeValidator(parse_series)]
