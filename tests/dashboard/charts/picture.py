"""What a chart's picture shows: the shapes that Vega draws, where they lie and in which colour."""

import re
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree as ET

import vl_convert

WIDTH: Final = 600
"""Of the plot, in pixels; a page gives it the width that it has."""
_SVG: Final = "{http://www.w3.org/2000/svg}"
_MOVED: Final = re.compile(r"translate\(([-\d.e]+),([-\d.e]+)\)")
_SCALED: Final = re.compile(r"scale\(([-\d.e]+),([-\d.e]+)\)")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn, in pixels of the plot from its upper left corner.

    Attributes:
        kind: Vega's name of the mark, such as rect, rule, line, symbol or text.
        layer: the how-manieth group of marks it is in, from 0: what comes later lies above.
        left: its left end.
        top: its upper end.
        right: its right end.
        bottom: its lower end.
        fill: the colour within; empty for none.
        stroke: the colour around; empty for none.
        opacity: from 0 to 1.
        dashes: the pattern of its stroke; empty for none.
        text: what is written.
    """

    kind: str
    layer: int
    left: float
    top: float
    right: float
    bottom: float
    fill: str = ""
    stroke: str = ""
    opacity: float = 1.0
    dashes: str = ""
    text: str = ""

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def shapes(chart: Any) -> list[Shape]:
    """What is drawn of a chart's data, from the lowest layer to the highest; axes and legends are not.

    Args:
        chart: an Altair chart as wide as its container.
    """
    root = ET.fromstring(vl_convert.vegalite_to_svg({**chart.to_dict(), "width": WIDTH}, vl_version="6.4"))  # noqa: S314
    plot = next(each for each in root.iter() if "role-frame" in each.get("class", ""))
    groups = [each for each in plot.iter() if re.search(r"\bmark-(?!group)\w+ role-mark\b", each.get("class", ""))]
    return [
        _shape(element, re.sub(r".*\bmark-(\w+).*", r"\1", group.get("class", "")), layer)
        for layer, group in enumerate(groups)
        for element in group
        if element.tag != f"{_SVG}g"
        and (element.tag == f"{_SVG}text" or element.get("d") or element.tag == f"{_SVG}line")
    ]


def darkness(colour: str) -> float:
    """How dark a colour is, from 0 for white to 1 for black."""
    red, green, blue = (
        (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        if colour.startswith("#")
        else (int(part) for part in re.findall(r"\d+", colour)[:3])
    )
    return 1 - (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def _shape(element: ET.Element, kind: str, layer: int) -> Shape:
    moved = _MOVED.search(element.get("transform", ""))
    dx, dy = (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)
    if element.tag == f"{_SVG}line":
        xs, ys = [0.0, float(element.get("x2", 0))], [0.0, float(element.get("y2", 0))]
    else:
        xs, ys = _corners(element.get("d", "M0,0"))
    return Shape(
        kind,
        layer,
        min(xs) + dx,
        min(ys) + dy,
        max(xs) + dx,
        max(ys) + dy,
        _colour(element.get("fill")),
        _colour(element.get("stroke")),
        float(element.get("opacity", 1)),
        element.get("stroke-dasharray", ""),
        "".join(element.itertext()),
    )


def _corners(path: str) -> tuple[list[float], list[float]]:
    """Where a path leads through; arcs and curves count by their ends."""
    x = y = 0.0
    xs, ys = [], []
    for command, rest in re.findall(r"([A-Za-z])([^A-Za-z]*(?:e-?\d[^A-Za-z]*)*)", path):
        numbers = [float(each) for each in _NUMBER.findall(rest)]
        if command in "Zz":
            continue
        if command in "Hh":
            x = numbers[-1] + (x if command == "h" else 0)
        elif command in "Vv":
            y = numbers[-1] + (y if command == "v" else 0)
        else:
            x, y = (numbers[-2] + (x if command.islower() else 0), numbers[-1] + (y if command.islower() else 0))
        xs.append(x)
        ys.append(y)
    return xs, ys


def _colour(name: str | None) -> str:
    return "" if name in {None, "none", "transparent"} else str(name)
