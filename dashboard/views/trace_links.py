"""Who links to a trace: spans of others, such as a batch that took in what this request left."""

from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.navigation import page_link
from dashboard.plain_text import plain
from dashboard.session import client, leave_when_denied
from dashboard.states.traces import TracesState
from dashboard.time_range import zone_of
from dashboard.trace_answers import LinkedSpans
from dashboard.trace_questions import linked_spans
from dashboard.trace_tree import TraceTree
from dashboard.views.held import held
from dashboard.views.notices import small_failure

PAGE: Final = "traces"
_MOST: Final = 10


def draw_linked(tree: TraceTree, state: TracesState, moment: datetime) -> None:
    """Draw the links that lead here; nothing where there is none. Asked for after the trace, which does not wait."""
    try:
        found: LinkedSpans = held(
            f"{PAGE}.linked", (state.trace, moment), lambda: client().ask(linked_spans(state.trace))
        )
    except ApiError as error:
        leave_when_denied(error)
        small_failure(error, "links from other traces")
        return
    if not found.spans:
        return
    zone = zone_of(state.zone)
    with st.container(border=True):
        st.markdown("**Spans of other traces that link here**")
        for place, span in enumerate(found.spans[:_MOST], start=1):
            with st.container(horizontal=True, vertical_alignment="center"):
                meant = [tree.spans[one].name for one in span.to_spans if one in tree.spans]
                to = f", to {plain(', '.join(meant[:3]), 120)}" if meant else ""
                st.markdown(
                    f"{span.start.astimezone(zone):%d %b %H:%M:%S} {plain(span.service, 60)}: "
                    f"{plain(span.name, 80)}{to}",
                    width="content",
                )
                query = {"trace": [span.trace_id], "span": [span.span_id], "tz": [state.zone]}
                page_link(PAGE, f"Linking span {place}", query, icon=":material/link:", icon_position="left")
        if len(found.spans) > _MOST:
            more = "many" if found.truncated else f"{len(found.spans) - _MOST:,}"
            st.caption(f"and {more} more within a day of this trace")
