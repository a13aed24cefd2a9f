"""Colours."""

from itertools import combinations

import pytest

from dashboard.charts import palette
from dashboard.server_options import THEME
from dashboard.views.look import ON_PRIMARY

GROUNDS = {"light": (palette.PAPER, palette.PANEL), "dark": (palette.NIGHT, palette.NIGHT_PANEL)}
TEXT = (palette.INK, palette.MUTED)
GRAPHICS = (*palette.CATEGORIES, *palette.PERCENTILES.values(), *palette.SCORES.values())


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _luminance(linear: tuple[float, float, float]) -> float:
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours."""
    darker, lighter = sorted((_luminance(_linear(one)), _luminance(_linear(other))))
    return (lighter + 0.05) / (darker + 0.05)


def _shown(colour: str, look: str) -> str:
    return palette.DARK[colour] if look == "dark" else colour


@pytest.mark.parametrize("look", GROUNDS)
@pytest.mark.parametrize("colour", GRAPHICS)
def test_lines_stand_out_from_the_page(colour: str, look: str) -> None:
    """WCAG 1.4.11: graphics need a contrast of 3:1 against what is behind them, in either look."""
    for ground in GROUNDS[look]:
        assert _contrast(_shown(colour, look), ground) >= 3


@pytest.mark.parametrize("look", GROUNDS)
@pytest.mark.parametrize("colour", TEXT)
def test_text_stands_out_from_the_page(colour: str, look: str) -> None:
    """WCAG 1.4.3 (AA): text needs a contrast of 4.5:1, in either look."""
    for ground in GROUNDS[look]:
        assert _contrast(_shown(colour, look), ground) >= 4.5


@pytest.mark.parametrize("look", GROUNDS)
def test_the_pages_own_texts_stand_out(look: str) -> None:
    """Links, coloured words, and what is written on and with the main colour: 4.5:1."""
    theme = {name.removeprefix(f"theme.{look}."): str(value) for name, value in THEME.items()}
    for ground in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        for name in (
            "textColor",
            "primaryColor",
            "linkColor",
            "grayTextColor",
            "greenTextColor",
            "orangeTextColor",
            "redTextColor",
        ):
            assert _contrast(theme[name], ground) >= 4.5, name
    assert _contrast(theme["primaryColor"], ON_PRIMARY if look == "dark" else palette.PAPER) >= 4.5


@pytest.mark.parametrize("look", GROUNDS)
def test_more_heat_stands_out_more(look: str) -> None:
    """Each step of the heat map differs more from the page than the one before."""
    ratios = [_contrast(_shown(colour, look), GROUNDS[look][0]) for colour in palette.HEAT]
    assert ratios == sorted(ratios)
    assert ratios[0] > 1.1


def test_every_colour_has_a_counterpart_of_its_own() -> None:
    """No two colours become one on a dark page, and none is without a counterpart."""
    colours = {*GRAPHICS, *TEXT, *palette.HEAT, palette.GRID, palette.PAPER, palette.PANEL}
    assert colours == set(palette.DARK)
    assert len(set(palette.DARK.values())) == len(colours)


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
    for look in GROUNDS:
        for one, other in combinations([_shown(colour, look) for colour in palette.CATEGORIES[:4]], 2):
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


def test_a_versions_colour_stays_when_others_come() -> None:
    """Neither later versions nor which are drawn change it, and the first eight of a model are all distinct."""
    versions = [f"v{number}" for number in range(8)]
    known = [palette.version_colour(version, versions) for version in versions]
    assert len(set(known)) == 8
    for place, version in enumerate(versions):
        assert palette.version_colour(version, versions[: place + 1]) == known[place]
        assert palette.version_colour(version, versions[:place]) == known[place]
