"""The widgets that choose which traces the traces page is about."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import streamlit as st

from dashboard.answers import Current
from dashboard.api_client import current
from dashboard.api_errors import ApiError
from dashboard.plain_text import one_line
from dashboard.session import client, rights
from dashboard.states.traces import KINDS, SECTIONS, TracesState
from dashboard.views.map_brush import begin_map_anew
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.sections import pick_section

PAGE: Final = "traces"
_TITLES: Final = dict(zip(SECTIONS, ("Search", "Heat map", "Why slow?", "Exceptions"), strict=True))
_STATUSES: Final = {"error": "Failed (error or 5xx)", "ok": "ok", "4xx": "4xx", "5xx": "5xx"}
_SORTS: Final = {"time": "Newest first", "duration": "Longest first"}
_SUGGESTION_WINDOW: Final = "24h"
_MOST_SUGGESTED: Final = 200
_LONGEST: Final = 80


def load_controls(state: TracesState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    st.session_state[f"{PAGE}.state"] = state
    begin_map_anew()
    load_range(PAGE, state.period, state.zone, moment)
    for name, value in _values(state).items():
        st.session_state[f"{PAGE}.{name}"] = value


def pick_traces(last: TracesState, moment: datetime) -> TracesState:
    """Draw what is chosen; widgets that were not drawn last time begin with what they said before."""
    if f"{PAGE}.range" not in st.session_state:
        load_range(PAGE, last.period, last.zone, moment)
    for name, value in _values(last).items():
        st.session_state.setdefault(f"{PAGE}.{name}", value)
    section = pick_section(PAGE, _TITLES, last.section)
    with st.container(border=True):
        chosen = _conditions(section, last, moment)
    # A cursor is a place in one list only; a region stays while the map is shown.
    cursor = last.cursor if chosen.conditions == last.conditions else ""
    return replace(chosen, cursor=cursor, region=last.region if chosen.section == "heatmap" else None)


def _conditions(section: str, last: TracesState, moment: datetime) -> TracesState:
    requests = _requests(rights())
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    upper = st.columns([2, 2, 2, *([2, 2] if custom else []), 2], vertical_alignment="bottom")
    service = _choice(upper[0], "Service", "service", list(dict.fromkeys(service for service, _ in requests)))
    routes = dict.fromkeys(route for owner, route in requests if service in {"", owner})
    # Exceptions are told by where they were raised, which is of no route.
    route = last.route if section == "exceptions" else _choice(upper[1], "Route", "route", list(routes))
    with upper[-1]:
        zone = pick_zone(PAGE)
    with upper[2]:
        period = pick_range(PAGE, zone, moment, upper[3:-1])
    if section == "exceptions":
        return replace(last, section=section, trace="", span="", service=service, period=period, zone=zone, cursor="")
    # Explanations are about requests, which no span's name tells apart.
    named = section != "slow"
    lower = st.columns([1.4, 1.4, 2, *([2] if named else []), 2], vertical_alignment="bottom")
    least = _milliseconds(lower[0], "At least (ms)", "min_duration_ms")
    most = _milliseconds(lower[1], "At most (ms)", "max_duration_ms")
    status = _choice(lower[2], "Status", "status", list(_STATUSES), _STATUSES)
    name = last.name
    if named:
        name = lower[3].text_input("Span", key=f"{PAGE}.name", placeholder="Any; its name", max_chars=400)
    attributes = lower[-1].multiselect(
        "Attributes",
        st.session_state[f"{PAGE}.attributes"],
        key=f"{PAGE}.attributes",
        accept_new_options=True,
        format_func=lambda text: one_line(text, _LONGEST),
        placeholder="key=value",
        help="All must hold for one span. Besides key=value: key!=value, key^=beginning, key=in(a,b); `resource.` "
        "before the key asks for an attribute of the process.",
    )
    kind, sort = last.kind, last.sort
    if section in {"search", "heatmap"}:
        left, right, _ = st.columns([2, 2, 3], vertical_alignment="bottom")
        kind = _choice(left, "Kind", "kind", list(KINDS[1:]))
        if section == "search":
            sort = str(right.selectbox("Order", list(_SORTS), format_func=lambda key: _SORTS[key], key=f"{PAGE}.sort"))
    return TracesState(
        section=section,
        service=service,
        route=route,
        name=name.strip(),
        kind=kind,
        status=status,
        min_duration_ms=least,
        max_duration_ms=most,
        attributes=tuple(str(text) for text in attributes),
        sort=sort,
        period=period,
        zone=zone,
    )


def _choice(place: Any, label: str, name: str, known: list[str], titles: dict[str, str] | None = None) -> str:
    """A select box for one of what is known or something typed; the empty text means any."""
    chosen = st.session_state.get(f"{PAGE}.{name}")
    options = list(dict.fromkeys([*known, *([chosen] if chosen else [])]))
    value = place.selectbox(
        label,
        options,
        index=None,
        key=f"{PAGE}.{name}",
        placeholder="Any",
        accept_new_options=name != "kind",
        format_func=lambda text: (titles or {}).get(text, one_line(text, _LONGEST)),
    )
    return str(value or "")


def _milliseconds(place: Any, label: str, name: str) -> float | None:
    value = place.number_input(
        label, min_value=0.0, max_value=1e12, step=10.0, format="%g", key=f"{PAGE}.{name}", placeholder="Any"
    )
    return None if value is None else float(value)


def _values(state: TracesState) -> dict[str, Any]:
    """What each widget holds in a state; a select box for any is empty."""
    boxes = {name: getattr(state, name) or None for name in ("service", "route", "kind", "status")}
    return {
        "section": state.section,
        **boxes,
        "name": state.name,
        "min_duration_ms": state.min_duration_ms,
        "max_duration_ms": state.max_duration_ms,
        "attributes": list(state.attributes),
        "sort": state.sort,
    }


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def _requests(rights: str) -> list[tuple[str, str]]:  # noqa: ARG001  # the cache's key
    """Services and routes that were asked lately, the busiest first; none where the API cannot say."""
    try:
        answer: Current = client().ask(
            current("request_rate", window=_SUGGESTION_WINDOW, group_by=("service", "route"))
        )
    except ApiError:
        return []
    ranked = sorted(answer.series, key=lambda group: -(group.count or group.value or 0))
    pairs = ((group.labels.get("service", ""), group.labels.get("route", "")) for group in ranked)
    return [(service, route) for service, route in pairs if service and route][:_MOST_SUGGESTED]
