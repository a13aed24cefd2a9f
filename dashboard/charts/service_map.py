"""Who calls whom, as a picture: callers on the left, what they call to the right of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import altair as alt
import pandas as pd

from dashboard.charts.palette import AMBER, BLUE, BROWN, GREEN, INK, MUTED, PURPLE, VERMILLION
from dashboard.charts.theme import themed
from dashboard.charts.units import figure

OUTSIDE: Final = "outside"
COLOURS: Final[Mapping[str, str]] = {
    OUTSIDE: MUTED,
    "service": BLUE,
    "database": GREEN,
    "queue": PURPLE,
    "external": BROWN,
}
MOST_DRAWN: Final = 40
"""More calls than these make a picture that nobody can read; the table has all of them."""
_LANE_PIXELS: Final = 84
_LEVELS: Final = {"under 1 % failed": MUTED, "1 to 5 % failed": AMBER, "5 % failed or more": VERMILLION}
_BAD_RATIO: Final = 0.05
_WORSE_RATIO: Final = 0.01
_LEAST_FAILED: Final = 0.001
_ALONG: Final = 0.28
# A call back to the left would lie on the one it answers.
_ASIDE: Final = 0.22


@dataclass(frozen=True, slots=True)
class MapCall:
    """Calls from one to another.

    Attributes:
        caller: its name.
        caller_kind: `service` or `outside`.
        callee: its name.
        callee_kind: `service`, `database`, `queue` or `external`.
        rate: calls per second.
        error_ratio: share of them that failed.
        p95_seconds: 95 of 100 took no longer.
    """

    caller: str
    caller_kind: str
    callee: str
    callee_kind: str
    rate: float
    error_ratio: float
    p95_seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands: its column from the left and its row, both from 0."""

    column: int
    row: float


def places(calls: Sequence[MapCall]) -> dict[str, Place]:
    """A place for everybody: each right of all who call it, as far as calls do not run in circles.

    Args:
        calls: the most frequent first.
    """
    names = list(dict.fromkeys(name for call in calls for name in (call.caller, call.callee)))
    columns = dict.fromkeys(names, 0)
    forward: list[MapCall] = []
    for call in calls:
        # Of calls in a circle the most frequent go to the right.
        if call.caller != call.callee and not _leads(forward, call.callee, call.caller):
            forward.append(call)
    for _ in names:  # as many rounds as the longest way can have steps
        for call in forward:
            columns[call.callee] = max(columns[call.callee], columns[call.caller] + 1)
    lanes: dict[int, list[str]] = {}
    for name in names:
        lanes.setdefault(columns[name], []).append(name)
    most = max((len(lane) for lane in lanes.values()), default=0)
    return {
        name: Place(column, row + (most - len(lane)) / 2)
        for column, lane in lanes.items()
        for row, name in enumerate(lane)
    }


