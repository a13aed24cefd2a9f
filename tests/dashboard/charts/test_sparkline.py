"""The small line beside a figure."""

import base64
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from dashboard.charts.sparkline import HEIGHT, WIDTH, sparkline


def drawn(points: list[tuple[float, float | None]], *, zero: bool = True, label: str = "a") -> tuple[str, ET.Element]:
    """The image's alternative text, and its picture."""
    image = sparkline(points, start=0, end=4, colour="#123456", label=label, zero=zero)
    read = HTMLParser()
    found: dict[str, str | None] = {}
    read.handle_starttag = lambda tag, attrs: found.update(attrs, tag=tag)  # type: ignore[method-assign]
    read.feed(image)
    assert found["tag"] == "img"
    picture = base64.b64decode(str(found["src"]).removeprefix("data:image/svg+xml;base64,"))
    return str(found["alt"]), ET.fromstring(picture)  # noqa: S314


def path_of(points: list[tuple[float, float | None]], *, zero: bool = True) -> str:
    """The line."""
    return drawn(points, zero=zero)[1][0].attrib["d"]


def test_gaps_stay_gaps_and_a_value_alone_is_seen() -> None:
    """Each run of neighbours is a path of its own."""
    path = path_of([(0, 1.0), (1, 2.0), (2, None), (3, 1.0), (4, None)])
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert path.endswith("h1.4")


def test_the_range_spans_the_width_and_zero_the_lower_edge() -> None:
    """The highest value is at the top; without zero the lowest is at the bottom."""
    assert path_of([(0, 0.0), (4, 5.0)]) == f"M2.0,{HEIGHT - 2:.1f}L{WIDTH - 2:.1f},2.0"
    assert path_of([(0, 4.0), (4, 5.0)], zero=False).startswith(f"M2.0,{HEIGHT - 2:.1f}L")


def test_nothing_and_hostile_names_are_drawn_too() -> None:
    """No value: an empty line. A label can't leave its attribute."""
    assert path_of([]) == ""
    text = '"><script>alert(1)</script>'
    assert drawn([], label=text)[0] == text


def test_who_points_at_it_reads_its_ends() -> None:
    """Lowest, highest and last, each with its unit; without any value it says so."""
    points = [(0.0, 2.0), (1.0, 9.0), (2.0, None), (3.0, 4.0)]
    told = sparkline(points, start=0, end=4, colour="#123456", label="a", words=lambda value: f"{value:g} ms")
    assert ' title="lowest 2 ms, highest 9 ms, last 4 ms" ' in told
    assert ' title="no value" ' in sparkline([(0, None)], start=0, end=4, colour="#123456", label="a")
