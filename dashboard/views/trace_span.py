"""One span of a trace: its times, what happened in it, and its attributes to copy or to search by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.charts.units import figure
from dashboard.critical_path import Segment
from dashboard.filter_text import attribute_filter, attribute_prefix
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line, plain
from dashboard.states.traces import TracesState
from dashboard.time_range import TimeRange, rfc3339, zone_of
from dashboard.trace_answers import Span, SpanEvent, Trace, TraceLog
from dashboard.trace_picture import PREDICTION, after_start
from dashboard.trace_tree import TraceTree

PAGE: Final = "traces"
AROUND: Final = timedelta(hours=12)
"""How far around a span others of its kind are looked for."""
_CELL: Final = 300
_COPIED: Final = 20_000
_MOST: Final = 20
_MOST_LINKS: Final = 10
# What a link of the dashboard carries of one value.
_LONGEST_FILTER: Final = 300
_RESOURCE: Final = "resource."


def draw_span(span: Span, trace: Trace, tree: TraceTree, path: Sequence[Segment], state: TracesState) -> None:
    """Draw the span that was chosen."""
    st.subheader(plain(span.name, 120), anchor=False)
    start, _ = after_start(trace, span)
    waited = sum(segment.end - segment.start for segment in path if segment.span_id == span.span_id)
    inside = len(tree.inside(span.span_id)) - 1
    st.markdown(
        f"{plain(span.service, 80)} · {plain(span.kind.lower() or 'internal', 20)} · began {figure(start, 'ms')} "
        f"after the trace  \nTook **{figure(span.duration_ms, 'ms')}**, **{figure(span.self_time_ms, 'ms')}** of it "
        f"its own; on the critical path {figure(waited, 'ms')}"
    )
    if span.failed:
        said = span.status_message or span.attributes.get("http.response.status_code", "")
        st.error(plain(f"It failed. {said}".strip(), 600), icon=":material/error:")
    if inside and inside < len(tree.order) - 1:
        within = replace(state, span=span.span_id, inside=span.span_id, page=1).query()
        page_link(PAGE, f"The {inside:,} spans inside it", within, icon=":material/account_tree:", icon_position="left")
    _attributes(span, state)
    zone = zone_of(state.zone)
    _events(span.events, zone)
    _logs([log for log in trace.logs if log.span_id == span.span_id], zone)
    _links(span)


def attributes_of(span: Span) -> dict[str, str]:
    """The span's attributes and, with `resource.` before them, those of its process."""
    return {**span.attributes, **{f"{_RESOURCE}{name}": value for name, value in span.resource.items()}}


def search_query(span: Span, name: str, value: str, state: TracesState) -> dict[str, list[str]]:
    """The state that shows the traces whose spans have this attribute, around the span's time."""
    text = attribute_filter(name, value)
    if len(text) > _LONGEST_FILTER:
        text = attribute_prefix(name, value[:_LONGEST_FILTER])
    around = TimeRange(rfc3339(span.start - AROUND), rfc3339(span.start + AROUND))
    return TracesState(section="search", attributes=(text,), period=around, zone=state.zone).query()


def _attributes(span: Span, state: TracesState) -> None:
    known = attributes_of(span)
    if not known:
        st.caption("It has no attributes.")
        return
    rows = [(one_line(name, 120), one_line(value, _CELL)) for name, value in known.items()]
    st.dataframe(
        pd.DataFrame(rows, columns=["Attribute", "Value"]),
        hide_index=True,
        height=min(320, 38 + 35 * len(rows)),
        key=f"{PAGE}.attributes.{span.span_id}",
        alt="The span's attributes and those of its process",
    )
    name = st.selectbox(
        "Copy an attribute or search by it",
        list(known),
        format_func=lambda text: one_line(text, 120),
        key=f"{PAGE}.attribute.{span.span_id}",
    )
    value = known[name]
    st.code(value[:_COPIED], language=None, wrap_lines=True)
    if len(value) > _COPIED:
        st.caption(f"Shown are the first {_COPIED:,} of {len(value):,} characters.")
    label = "Traces with it" if len(value) <= _LONGEST_FILTER else "Traces whose value begins so"
    query = search_query(span, name, value, state)
    page_link(PAGE, label, query, icon=":material/filter_alt:", icon_position="left")


def _events(events: Sequence[SpanEvent], zone: tzinfo) -> None:
    for event in events[:_MOST]:
        stack = event.attributes.get("exception.stacktrace", "")
        said = event.attributes.get("exception.message", "")
        at = f"{event.at.astimezone(zone):%H:%M:%S.%f}"
        st.markdown(f"◆ **{plain(event.name, 120)}** {at}  \n{plain(said, 400)}".rstrip())
        others = {name: value for name, value in event.attributes.items() if name != "exception.stacktrace"}
        if stack or others:
            st.code((stack or _lines(others))[:_COPIED], language=None, wrap_lines=not stack)
    if len(events) > _MOST:
        st.caption(f"and {len(events) - _MOST:,} more events")


def _logs(logs: Sequence[TraceLog], zone: tzinfo) -> None:
    for log in logs[:_MOST]:
        if log.event == PREDICTION:
            _prediction(log)
            continue
        at = f"{log.timestamp.astimezone(zone):%H:%M:%S.%f}"
        st.markdown(f"● **{plain(log.severity or 'log', 20)}** {at}  \n{plain(log.body, 600)}")
    if len(logs) > _MOST:
        st.caption(f"and {len(logs) - _MOST:,} more logs")


def _prediction(log: TraceLog) -> None:
    label, score = (log.attributes.get(f"ml.prediction.{name}", "") for name in ("label", "score"))
    st.markdown(f"▲ **Prediction** {plain(label, 80)} {plain(score, 30)}")
    identity = log.attributes.get("ml.prediction.id", "")
    if identity and has_page("predictions"):
        query = {"prediction": [identity]}
        page_link("predictions", "Open the prediction", query, icon=":material/psychology:", icon_position="left")
    features = log.body.get("features") if isinstance(log.body, Mapping) else None
    if isinstance(features, Mapping) and features:
        rows = [(one_line(name, 80), one_line(json.dumps(value), 120)) for name, value in features.items()]
        with st.expander("Features"):
            st.dataframe(pd.DataFrame(rows, columns=["Feature", "Value"]), hide_index=True)


def _links(span: Span) -> None:
    for place, link in enumerate(span.links[:_MOST_LINKS], start=1):
        query = {"trace": [link.trace_id], **({"span": [link.span_id]} if link.span_id else {})}
        page_link(
            PAGE, f"Linked span {place}", query, icon=":material/link:", icon_position="left", help=plain(link.trace_id)
        )
    if len(span.links) > _MOST_LINKS:
        st.caption(f"and {len(span.links) - _MOST_LINKS:,} more links")


def _lines(attributes: Mapping[str, str]) -> str:
    return "\n".join(f"{one_line(name, 120)}: {one_line(value, _CELL)}" for name, value in attributes.items())
