"""The line chart, judged by its Vega-Lite specification."""

from typing import Any

import altair as alt

from dashboard.charts.palette import series_colours
from dashboard.charts.rows import rows_of
from dashboard.charts.timeline import timeline

START = 1_700_000_000


def drawn(
    points: list[float | None], *, unit: str = "s", names: tuple[str, ...] = ("a",), **options: Any
) -> dict[str, Any]:
    """The specification for the same points under each name, one point a minute."""
    complete_until = options.pop("complete_until", None)
    rows = [
        row
        for name in names
        for row in rows_of(
            name,
            [(START + 60 * place, value) for place, value in enumerate(points)],
            step_seconds=60,
            complete_until=complete_until,
        )
    ]
    end = START + 60 * len(points)
    chart = timeline(rows, unit=unit, start=START * 1000, end=end * 1000, **options)
    return chart.to_dict()


def lines(spec: dict[str, Any]) -> dict[str, Any]:
    """The layer of lines."""
    return next(layer for layer in spec["layer"] if layer["mark"]["type"] == "line")


def table(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that the specification carries."""
    (rows,) = spec["datasets"].values()
    return list(rows)


def test_axes_carry_their_unit_in_a_fitting_scale() -> None:
    """Seconds below one are drawn as milliseconds, and each number of the axis says so."""
    spec = drawn([0.012, 0.034])
    assert [row["value"] for row in table(spec)] == [12.0, 34.0]
    assert lines(spec)["encoding"]["y"]["axis"]["labelExpr"] == 'datum.label + " ms"'


def test_time_axis_spans_the_whole_range_in_the_zone_shown() -> None:
    """The axis does not shrink to where data is, and reads its numbers as the wall clock given."""
    x = lines(drawn([1.0], time_title="Time (UTC)"))["encoding"]["x"]
    assert x["scale"] == {"type": "utc", "domain": ["2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z"], "nice": False}
    assert x["axis"]["title"] == "Time (UTC)"


def test_missing_values_stay_gaps() -> None:
    """A bucket without data breaks the line and is not drawn as zero."""
    values = [row["value"] for row in table(drawn([1.0, None, 3.0], unit="1"))]
    assert values == [1.0, None, 3.0]


def test_a_value_between_two_gaps_is_a_dot() -> None:
    """A line shows nothing of a single point, so a dot does; charts without any have no such layer."""
    alone = drawn([1.0, None, 3.0, None, 5.0, 6.0])
    assert [row["alone"] for row in table(alone)] == [True, False, True, False, False, False]
    assert any(layer.get("transform") == [{"filter": "datum.alone"}] for layer in alone["layer"])
    assert not any(layer.get("transform") == [{"filter": "datum.alone"}] for layer in drawn([1.0, 2.0])["layer"])


def test_what_still_arrives_is_dashed_and_joined_to_the_rest() -> None:
    """Buckets that end after `complete_until` are marked, and the line between both kinds has no hole."""
    spec = drawn([1.0, 2.0, 3.0], unit="1", complete_until=START + 120)
    states = [(row["time"], row["state"]) for row in table(spec)]
    first, second, third = (1000 * (START + 60 * place) for place in range(3))
    assert states == [(first, "final"), (second, "final"), (second, "unfinished"), (third, "unfinished")]
    dash = lines(spec)["encoding"]["strokeDash"]["scale"]
    assert dict(zip(dash["domain"], dash["range"], strict=True)) == {"final": [1, 0], "unfinished": [4, 3]}


def test_each_series_joins_only_to_itself() -> None:
    """The end of one line is not joined to the start of the next."""
    rows = table(drawn([1.0, 2.0], unit="1", names=("a", "b"), complete_until=START + 60))
    assert [(row["series"], row["state"]) for row in rows] == [
        *(("a", state) for state in ("final", "unfinished", "unfinished")),
        *(("b", state) for state in ("final", "unfinished", "unfinished")),
    ]


def test_one_line_has_no_legend_and_several_have() -> None:
    """A legend stands only where it tells lines apart."""
    assert lines(drawn([1.0]))["encoding"]["color"]["legend"] is None
    assert lines(drawn([1.0], names=("a", "b")))["encoding"]["color"]["legend"]["orient"] == "top"
    assert lines(drawn([1.0], named=True))["encoding"]["color"]["legend"]["orient"] == "top"


def test_colours_follow_the_names() -> None:
    """A name keeps its colour whatever stands beside it, and given colours win."""
    scale = lines(drawn([1.0], names=("a", "b")))["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == series_colours(["b", "a"])
    given = lines(drawn([1.0], colours={"a": "#123456"}))["encoding"]["color"]["scale"]
    assert given == {"domain": ["a"], "range": ["#123456"]}


def test_nothing_but_zeros_stands_on_the_ground() -> None:
    """Without a positive value the axis still begins at zero, at the bottom."""
    assert lines(drawn([0.0, 0.0]))["encoding"]["y"]["scale"] == {"domain": [0, 1]}


def test_hostile_names_are_data_and_never_part_of_an_expression() -> None:
    """Names and units cannot break out into Vega's expressions."""
    name = "a'] + alert(1) + ['"
    spec = drawn([1.0], unit='x" + alert(1) + "', names=(name, "b"))
    expressions = [
        text
        for layer in spec["layer"]
        for step in layer.get("transform", [])
        for text in step.values()
        if isinstance(text, str)
    ]
    assert not any(name in text for text in expressions)
    assert lines(spec)["encoding"]["y"]["axis"]["labelExpr"] == r'datum.label + " x\" + alert(1) + \""'


def test_charts_are_valid_vega_lite() -> None:
    """Altair's schema accepts every variant."""
    for options in ({}, {"height": 400}, {"zero": False}, {"complete_until": START}):
        alt.LayerChart.from_dict(drawn([1.0, None, 2.0], **options))
    alt.LayerChart.from_dict(drawn([]))
