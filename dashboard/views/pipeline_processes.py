"""Each process that reports, and each that has fallen silent."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.pipeline_questions import pipeline_detail
from dashboard.plain_text import one_line
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.time_range import age, zone_name, zone_of
from dashboard.views.waiting import waiting

_HEIGHT: Final = 480


def draw_processes(state: PipelineState, now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    with waiting("pipeline", "processes", height=_HEIGHT):
        health = client().ask(pipeline_detail())
    silent = [process for process in health.processes if process.state != "up"]
    if not health.processes:
        st.info(
            "**No process has reported yet.** Each sends a sign of life every few seconds once it runs with telemetry; "
            "`sightglass up` starts all of them.",
            icon=":material/hourglass_empty:",
        )
        return
    if silent:
        st.warning(
            f"{len(silent)} of {len(health.processes)} processes are silent. `sightglass status` shows those on this "
            "machine, and where their logs are.",
            icon=":material/warning:",
        )
    else:
        st.success(f"All {len(health.processes)} processes report.", icon=":material/check_circle:")
    zone = zone_of(state.zone)
    rows = [
        {
            "Process": one_line(process.name, 80),
            "State": one_line(process.state, 20),
            "Last seen": f"{process.last_seen.astimezone(zone):%d %b %H:%M:%S}" if process.last_seen else "never",
            "Age": age(process.last_seen, now) if process.last_seen else "",
            "Instance": one_line(process.instance, 80),
        }
        for process in (*silent, *(process for process in health.processes if process.state == "up"))
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", key="pipeline.processes")
    st.caption(f"Times are {zone_name(zone, now)}.")
