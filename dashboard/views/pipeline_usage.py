"""What comes in by service and signal, and which attributes have how many values."""

from datetime import datetime
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.charts.units import figure
from dashboard.pipeline_questions import pipeline_detail
from dashboard.plain_text import one_line
from dashboard.session import client
from dashboard.states.pipeline import PipelineState
from dashboard.views.waiting import waiting

_HEIGHT: Final = 640


def draw_usage(_state: PipelineState, _now: datetime) -> None:
    """Draw the section.

    Raises:
        ApiError: The API does not say.
    """
    with waiting("pipeline", "cardinality", height=_HEIGHT):
        health = client().ask(pipeline_detail())
    if not health.ingest:
        st.info("**Nothing has come in lately.** `make demo` sends real flights through the pipeline.")
        return
    st.subheader("Ingest by service and signal", anchor=False)
    flow = [
        {
            "Service": one_line(each.service, 80),
            "Signal": one_line(each.signal, 40),
            "Rows": figure(each.rows_per_second, "1/s"),
            "Bytes before compression": f"{figure(each.bytes_per_second, 'By')}/s",
        }
        for each in health.ingest
    ]
    st.dataframe(pd.DataFrame(flow), hide_index=True, height="content", key="pipeline.ingest")
    st.subheader("Cardinality by service and attribute", anchor=False)
    st.caption(
        "How many different values an attribute has in the rows looked at, about the last hour, most first. An "
        "attribute with a value of its own in nearly every row, such as an id, costs most room and helps no grouping."
    )
    keys = [
        {
            "Service": one_line(each.service, 80),
            "Signal": one_line(each.signal, 40),
            "Attribute": one_line(each.key, 120),
            "Values": each.distinct_values,
            "Rows": each.rows,
            "Values per row": each.distinct_values / each.rows if each.rows else None,
        }
        for each in sorted(health.cardinality, key=lambda each: -each.distinct_values)
    ]
    st.dataframe(
        pd.DataFrame(keys),
        hide_index=True,
        height=460,
        key="pipeline.cardinality",
        column_config={
            "Values": st.column_config.NumberColumn(format="localized"),
            "Rows": st.column_config.NumberColumn(format="localized"),
            "Values per row": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
        },
    )
