"""What happened in the range of the history page: as marks of charts, and as a list."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from dashboard.alert_labels import own_labels
from dashboard.charts.marks import KINDS, Mark
from dashboard.history_answers import Marker, Markers
from dashboard.plain_text import one_line, plain
from dashboard.states.history import HistoryState
from dashboard.time_range import epoch_milliseconds, utc_offset_seconds, zone_of
from dashboard.views.version_colours import colour_of

_MOST_DRAWN: Final = 60
_MOST_LISTED: Final = 12
_OF_MODELS: Final = frozenset({"model_version", "promotion"})
_MISSING: Final = {"promotion": "promotions (no audit log can be read here)", "alert": "alerts (their store is away)"}


def marks_of(known: Markers, state: HistoryState) -> list[Mark]:
    """The marks, the newest where there are too many to tell apart."""
    marks = []
    for one in known.markers[-_MOST_DRAWN:]:
        at = epoch_milliseconds(one.at, utc_offset_seconds(state.zone, one.at))
        colour = colour_of(one.version, one.name) if one.version and one.kind in _OF_MODELS else ""
        marks.append(Mark(one.kind, at, one_line(_what(one), 160), colour))
    return marks


def list_marks(known: Markers, state: HistoryState) -> None:
    """Say what happened, the newest first."""
    count = len(known.markers)
    if not count and not known.unknown:
        return
    zone = zone_of(state.zone)
    with st.expander(f"{count} thing{'s' if count != 1 else ''} happened in this range", icon=":material/flag:"):
        listed = [
            f"{one.at.astimezone(zone):%d %b %H:%M:%S} · {plain(KINDS.get(one.kind, one.kind))}: "
            f"{plain(_what(one), 200)}"
            for one in reversed(known.markers[-_MOST_LISTED:])
        ]
        st.markdown("  \n".join(listed) or "Nothing that is known of.")
        notes = []
        if count > _MOST_LISTED:
            notes.append(f"{count - _MOST_LISTED} earlier ones are not listed.")
        if known.unknown:
            notes.append(f"Not known: {_listed(known.unknown)}.")
        if notes:
            st.caption(" ".join(notes))


def _what(one: Marker) -> str:
    if one.version:
        return f"{one.name} {one.version}"
    about = own_labels(one.labels)
    return f"{one.name} ({about})" if about else one.name


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(_MISSING.get(kind, plain(kind)) for kind in kinds)
