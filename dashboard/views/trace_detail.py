"""One trace: how it went, span by span, and the ways on from it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.charts.palette import series_colours
from dashboard.charts.units import figure
from dashboard.charts.waterfall import FOLD, waterfall
from dashboard.critical_path import Segment
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.session import client, write_query
from dashboard.states.traces import TracesState
from dashboard.time_range import TimeRange, rfc3339, zone_name, zone_of
from dashboard.trace_answers import Span, Trace
from dashboard.trace_picture import Picture, path_of, picture_of
from dashboard.trace_questions import one_trace
from dashboard.trace_tree import TraceTree
from dashboard.views.held import held
from dashboard.views.lines import draw
from dashboard.views.notices import no_spans
from dashboard.views.trace_links import draw_linked
from dashboard.views.trace_span import AROUND, draw_span
from dashboard.views.waiting import waiting

PAGE: Final = "traces"
_PICK: Final = "pick"
_TALLEST: Final = 660
_MOST_PREDICTIONS: Final = 4
_MOST_OPERATIONS: Final = 5
_MOST_INDENT: Final = 12
_CLICKED: Final = f"{PAGE}.clicked"
_LISTED: Final = f"{PAGE}.list"


def draw_trace(state: TracesState, moment: datetime) -> None:
    """Draw the trace that the state names."""
    # Not as it came: this part runs again by itself when a span is chosen, with the state that the whole page had.
    latest: TracesState = st.session_state.get(f"{PAGE}.state", state)
    state = latest if latest.trace == state.trace else state
    back = replace(state, trace="", span="", inside="", page=1).query()
    page_link(PAGE, "All traces", back, icon=":material/arrow_back:", icon_position="left")
    with waiting(PAGE, "one", words="Asking for the trace …", of=state.trace):
        trace, tree, path = held(f"{PAGE}.one", (state.trace, moment), lambda: _whole(state.trace))
    if not trace.spans:
        no_spans()
        return
    _head(trace, tree, state)
    _ways_on(trace, tree, state)
    left, right = st.columns([5, 3])
    with left:
        chosen = _waterfall(trace, tree, path, state)
    with right, st.container(border=True):
        draw_span(tree.spans[chosen], trace, tree, path, state)
    _where_time_went(trace, path)
    draw_linked(tree, state, moment)
    _elsewhere(trace, state)


def _whole(trace_id: str) -> tuple[Trace, TraceTree, Sequence[Segment]]:
    trace = client().ask(one_trace(trace_id))
    return trace, TraceTree.of(trace.spans), path_of(trace)


def request_of(tree: TraceTree) -> Span | None:
    """The request that the trace is about: the first server span, or the first span."""
    server = next((span for span in tree.order if span.kind.lower().endswith("server")), None)
    return server or (tree.first[0] if tree.first else None)


def slow_query(tree: TraceTree, zone: str) -> dict[str, list[str]] | None:
    """The state that asks why this trace's request took so long: its route, half a day around it, its duration."""
    request = request_of(tree)
    if request is None:
        return None
    around = TimeRange(rfc3339(request.start - AROUND), rfc3339(request.start + AROUND))
    return TracesState(
        section="slow",
        service=request.service,
        route=request.attributes.get("http.route", ""),
        # Rounded down: the request itself is one of the slow ones.
        min_duration_ms=int(request.duration_ms * 1000) / 1000,
        period=around,
        zone=zone,
    ).query()


def _head(trace: Trace, tree: TraceTree, state: TracesState) -> None:
    first = tree.first[0] if tree.first else None
    name = f"{first.service}: {first.name}" if first else trace.trace_id
    st.title(plain(name, 120), anchor=False)
    zone = zone_of(state.zone)
    failed = sum(span.failed for span in trace.spans)
    facts = {
        "Began": f"{trace.start.astimezone(zone):%d %b %Y %H:%M:%S.%f}"[:-3],
        "Took": figure(trace.duration_ms, "ms"),
        "Spans": f"{len(trace.spans):,}",
        "Failed": f"{failed:,}",
        "Services": ", ".join(trace.services),
    }
    for place, (title, value) in zip(st.columns([2, 1, 1, 1, 2]), facts.items(), strict=True):
        place.markdown(f":gray[{title}]  \n**{plain(value, 120)}**")
    kept = f" Kept longer than others, because it was {plain(trace.kept_for, 20)}." if trace.kept_for else ""
    cut = " It is larger than what the API shows: spans or logs are missing." if trace.truncated else ""
    st.caption(f"Trace {plain(trace.trace_id, 40)}. Times are {zone_name(zone, trace.start)}.{kept}{cut}")


