"""Colours with a constant meaning, told apart with any kind of colour vision.

The categorical colours are Okabe and Ito's (2008, "Color Universal Design"), without the yellow that vanishes on white
and with the two lightest darkened until they reach 3:1 against it (WCAG 1.4.11, graphical objects).

Charts are made of the colours for a light page. For a dark one each of them is replaced by its counterpart in `DARK`,
at the moment of drawing: the same hue, light enough for the dark ground. A meaning keeps its hue everywhere.

A version of a model has one colour on every page. It depends on nothing but its name and the versions of its model in
90 days that were seen before it (of one day the first by name): its hash picks the colour, and only where an older
version has that one it takes another that is free. So which versions are in a chart changes nothing, and a version of a
later day never changes the colour of an old one. Lines that share a version, such as those of two metrics, share its
colour. Past eight versions of a model colours repeat.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
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
PERCENTILES: Final = {"p50": "#4F94C4", "p95": "#2171B5", "p99": "#08306B"}
SCORES: Final = {"mean": PURPLE, "median": "#C2709F", "p95": "#5E2A4C"}
# How many, in a heat map: from hardly any to most. On a dark page it runs from dark to light.
HEAT: Final = ("#DCE9F5", "#B3D0E8", "#7FB1D9", "#4A8CC2", "#1F66A6", "#0A2F66")

PAPER: Final = "#FFFFFF"
PANEL: Final = "#F4F6F8"
NIGHT: Final = "#10171E"
NIGHT_PANEL: Final = "#1A232D"

DARK: Final[Mapping[str, str]] = {
    BLUE: "#56A9E3",
    VERMILLION: "#F2854B",
    GREEN: "#2FB98C",
    PURPLE: "#D98ABB",
    SKY: "#7CC7EE",
    AMBER: "#D9A53A",
    BROWN: "#C49A6C",
    INDIGO: "#A79BEA",
    INK: "#E6ECF1",
    MUTED: "#A3B1BE",
    GRID: "#2B3743",
    PAPER: NIGHT,
    PANEL: NIGHT_PANEL,
    PERCENTILES["p50"]: "#4A86B8",
    PERCENTILES["p95"]: "#7DB8E8",
    PERCENTILES["p99"]: "#D3E8FA",
    SCORES["median"]: "#B573A0",
    SCORES["p95"]: "#F3D9E8",
    **dict(zip(HEAT, ("#1B2C3D", "#234A6E", "#2F6B9C", "#4F93C9", "#8DC0EA", "#DCEEFC"), strict=True)),
}
"""The counterpart of every colour on a dark page."""


def series_colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name.

    A name keeps its colour from chart to chart: its hash picks the place, and only when two names of one chart want
    the same does the later one (in the order of the names) move on.

    Args:
        names: of the series in one chart; past eight, colours repeat.
    """
    return _in_turn(sorted(set(names)))


def version_colour(version: str, known: Sequence[str] = ()) -> str:
    """The one colour of a version of a model.

    Args:
        version: its name.
        known: the model's versions, the one seen first before the others; whether it is among them does not matter.
    """
    return _in_turn(dict.fromkeys([*known, version]))[version]


def _in_turn(names: Iterable[str]) -> dict[str, str]:
    """Each name's colour by its hash, or the next that is free of those before it."""
    colours: dict[str, str] = {}
    for name in names:
        place = int.from_bytes(hashlib.blake2b(name.encode(errors="replace"), digest_size=4).digest(), "big")
        free = [
            colour for colour in CATEGORIES if list(colours.values()).count(colour) == len(colours) // len(CATEGORIES)
        ]
        wished = CATEGORIES[place % len(CATEGORIES)]
        colours[name] = wished if wished in free else free[place % len(free)]
    return colours
