"""Colours of model versions: the same on every page."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from dashboard.answers import Series
from dashboard.api_client import history
from dashboard.api_errors import ApiError
from dashboard.charts.palette import series_colours, version_colour
from dashboard.session import client, rights

VERSION: Final = "model_version"
ALL_VERSIONS: Final = "all versions"
_FAILED: Final = "versions.failed"
_RETRY_SECONDS: Final = 30.0


def colour_of(version: str, model: str = "") -> str:
    """The colour of a model's version on every chart; of all versions together when it is empty.

    Args:
        version: its name.
        model: whose; where empty, the first model that has such a version.
    """
    if not version:
        return series_colours([ALL_VERSIONS])[ALL_VERSIONS]
    known = known_versions()
    if model:
        return version_colour(version, known.get(model, ()))
    return version_colour(version, next((all_ for _, all_ in sorted(known.items()) if version in all_), ()))


def line_colours(named: Sequence[tuple[str, Series]], *, model: str = "") -> dict[str, str] | None:
    """The colours of a chart's lines where versions are told apart by its lines; None where no line is one's.

    Args:
        named: the name of each line, and what it is of.
        model: whose versions, where the lines do not say.
    """
    if not any(series.labels.get(VERSION) for _, series in named):
        return None
    others = series_colours(name for name, series in named if not series.labels.get(VERSION))
    return {
        name: colour_of(version, series.labels.get("model", model))
        if (version := series.labels.get(VERSION))
        else others[name]
        for name, series in named
    }


def known_versions() -> Mapping[str, Sequence[str]]:
    """Each model's versions of the last 90 days, by the day that each was first seen; none while the API is away."""
    if time.monotonic() < st.session_state.get(_FAILED, 0.0):
        return {}
    try:
        return _asked(rights())
    except ApiError:
        # A chart has many versions: the next one is not to wait for the same silence.
        st.session_state[_FAILED] = time.monotonic() + _RETRY_SECONDS
        return {}


@st.cache_data(ttl=300, max_entries=64, show_spinner=False)
def _asked(rights: str) -> dict[str, tuple[str, ...]]:  # noqa: ARG001  # the key of the cache
    # Kept sums of days tell it without reading predictions.
    days = client().ask(history("prediction_rate", start="now-90d", step="1d", group_by=("model", VERSION)))
    seen: dict[str, list[tuple[float, str]]] = {}
    for series in days.series:
        version, first = series.labels.get(VERSION), next((at for at, value in series.points if value), None)
        if version and first is not None:
            seen.setdefault(series.labels.get("model", ""), []).append((first, version))
    return {model: tuple(version for _, version in sorted(versions)) for model, versions in seen.items()}