def _ways_on(trace: Trace, tree: TraceTree, state: TracesState) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        slow = slow_query(tree, state.zone)
        if slow is not None:
            page_link(PAGE, "Why slow?", slow, icon=":material/troubleshoot:", icon_position="left")
        if has_page("predictions"):
            for place, prediction in enumerate(trace.predictions[:_MOST_PREDICTIONS], start=1):
                label = "Its prediction" if len(trace.predictions) == 1 else f"Prediction {place}"
                query = {"prediction": [prediction]}
                page_link("predictions", label, query, icon=":material/psychology:", icon_position="left")
        if len(trace.predictions) > _MOST_PREDICTIONS:
            st.caption(f"and {len(trace.predictions) - _MOST_PREDICTIONS:,} more predictions", width="content")
        if has_page("logs"):
            logs = {"trace": [trace.trace_id], "tz": [state.zone]}
            page_link("logs", "Its logs", logs, icon=":material/article:", icon_position="left")


def _waterfall(trace: Trace, tree: TraceTree, path: Sequence[Segment], state: TracesState) -> str:
    """Draw the waterfall; the id of the span that is chosen in it."""
    chosen = state.span if state.span in tree.spans else tree.first[0].span_id
    picture = picture_of(trace, tree, path, chosen=chosen, inside=state.inside, page=state.page)
    services = list(dict.fromkeys(bar.series for bar in picture.bars))
    chart = waterfall(
        picture.bars,
        start=picture.start,
        end=picture.end,
        colours=series_colours(services),
        chosen=chosen if any(bar.key == chosen for bar in picture.bars) else "",
        pick=_PICK,
    )
    _around(picture, tree, state)
    with st.container(border=True, height=min(_TALLEST, 130 + 30 * len(picture.bars))):
        event = draw(
            chart,
            key=f"{PAGE}.waterfall.{state.trace}.{state.inside}.{picture.page}",
            alternative=f"{picture.shown} of {len(trace.spans)} spans as bars over {figure(trace.duration_ms, 'ms')}.",
            on_select="rerun",
            selection_mode=[_PICK],
        )
    st.caption(
        "Full colour: the span's own time. The line under a bar: the critical path, which all waited for. "
        "◆ event, ● log, ▲ prediction, ■ link to another trace. Click a row to see all of it."
        + (f" {picture.marks_left_out:,} more events and logs are not drawn." if picture.marks_left_out else "")
    )
    key = picked(event)
    if key.startswith(FOLD):
        _turn_to(replace(state, inside=key.removeprefix(FOLD), page=1))
    clicked = (state.trace, key)
    # The picture goes on telling what was clicked last, also when another span was chosen since, by the list or a link.
    if key in tree.spans and clicked != st.session_state.get(_CLICKED):
        st.session_state[_CLICKED] = clicked
        chosen = key
    if chosen != state.span and (state.span or key):
        # Only the address changes: the picture stays as it is.
        _choose(chosen, state)
    _list(picture, tree, chosen, state)
    return chosen


def _choose(span_id: str, state: TracesState) -> None:
    there = replace(state, span=span_id)
    st.session_state[f"{PAGE}.state"] = there
    write_query(PAGE, there.query())


def _list(picture: Picture, tree: TraceTree, chosen: str, state: TracesState) -> None:
    """The spans of the picture to choose from by the keyboard, which reaches no row of a picture."""
    shown = [bar.key for bar in picture.bars if bar.key in tree.spans]
    if chosen not in shown:
        shown.insert(0, chosen)
    depths = {bar.key: bar.depth for bar in picture.bars}
    st.session_state[_LISTED] = chosen
    st.selectbox(
        "Or from a list",
        shown,
        format_func=lambda key: (
            "\u00a0\u00a0" * min(depths.get(key, 0), _MOST_INDENT)
            + one_line(f"{tree.spans[key].service} · {tree.spans[key].name}", 90)
            + f" · {figure(tree.spans[key].duration_ms, 'ms')}"
        ),
        key=_LISTED,
        on_change=lambda: _choose(st.session_state.get(_LISTED, ""), state),
    )


