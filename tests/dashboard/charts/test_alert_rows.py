"""Alerts over time, judged by their Vega-Lite specification and their picture."""

from collections.abc import Sequence

import altair as alt
import vl_convert

from dashboard.charts.alert_rows import AlertBar, AlertRow, alert_rows
from dashboard.charts.bands import COLOURS
from dashboard.charts.palette import DARK
from dashboard.charts.theme import on_dark
from tests.dashboard.charts.picture import shapes

START = 1_700_000_000_000
HOUR = 3_600_000
ROWS = [
    AlertRow("b2", "Slow", [AlertBar("pending", START + 5 * HOUR, START + 6 * HOUR, "five", "six")]),
    AlertRow(
        "f1",
        "Errors · route=/a",
        [
            AlertBar("pending", START - HOUR, START + HOUR, "before", "one"),
            AlertBar("firing", START + HOUR, START + HOUR + 1, "one", "a moment later"),
        ],
    ),
]


def chart(rows: Sequence[AlertRow] = ROWS) -> alt.LayerChart:
    """Six hours of them."""
    return alert_rows(rows, start=START, end=START + 6 * HOUR, pick="row", time_title="Time (UTC)")


def test_each_alert_has_a_row_in_the_order_given_and_its_bars_their_states_colour() -> None:
    """Tooltips tell the exact times; colours are those that a state has everywhere."""
    spec = chart().to_dict()
    ground, bars = spec["layer"]
    assert bars["encoding"]["y"]["scale"]["domain"] == ["Slow", "Errors · route=/a"]
    assert ground["encoding"]["y"] == bars["encoding"]["y"]
    scale = bars["encoding"]["color"]["scale"]
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
        "firing": COLOURS["firing"],
        "pending": COLOURS["pending"],
    }
    assert [tip["field"] for tip in bars["encoding"]["tooltip"]] == ["row", "state", "since", "until"]
    table = spec["datasets"][bars["data"]["name"]]
    assert [(one["key"], one["state"], one["since"], one["until"]) for one in table] == [
        ("b2", "pending", "five", "six"),
        ("f1", "pending", "before", "one"),
        ("f1", "firing", "one", "a moment later"),
    ]


def test_a_click_anywhere_in_a_row_tells_whose_it_is() -> None:
    """A bar may be as narrow as a pixel; both layers know the key that the selection is of."""
    spec = chart().to_dict()
    (pick,) = spec["params"]
    assert (pick["name"], pick["select"]["fields"]) == ("row", ["key"])
    ground, bars = spec["layer"]
    assert [one["key"] for one in spec["datasets"][ground["data"]["name"]]] == ["b2", "f1"]
    assert all("key" in one for one in spec["datasets"][bars["data"]["name"]])


def test_what_lasted_a_moment_is_seen_and_what_began_before_is_cut() -> None:
    """In the picture, light and dark."""
    for look, colours in ((chart(), COLOURS), (on_dark(chart()), {k: DARK[v] for k, v in COLOURS.items()})):
        drawn = [one for one in shapes(look) if one.stroke in set(colours.values()) and one.kind == "rect"]
        firing = [one for one in drawn if one.stroke == colours["firing"]]
        pending = sorted((one for one in drawn if one.stroke == colours["pending"]), key=lambda one: one.left)
        assert len(firing) == 1
        assert len(pending) == 2
        assert firing[0].top > pending[1].top
    assert vl_convert.vegalite_to_svg(chart([AlertRow("a", "A")]).to_dict())
