"""The map of services: who calls whom, how often, and how it goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.charts.service_map import MOST_DRAWN, OUTSIDE, MapCall, service_map_chart
from dashboard.charts.units import figure
from dashboard.pipeline_answers import ServiceCall, ServiceMap
from dashboard.pipeline_questions import service_map
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.views.lines import draw
from dashboard.views.waiting import waiting

_NOBODY: Final = "callers outside"
_NAME: Final = 60
_HEIGHT: Final = 640


def draw_map(state: PipelineState, _now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    with waiting("pipeline", "map", height=_HEIGHT, words="Asking the monitoring API …", of=state.period):
        found = client().ask(service_map(state.period))
    if not found.services:
        st.info(
            "**No span in this range.** Services appear once they send spans; `make demo` starts some.",
            icon=":material/hub:",
        )
        return
    calls = map_calls(found.calls)
    if calls:
        chart = service_map_chart(calls)
        draw(chart, key="pipeline.map", alternative=f"Map of services. {_in_words(calls)}")
    _notes(found, calls)
    if calls:
        _table(calls)


def map_calls(calls: Sequence[ServiceCall]) -> list[MapCall]:
    """The calls by the names that are shown; a callee that bears a service's name and is none stays apart."""
    return [
        MapCall(
            caller=one_line(call.caller, _NAME) or _NOBODY,
            caller_kind="service" if call.caller else OUTSIDE,
            callee=one_line(call.callee, _NAME)
            if call.kind == "service"
            else f"{one_line(call.callee, _NAME)} ({call.kind})",
            callee_kind=call.kind,
            rate=call.calls_per_second,
            error_ratio=call.error_ratio,
            p95_seconds=call.p95_seconds,
        )
        for call in calls
    ]


def _notes(found: ServiceMap, calls: Sequence[MapCall]) -> None:
    seen = {name for call in calls for name in (call.caller, call.callee)}
    alone = [service.name for service in found.services if one_line(service.name, _NAME) not in seen]
    if alone:
        st.caption(f"Send spans, but no calls between them were seen: {plain(', '.join(alone))}.")
    if found.sampled_one_in > 1:
        st.caption(f"Every {found.sampled_one_in}th trace was read and stands for {found.sampled_one_in}.")
    if found.truncated or len(calls) > MOST_DRAWN:
        st.caption(f"The picture has the {min(MOST_DRAWN, len(calls))} most frequent calls.")


def _table(calls: Sequence[MapCall]) -> None:
    rows = [
        {
            "From": call.caller,
            "To": call.callee,
            "Calls": figure(call.rate, "1/s"),
            "Failed": figure(call.error_ratio, "ratio"),
            "p95": figure(call.p95_seconds, "s"),
        }
        for call in calls
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(460, 38 + 35 * len(rows)), key="pipeline.calls")


def _in_words(calls: Sequence[MapCall]) -> str:
    return " ".join(f"{call.caller} calls {call.callee} {figure(call.rate, '1/s')}." for call in calls[:12])