def picked(event: Any) -> str:
    """The key of the row that was clicked; empty where none was."""
    rows = event.get("selection", {}).get(_PICK, []) if hasattr(event, "get") else []
    return str(rows[-1].get("key", "")) if isinstance(rows, list) and rows and isinstance(rows[-1], dict) else ""


def _around(picture: Picture, tree: TraceTree, state: TracesState) -> None:
    """Which part of the trace is shown, and the ways to the others."""
    if not picture.folded and not state.inside:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.inside not in tree.spans:
            st.markdown(
                f"Shown are {picture.shown:,} of {len(tree.order):,} spans: what failed, the critical path and what "
                "took longest. The others are counted where they belong; click a count to see them.",
                width="content",
            )
            first = tree.first[0].span_id
            page_link(PAGE, "All, page by page", replace(state, inside=first, page=1).query())
            return
        span = tree.spans[state.inside]
        st.markdown(f"Inside **{plain(span.name, 60)}**, page {picture.page:,} of {picture.pages:,}", width="content")
        if picture.page > 1:
            before = replace(state, page=picture.page - 1).query()
            page_link(PAGE, "Before", before, icon=":material/chevron_left:", icon_position="left")
        if picture.page < picture.pages:
            page_link(PAGE, "Next", replace(state, page=picture.page + 1).query())
        if span.parent_span_id in tree.spans and tree.depths[span.span_id]:
            outer = replace(state, inside=span.parent_span_id or "", page=1).query()
            page_link(PAGE, "One level up", outer, icon=":material/arrow_upward:", icon_position="left")
        whole = replace(state, inside="", page=1).query()
        page_link(PAGE, "The whole trace", whole, icon=":material/unfold_less:", icon_position="left")


def _turn_to(state: TracesState) -> None:
    st.session_state[f"{PAGE}.state"] = state
    st.rerun()


def _where_time_went(trace: Trace, path: Sequence[Segment]) -> None:
    """The operations that all waited for, by their part of the trace's duration."""
    names = {span.span_id: (span.service, span.name) for span in trace.spans}
    spent: dict[tuple[str, str], float] = defaultdict(float)
    for segment in path:
        spent[names[segment.span_id]] += segment.end - segment.start
    total = sum(spent.values())
    if len(trace.spans) < 2 or not total:  # noqa: PLR2004  # one span is its whole path
        return
    with st.container(border=True):
        st.markdown("**What the answer waited for** (critical path, by operation)")
        ranked = sorted(spent.items(), key=lambda item: -item[1])
        rows = [
            {
                "Service": one_line(service, 60),
                "Operation": one_line(name, 80),
                "Time": figure(time, "ms"),
                "Share": time / total,
            }
            for (service, name), time in ranked[:_MOST_OPERATIONS]
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            key=f"{PAGE}.path",
            alt="Time on the critical path by operation",
            column_config={"Share": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent")},
        )
        if len(ranked) > _MOST_OPERATIONS:
            rest = sum(time for _, time in ranked[_MOST_OPERATIONS:])
            st.caption(f"{len(ranked) - _MOST_OPERATIONS:,} more operations took {figure(rest, 'ms')} of it.")


def _elsewhere(trace: Trace, state: TracesState) -> None:
    """Logs that belong to no stored span."""
    known = {span.span_id for span in trace.spans}
    loose = [log for log in trace.logs if log.span_id not in known]
    if not loose:
        return
    with st.expander(f"{len(loose):,} logs of the trace outside its spans", key=f"{PAGE}.loose"):
        zone = zone_of(state.zone)
        rows = [
            (f"{log.timestamp.astimezone(zone):%H:%M:%S.%f}", log.severity, one_line(log.body, 300))
            for log in loose[:200]
        ]
        st.dataframe(pd.DataFrame(rows, columns=["Time", "Severity", "Text"]), hide_index=True)
