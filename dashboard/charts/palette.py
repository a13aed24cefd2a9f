"""Colours with a constant meaning, told apart with any kind of colour vision.

The categorical colours are Okabe and Ito's (2008, "Color Universal Design"), without the yellow that vanishes on white
and with the two lightest darkened until they reach 3:1 against it (WCAG 1.4.11, graphical objects).
"""

import hashlib
from collections.abc import Iterable
from typing import Final

BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#008A63"
PURPLE: Final = "#B0578D"
SKY: Final = "#2E93C8"
AMBER: Final = "#B57B00"
BROWN: Final = "#7A4A21"
INDIGO: Final = "#4B3F8F"
CATEGORIES: Final = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, SKY, INDIGO, BROWN)

INK: Final = "#0C1620"
MUTED: Final = "#52606D"
GRID: Final = "#E4E8EC"

REQUESTS: Final = BLUE
ERRORS: Final = VERMILLION
PREDICTIONS: Final = GREEN
SCORE: Final = PURPLE
LABELS: Final = AMBER
PIPELINE: Final = INDIGO
# One hue, darker towards the tail: an order that needs no legend to be read.
PERCENTILES: Final = {"p50": "#6BAED6", "p95": "#2171B5", "p99": "#08306B"}


def series_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name.

    A name keeps its colour from chart to chart: its hash picks the place, and only when two names of one chart want
    the same does the later one (in the order of the names) move on.

    Args:
        names: of the series in one chart; past eight, colours repeat.
    """
    colours: dict[str, str] = {}
    for name in sorted(set(names)):
        place = int.from_bytes(hashlib.blake2b(name.encode(errors="replace"), digest_size=4).digest(), "big")
        free = [
            colour for colour in CATEGORIES if list(colours.values()).count(colour) == len(colours) // len(CATEGORIES)
        ]
        wished = CATEGORIES[place % len(CATEGORIES)]
        colours[name] = wished if wished in free else free[place % len(free)]
    return colours
