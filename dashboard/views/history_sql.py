"""The statements behind the history page's charts."""

from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.history_answers import Statement, Statements
from dashboard.history_questions import families, history_sql
from dashboard.plain_text import plain
from dashboard.session import client
from dashboard.states.history import HistoryState
from dashboard.views.notices import small_failure

_RANGES: Final = {"asked": "", "compare": ", of the range compared with"}


def draw_sql(state: HistoryState) -> None:
    """Draw the panel."""
    asked = families(state.metrics)
    with st.container(border=True):
        st.markdown("**The SQL behind the charts**")
        st.caption(
            "What the monitoring API sends to ClickHouse when nothing of the answer is kept. To run it by hand, give "
            "the lines with `SET` first: they bind what stands in braces."
        )
        answers = client().ask_all([history_sql(metrics, state) for metrics in asked])
        for metrics, answer in zip(asked, answers, strict=True):
            if isinstance(answer, ApiError):
                small_failure(answer, "the statements")
            elif isinstance(answer, Statements):
                _draw(metrics, answer)


def _draw(metrics: tuple[str, ...], answer: Statements) -> None:
    for one in answer.statements:
        st.caption(f"{plain(', '.join(metrics))}{_RANGES.get(one.range, '')} (source: {plain(one.source)})")
        st.code(_text(one), language="sql", wrap_lines=True)
    if not answer.statements:
        st.caption(f"{plain(', '.join(metrics))}: nothing of this range is old enough to be judged yet.")


def _text(one: Statement) -> str:
    settings = [f"SET param_{name} = {_quoted(value)};" for name, value in one.parameters.items()]
    return "\n".join([*settings, one.sql])


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("\\", "\\\\").replace("'", "\\'"))
