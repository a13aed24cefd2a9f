"""The charts of an explanation, judged by their Vega-Lite specification."""

from typing import Any

from dashboard.charts.findings import REST_COLOUR, SELECTED_COLOUR, Effect, effect_chart, share_chart

ROWS = [
    Effect("1. carrier = EV", 0.5, 0.4, 0.6, 0.8, 0.1),
    Effect("2. humidity < 52.79", 0.2, 0.1, 0.3, 0.4, 0.2),
]


def layers_of(spec: dict[str, Any], mark: str) -> list[dict[str, Any]]:
    """The layers of a mark."""
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


def test_each_effect_is_a_dot_on_its_interval_in_the_order_of_the_ranks() -> None:
    """The rule spans the interval, the dot lies on the estimate, and Vega does not sort the names anew."""
    spec = effect_chart(ROWS, unit="share").to_dict()
    (interval,) = layers_of(spec, "rule")
    (dot,) = layers_of(spec, "point")
    assert (interval["encoding"]["x"]["field"], interval["encoding"]["x2"]["field"]) == ("low", "high")
    assert dot["encoding"]["x"]["field"] == "effect"
    assert interval["encoding"]["y"]["scale"]["domain"] == ["1. carrier = EV", "2. humidity < 52.79"]
    assert interval["encoding"]["x"]["axis"]["format"] == ".0%"
    (rows,) = spec["datasets"].values()
    assert [(row["low"], row["effect"], row["high"]) for row in rows] == [(0.4, 0.5, 0.6), (0.1, 0.2, 0.3)]


def test_milliseconds_are_named_on_the_axis() -> None:
    """Effects of self time have another unit than shares."""
    axis = layers_of(effect_chart(ROWS, unit="ms").to_dict(), "rule")[0]["encoding"]["x"]["axis"]
    assert axis["title"] == "Extra time (ms)"


def test_shares_are_two_dots_told_apart_by_colour_and_shape() -> None:
    """One for the selected, one for the rest, each named in the legend."""
    spec = share_chart(ROWS, selected="slow requests", rest="others").to_dict()
    (dots,) = layers_of(spec, "point")
    assert dots["encoding"]["color"]["scale"] == {
        "domain": ["slow requests", "others"],
        "range": [SELECTED_COLOUR, REST_COLOUR],
    }
    assert dots["encoding"]["shape"]["scale"]["range"] == ["circle", "diamond"]
    rows = next(rows for rows in spec["datasets"].values() if "group" in rows[0])
    assert [(row["group"], row["share"]) for row in rows[:2]] == [("slow requests", 0.8), ("others", 0.1)]
