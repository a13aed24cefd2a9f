"""Making an alert rule from what the history page shows: a threshold, its text, and what it would have done."""

import re
from dataclasses import fields
from typing import Final

import streamlit as st

from dashboard.alert_answers import Backtests
from dashboard.answers import Catalogue
from dashboard.charts.units import figure, unit_of, unit_symbol
from dashboard.history_questions import backtest_given
from dashboard.plain_text import plain
from dashboard.rule_text import RuleDraft
from dashboard.states.history import LASTING, LONGEST_NAME, SIDES, WINDOWS, HistoryState, RuleChoice
from dashboard.views.alert_rules import draw_backtest
from dashboard.views.history_options import kept
from dashboard.views.operating import do
from dashboard.views.selection import PAGE, metric_title

_LASTING: Final = dict(zip(LASTING, ("At once", "1 minute", "5 minutes", "15 minutes", "1 hour"), strict=True))
_THRESHOLD: Final = f"{PAGE}.threshold"
_DRAFT: Final = f"{PAGE}.rule"
_KEPT: Final = f"{PAGE}.rule.backtest"


def pick_rule(metric: str, catalogue: Catalogue) -> tuple[float | None, RuleChoice]:
    """Draw what the rule needs besides what the page shows.

    Args:
        metric: what it watches: the first one chosen.
        catalogue: knows its unit.

    Returns:
        The threshold, drawn across the chart, None while there is none; and what else the rule says.
    """
    entry = catalogue.named(metric)
    unit = unit_of(metric, entry.unit, entry.kind) if entry else ""
    raw = unit_symbol(entry.unit) if entry else ""
    key = f"{_THRESHOLD}.input"
    kept(key, _THRESHOLD)
    last: RuleChoice = st.session_state[_DRAFT]
    for part in fields(last):
        # Streamlit forgets a widget while it is not drawn.
        st.session_state.setdefault(f"{_DRAFT}.{part.name}", getattr(last, part.name))
    columns = st.columns([2, 2, 2, 2, 3])
    with columns[0]:
        side = st.selectbox(f"{metric_title(metric)} is bad", SIDES, key=f"{_DRAFT}.side")
    with columns[1]:
        value = st.number_input(
            f"Threshold in {raw}" if raw not in {"", "1"} else "Threshold",
            key=key,
            value=None,
            format="%.6g",
            step=None,
            placeholder="such as 0.5",
            help="In the metric's own unit: seconds, not milliseconds; a share as 0.05, not 5.",
        )
    with columns[2]:
        window = st.selectbox("Over the last", WINDOWS, key=f"{_DRAFT}.window")
    with columns[3]:
        lasting = st.selectbox("Fires after", LASTING, format_func=_LASTING.__getitem__, key=f"{_DRAFT}.lasting")
    with columns[4]:
        name = st.text_input("Called", key=f"{_DRAFT}.name", placeholder=_name_for(metric), max_chars=LONGEST_NAME)
    rule = RuleChoice(str(side), str(window), str(lasting), name)
    st.session_state[_THRESHOLD], st.session_state[_DRAFT] = value, rule
    if value is not None and unit:
        st.caption(f"The line in the chart is at {figure(value, unit)}.")
    return value, rule


def draw_rule(state: HistoryState, catalogue: Catalogue) -> None:
    """Draw the rule's text and, when asked for, its backtest."""
    with st.container(border=True):
        st.markdown("**A rule from this chart**")
        if state.threshold is None:
            st.info("Type a threshold above: it is drawn across the chart, and the rule is made of it.")
            return
        draft = RuleDraft(
            name=state.rule.name or _name_for(state.metric),
            metric=state.metric,
            above=state.rule.side == SIDES[0],
            threshold=state.threshold,
            window=state.rule.window,
            lasting=state.rule.lasting,
            filters=state.filters,
            group_by=state.group_by,
        )
        text = draft.yaml()
        st.caption("Put it below `rules:` of a group in the rules file; the worker takes it by itself.")
        st.code(text, language="yaml")
        if draft.left_out:
            left_out = plain(", ".join(draft.left_out), 300)
            st.warning(f"A rule can't say these filters, so it watches more than the chart shows: {left_out}")
        asked = (text, state.period)
        if st.button("Backtest it over this range", icon=":material/history:", key=f"{_DRAFT}.run"):
            answer = do(backtest_given(text, start=state.period.start, end=state.period.end))
            st.session_state[_KEPT] = (asked, answer)
        known: tuple[object, Backtests | None] | None = st.session_state.get(_KEPT)
        if known is not None and known[0] == asked and known[1] is not None:
            for place, one in enumerate(known[1].backtests):
                draw_backtest(one, state.zone, catalogue, f"{_DRAFT}.{place}")


def _name_for(metric: str) -> str:
    """A name for an alert, as they are written: `HighLatencyP95`."""
    words = re.sub(r"[^A-Za-z0-9]+", " ", metric).split()
    return "".join(word[:1].upper() + word[1:] for word in words)[:80] + "OutOfBounds"
