"""Colours."""

from itertools import combinations

import pytest

from dashboard.charts import palette

WHITE = (1.0, 1.0, 1.0)


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(linear: tuple[float, float, float]) -> float:
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(colour: str) -> float:
    return (_luminance(WHITE) + 0.05) / (_luminance(_linear(colour)) + 0.05)


@pytest.mark.parametrize("colour", palette.CATEGORIES)
def test_lines_stand_out_from_white(colour: str) -> None:
    """WCAG 1.4.11: graphics need a contrast of 3:1."""
    assert _contrast(colour) >= 3


@pytest.mark.parametrize("colour", [palette.INK, palette.MUTED])
def test_text_stands_out_from_white(colour: str) -> None:
    """WCAG 1.4.3 (AA): text needs a contrast of 4.5:1."""
    assert _contrast(colour) >= 4.5


def _deuteranope(colour: str) -> tuple[float, float, float]:
    """What a person without green cones sees (Machado, Oliveira, Fernandes 2009, severity 1)."""
    red, green, blue = _linear(colour)
    return (
        0.367322 * red + 0.860646 * green - 0.227968 * blue,
        0.280085 * red + 0.672501 * green + 0.047413 * blue,
        -0.011820 * red + 0.042940 * green + 0.968881 * blue,
    )


def test_neighbours_differ_without_green_cones() -> None:
    """The first four colours, those of most charts, stay apart for the most frequent kind of colour blindness."""
    for one, other in combinations(palette.CATEGORIES[:4], 2):
        apart = sum((a - b) ** 2 for a, b in zip(_deuteranope(one), _deuteranope(other), strict=True)) ** 0.5
        assert apart > 0.1, (one, other)


def test_colours_are_distinct_until_they_run_out() -> None:
    """Eight names get eight colours; more names share them evenly."""
    names = [f"version-{number}" for number in range(16)]
    assert len(set(palette.series_colours(names[:8]).values())) == 8
    shared = list(palette.series_colours(names).values())
    assert max(map(shared.count, shared)) == 2


def test_a_name_keeps_its_colour() -> None:
    """Alone, a name always has the colour of its hash, in any order of asking."""
    alone = palette.series_colours(["b71e44d9"])["b71e44d9"]
    assert palette.series_colours(["b71e44d9"]) == {"b71e44d9": alone}
    assert palette.series_colours(["a", "b"]) == palette.series_colours(["b", "a"])
