"""Exceptions by type and by where they were raised."""

from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.navigation import page_link
from dashboard.plain_text import one_line, plain
from dashboard.session import client
from dashboard.states.traces import TracesState
from dashboard.time_range import age, zone_name, zone_of
from dashboard.trace_answers import Exceptions, GroupedException
from dashboard.trace_questions import exceptions
from dashboard.views.held import held
from dashboard.views.waiting import waiting

PAGE: Final = "traces"
_EXAMPLES: Final = 3


def draw_exceptions(state: TracesState, moment: datetime) -> None:
    """Draw the exceptions of the state's range and service, the most frequent first."""
    with waiting(PAGE, "exceptions", words="Looking for exceptions …"):
        answer: Exceptions = held(f"{PAGE}.exceptions", (state, moment), lambda: client().ask(exceptions(state)))
    if not answer.exceptions:
        st.info(
            "**No exceptions in this range.** They come from spans (`span.record_exception`) and from logs with a "
            "traceback (`logger.exception`).",
            icon=":material/check_circle:",
        )
        return
    more = answer.groups - len(answer.exceptions)
    st.caption(
        f"{answer.count:,} exceptions of {answer.groups:,} {'kind' if answer.groups == 1 else 'kinds'}"
        + (f"; shown are the {len(answer.exceptions)} most frequent." if more > 0 else ".")
        + " One that passes through several spans is recorded in each."
        + f" Times are {zone_name(zone_of(state.zone), moment)}."
    )
    for place, group in enumerate(answer.exceptions):
        _group(group, place, state, moment)


def _group(group: GroupedException, place: int, state: TracesState, moment: datetime) -> None:
    zone = zone_of(state.zone)
    with st.container(border=True):
        st.markdown(f"**{plain(group.type or '(no type)', 160)}**  \n{plain(group.message or '–', 400)}")
        first, last = (f"{at.astimezone(zone):%d %b %H:%M:%S}" for at in (group.first_seen, group.last_seen))
        st.markdown(
            f"{group.count:,} times in {group.traces:,} traces of {plain(', '.join(group.services), 160)}; "
            f"first {first}, last {last} ({age(group.last_seen, moment)} ago)"
        )
        if group.operations:
            st.caption(f"In {plain(', '.join(group.operations), 300)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            for number, trace in enumerate(group.examples[:_EXAMPLES], start=1):
                label = f"Example trace {number}"
                page_link(PAGE, label, {"trace": [trace]}, icon=":material/open_in_new:", help=plain(trace, 32))
        if group.stack:
            with st.expander("Stack of the last one", key=f"{PAGE}.stack.{place}"):
                st.code(group.stack, language=None)
                if group.stack_truncated:
                    st.caption("It is longer; its trace has all of it.")
        elif not group.type:
            st.caption(one_line("Recorded without a type and a stack."))
