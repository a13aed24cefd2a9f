"""The brush of the heat map and the URL's region are one.

A chart tells nothing of its brush before it is touched: until then the URL's region counts, which is drawn as the brush
from the beginning. What a chart began with stays, for another specification would take a new brush away.
"""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st

from dashboard.brushed import Region, edges, region_of, touched
from dashboard.session import write_query
from dashboard.states.traces import TracesState
from dashboard.trace_answers import HeatMap

PAGE: Final = "traces"
_BEGUN: Final = f"{PAGE}.heatmap.begun"
_NUMBER: Final = f"{PAGE}.heatmap.number"


@dataclass(frozen=True)
class _Begun:
    """What a chart began with.

    Attributes:
        axes: which axes it has; on others a brush would lie elsewhere.
        region: brushed from the beginning.
    """

    axes: Hashable
    region: Region | None


def begin_map_anew() -> None:
    """Let the next map be another chart, which begins with the region that the page has then."""
    st.session_state.pop(_BEGUN, None)


def begun_region(heat: HeatMap, offset_seconds: float) -> Region | None:
    """The region that the map is to be drawn with; the same for as long as its axes are.

    Args:
        heat: what is drawn.
        offset_seconds: of the wall clock that the axis shows from UTC.
    """
    axes = (heat.start, heat.end, tuple(edges(heat)), offset_seconds)
    begun: _Begun | None = st.session_state.get(_BEGUN)
    if begun is None or begun.axes != axes:
        begun = _Begun(axes, _state().region)
        st.session_state[_BEGUN] = begun
        # A chart remembers its brush under its key.
        st.session_state[_NUMBER] = st.session_state.get(_NUMBER, 0) + 1
    return begun.region


def map_key() -> str:
    """The key of the chart that was begun last."""
    return f"{PAGE}.heatmap.{st.session_state[_NUMBER]}"


def keep_region(event: Any, heat: HeatMap, offset_seconds: float) -> Region | None:
    """The region that counts now; where it is another than before, the URL says so from now on.

    Args:
        event: what `st.altair_chart` returned.
        heat: what is drawn.
        offset_seconds: of the wall clock that the axis shows from UTC.
    """
    state = _state()
    region = region_of(event, heat, offset_seconds) if touched(event) else state.region
    if region != state.region:
        there = replace(state, region=region)
        st.session_state[f"{PAGE}.state"] = there
        write_query(PAGE, there.query())
    return region


def _state() -> TracesState:
    """The page's state as it is now: a part that runs again by itself still has that of the whole page."""
    state: TracesState = st.session_state[f"{PAGE}.state"]
    return state
