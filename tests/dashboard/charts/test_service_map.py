"""The map of services: where everybody stands, and what the picture says."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.palette import AMBER, MUTED, VERMILLION
from dashboard.charts.service_map import MOST_DRAWN, MapCall, places, service_map_chart
from tests.dashboard.charts.test_log_volume import rows_of


def call(caller: str, callee: str, *, rate: float = 1.0, failed: float = 0.0, kind: str = "service") -> MapCall:
    """Calls between two."""
    return MapCall(caller, "service", callee, kind, rate, failed, 0.1)


def test_everybody_stands_right_of_all_who_call_them() -> None:
    """Also who is called by the first and by the last of a chain."""
    where = places([call("a", "c"), call("a", "b"), call("b", "c")])
    assert {name: place.column for name, place in where.items()} == {"a": 0, "b": 1, "c": 2}


@given(st.lists(st.tuples(*[st.sampled_from("abcdef")] * 2).filter(lambda two: two[0] != two[1]), max_size=12))
def test_calls_in_circles_end_and_nobody_stands_on_another(pairs: list[tuple[str, str]]) -> None:
    """Whoever calls whom, each has a place of their own."""
    where = places([call(caller, callee) for caller, callee in pairs])
    assert set(where) == {name for pair in pairs for name in pair}
    assert len(set(where.values())) == len(where)
    assert all(place.column < max(1, len(where)) for place in where.values())


def test_the_picture_tells_rates_failures_and_direction() -> None:
    """In words beside each line; a call back to the left is drawn beside the one it answers, and says so."""
    chart = service_map_chart(
        [call("a", "b", rate=4), call("b", "a", rate=0.5, failed=0.02), call("b", "db", failed=0.2, kind="database")]
    )
    edges = rows_of(chart, 0)
    assert [row["label"] for row in edges] == ["→ 4 /s", "← 0.5 /s, 2 % failed", "→ 1 /s, 20 % failed"]
    assert edges[0]["y"] != edges[1]["y"]
    assert edges[0]["width"] > edges[2]["width"] > edges[1]["width"]
    spec = chart.to_dict()
    assert spec["layer"][0]["encoding"]["color"]["scale"]["range"] == [MUTED, AMBER, VERMILLION]
    assert [row["level"] for row in edges] == ["under 1 % failed", "1 to 5 % failed", "5 % failed or more"]
    assert {row["name"]: row["kind"] for row in rows_of(chart, 2)} == {
        "a": "service",
        "b": "service",
        "db": "database",
    }


def test_a_crowd_is_cut_and_nobody_is_a_picture_too() -> None:
    """The most frequent calls are drawn."""
    many = [call("hub", f"s{number}", rate=100 - number) for number in range(60)]
    assert len(rows_of(service_map_chart(many), 0)) == MOST_DRAWN
    assert rows_of(service_map_chart([]), 0) == []