def service_map_chart(calls: Sequence[MapCall]) -> alt.LayerChart:
    """Draw the calls, the thicker the more frequent, with their rates, and who makes and answers them.

    Args:
        calls: the most frequent first; those after the first `MOST_DRAWN` are left out.
    """
    drawn = [call for call in calls[:MOST_DRAWN] if call.caller != call.callee]
    where = places(drawn)
    kinds = {call.callee: call.callee_kind for call in drawn}
    kinds |= {call.caller: call.caller_kind for call in drawn if call.caller not in kinds}
    last_column = max((place.column for place in where.values()), default=0)
    last_row = max((place.row for place in where.values()), default=0.0)
    x = alt.X("x:Q", scale=alt.Scale(domain=[-0.35, last_column + 0.35], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[last_row + 0.6, -0.6], nice=False), axis=None)
    edges = alt.Chart(_edges(drawn, where))
    nodes = alt.Chart(_nodes(where, kinds))
    tooltip = [
        alt.Tooltip("caller:N", title="From"),
        alt.Tooltip("callee:N", title="To"),
        alt.Tooltip("rate:N", title="Calls"),
        alt.Tooltip("failed:N", title="Failed"),
        alt.Tooltip("p95:N", title="p95"),
    ]
    lines = edges.mark_rule(strokeCap="round", opacity=0.75).encode(
        x=x,
        y=y,
        x2="x2:Q",
        y2="y2:Q",
        strokeWidth=alt.StrokeWidth("width:Q", scale=None),
        color=alt.Color(
            "level:N",
            scale=alt.Scale(domain=list(_LEVELS), range=list(_LEVELS.values())),
            legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke"),
        ),
        tooltip=tooltip,
    )
    rates = edges.mark_text(fontSize=12, dy=-9, color=INK, fontWeight=600).encode(
        x=alt.X("middle_x:Q", axis=None), y=alt.Y("middle_y:Q", axis=None), text="label:N", tooltip=tooltip
    )
    used = [kind for kind in COLOURS if kind in kinds.values()]
    dots = nodes.mark_point(filled=True, size=420, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=used, range=[COLOURS[kind] for kind in used]),
            legend=alt.Legend(orient="top", direction="horizontal", symbolType="circle"),
        ),
        tooltip=[alt.Tooltip("name:N", title="Name"), alt.Tooltip("kind:N", title="Kind")],
    )
    names = nodes.mark_text(fontSize=13, dy=24, color=INK, limit=190).encode(x=x, y=y, text="name:N")
    layered = cast("alt.LayerChart", alt.layer(lines, rates, dots, names).resolve_scale(color="independent"))
    return themed(layered, height=round(_LANE_PIXELS * (last_row + 1.2)) + 40)


def _leads(calls: Sequence[MapCall], start: str, goal: str) -> bool:
    """Whether calls lead from one to another."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        following = {call.callee for call in calls if call.caller == name} - seen
        seen |= following
        waiting += sorted(following)
    return False


def _edges(calls: Sequence[MapCall], where: Mapping[str, Place]) -> pd.DataFrame:
    most = max((call.rate for call in calls), default=0.0)
    rows = []
    for call in calls:
        start, end = where[call.caller], where[call.callee]
        back = end.column <= start.column
        aside = _ASIDE if back else 0.0
        failed = f", {figure(call.error_ratio, 'ratio')} failed" if call.error_ratio >= _LEAST_FAILED else ""
        rows.append(
            {
                "caller": call.caller,
                "callee": call.callee,
                "x": float(start.column),
                "y": start.row + aside,
                "x2": float(end.column),
                "y2": end.row + aside,
                # Nearer to the caller, where lines to one callee are still apart.
                "middle_x": start.column + (end.column - start.column) * _ALONG,
                "middle_y": start.row + (end.row - start.row) * _ALONG + aside,
                "width": 1.5 + 5.0 * (call.rate / most if most else 0.0) ** 0.5,
                "level": _level(call.error_ratio),
                "label": f"{'←' if back else '→'} {figure(call.rate, '1/s')}{failed}",
                "rate": figure(call.rate, "1/s"),
                "failed": figure(call.error_ratio, "ratio"),
                "p95": figure(call.p95_seconds, "s"),
            }
        )
    names = ["x", "y", "x2", "y2", "middle_x", "middle_y", "width"]
    texts = ["caller", "callee", "level", "label", "rate", "failed", "p95"]
    return pd.DataFrame(rows, columns=[*texts, *names]).astype(dict.fromkeys(names, "float64"))


def _nodes(where: Mapping[str, Place], kinds: Mapping[str, str]) -> pd.DataFrame:
    rows = [
        {"name": name, "kind": kinds[name], "x": float(place.column), "y": place.row} for name, place in where.items()
    ]
    return pd.DataFrame(rows, columns=["name", "kind", "x", "y"]).astype({"x": "float64", "y": "float64"})


def _level(error_ratio: float) -> str:
    fine, some, many = _LEVELS
    if error_ratio >= _BAD_RATIO:
        return many
    return some if error_ratio >= _WORSE_RATIO else fine
