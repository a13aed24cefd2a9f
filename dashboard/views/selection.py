"""The widgets that choose what the history page shows: metrics, step, groups and filters."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import streamlit as st

from dashboard.answers import Catalogue, Current, Metric
from dashboard.api_client import current
from dashboard.metric_filter import read_filter
from dashboard.plain_text import one_line, plain
from dashboard.session import client, rights
from dashboard.states.history import MOST_METRICS, PANELS, HistoryState, RuleChoice
from dashboard.time_range import STEPS

PAGE: Final = "history"
_SUGGESTED_PER_KEY: Final = 12
_SUGGESTION_WINDOW: Final = "24h"


def load_selection(state: HistoryState) -> None:
    """Set the widgets to a state, before they are drawn."""
    for name, value in (
        ("metrics", list(state.metrics)),
        ("step", state.step),
        ("group_by", list(state.group_by)),
        ("filters", list(state.filters)),
        ("compare", state.compare),
        ("log", state.log),
        ("bands", state.bands),
        ("markers", state.markers),
        ("panel", None if state.panel == PANELS[0] else state.panel),
        ("threshold", state.threshold),
        ("rule", state.rule),
    ):
        st.session_state[f"{PAGE}.{name}"] = value
    for name in ("bands.switch", "threshold.input", *(f"rule.{part.name}" for part in fields(RuleChoice))):
        # Those that are not always drawn take their value from what is set above.
        st.session_state.pop(f"{PAGE}.{name}", None)


def pick_metrics(catalogue: Catalogue) -> tuple[str, ...]:
    """Draw the choice of metrics; one that the catalogue does not know stays, and the API says so."""
    names = [metric.name for metric in catalogue.metrics]
    options = list(dict.fromkeys([*names, *st.session_state[f"{PAGE}.metrics"]]))
    chosen = st.multiselect(
        "Metrics",
        options,
        format_func=metric_title,
        key=f"{PAGE}.metrics",
        max_selections=MOST_METRICS,
        placeholder="Choose a metric",
        help="Those of one unit share a chart.",
    )
    return tuple(str(name) for name in chosen)


def shared_shape(metrics: Sequence[str], catalogue: Catalogue) -> Metric | None:
    """What all of these metrics can be grouped by and filtered by; None where nothing is known of them."""
    known = [metric for name in metrics if (metric := catalogue.named(name)) is not None]
    if not known:
        return None
    first = known[0]

    def everywhere(keys: Sequence[str], attribute: str) -> tuple[str, ...]:
        return tuple(key for key in keys if all(key in getattr(metric, attribute) for metric in known))

    return first.model_copy(
        update={
            "group_by": everywhere(first.group_by, "group_by"),
            "filters": everywhere(first.filters, "filters"),
        }
    )


def pick_step() -> str:
    """Draw the choice of step."""
    options = list(dict.fromkeys(["auto", *STEPS, st.session_state[f"{PAGE}.step"]]))
    return str(
        st.selectbox(
            "Step",
            options,
            format_func=lambda step: "Automatic" if step == "auto" else step,
            key=f"{PAGE}.step",
            help="Width of one point. Automatic picks one that fits the range.",
        )
    )


def pick_groups(metric: Metric | None) -> tuple[str, ...]:
    """Draw the choice of groups; those that this metric does not have are dropped."""
    key = f"{PAGE}.group_by"
    known = list(metric.group_by) if metric else []
    chosen = st.session_state[key]
    if metric is not None:
        st.session_state[key] = [name for name in chosen if name in known]
    options = list(dict.fromkeys([*known, *st.session_state[key]]))
    return tuple(
        st.multiselect("Group by", options, key=key, placeholder="One line for all", help="One line per combination.")
    )


def pick_filters(metric: Metric | None) -> tuple[str, ...]:
    """Draw the choice of filters: suggested from the data, or typed."""
    key = f"{PAGE}.filters"
    keys = tuple(metric.filters) if metric else ()
    grouping = tuple(name for name in keys if metric and name in metric.group_by)
    suggested = _suggestions(metric.name, grouping, rights()) if metric else []
    options = list(dict.fromkeys([*st.session_state[key], *suggested]))
    typed = st.multiselect(
        "Filters",
        options,
        key=key,
        accept_new_options=True,
        format_func=lambda text: one_line(text, 80),
        placeholder="None. Choose, or type key=value and press Enter",
        help="All must hold. Besides key=value: key!=value, key^=beginning, key=in(a,b).",
    )
    return tuple(str(text) for text in typed)


def misread_filters(filters: Sequence[str], metric: Metric | None) -> list[str]:
    """What is wrong with filters that the API would refuse, in words for the page."""
    keys = metric.filters if metric else ()
    complaints = []
    for text in filters:
        read = read_filter(text)
        if read is None:
            complaints.append(f"{plain(text, 60)} is not a filter. Write it as key=value.")
        elif keys and read.key not in keys:
            complaints.append(f"{plain(read.key, 60)} is no key of this metric. It has: {plain(', '.join(keys))}.")
    return complaints


def metric_title(name: str) -> str:
    """A metric's name for people, such as `Latency p95`."""
    words = one_line(name, 80).replace("_", " ")
    special = {"roc auc": "ROC AUC", "f1": "F1"}
    return special.get(words, words[:1].upper() + words[1:])


@st.cache_data(ttl=120, max_entries=64, show_spinner=False)
def _suggestions(metric: str, keys: tuple[str, ...], rights: str) -> list[str]:  # noqa: ARG001  # the cache's key
    """Filters for the values seen lately, the most frequent first; none where the API cannot say."""
    answers = client().ask_all([current(metric, window=_SUGGESTION_WINDOW, group_by=(key,)) for key in keys])
    suggestions: list[str] = []
    for key, answer in zip(keys, answers, strict=True):
        if not isinstance(answer, Current):
            continue
        ranked = sorted(answer.series, key=lambda group: -(group.count or group.value or 0))
        values = [value for group in ranked if (value := group.labels.get(key))]
        suggestions += [f"{key}={value}" for value in values[:_SUGGESTED_PER_KEY]]
    return suggestions
