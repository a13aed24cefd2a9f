"""The choices of the models page: model, version, range, section, and what each section wants to know."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.model_answers import Model, Models, Reference
from dashboard.model_figures import drawn_figures, kind_of
from dashboard.model_questions import CHAMPION, models, reference
from dashboard.plain_text import one_line
from dashboard.segment_filters import NO_FEATURES, asked_by
from dashboard.states.models import MOST_COST, SECTIONS, ModelsState
from dashboard.views.asking import ask_lately
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone
from dashboard.views.sections import pick_section

PAGE: Final = "models"
_TITLES: Final = dict(zip(SECTIONS, ("Performance", "Reliability", "Segments", "Versions", "Why wrong"), strict=True))
_MEASURED: Final = frozenset({"performance", "segments", "versions"})
_BINS: Final = {"": "As the API thinks best", **{str(bins): f"{bins} parts" for bins in (3, 5, 10, 20)}}


def load_controls(state: ModelsState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    st.session_state[f"{PAGE}.state"] = state
    load_range(PAGE, state.period, state.zone, moment)
    for name in ("model", "version", "variant", "section", "metric"):
        st.session_state[f"{PAGE}.{name}"] = getattr(state, name)
    segment, bins = _split(state.segment)
    st.session_state[f"{PAGE}.segment"] = segment or None
    st.session_state[f"{PAGE}.bins"] = bins
    st.session_state[f"{PAGE}.threshold.on"] = state.threshold is not None
    st.session_state[f"{PAGE}.threshold"] = _within(state.threshold)
    st.session_state[f"{PAGE}.alarm_cost"], st.session_state[f"{PAGE}.miss_cost"] = state.alarm_cost, state.miss_cost
    st.session_state[f"{PAGE}.conditions"] = [*state.features, *state.filters]


def draw_controls(last: ModelsState, moment: datetime) -> tuple[ModelsState, Models | ApiError]:
    """Draw the choices.

    Args:
        last: what was chosen before; widgets that were not drawn last time begin with it.
        moment: the present.

    Returns:
        What is chosen, and the models of that range or why they are not known.
    """
    if f"{PAGE}.range" not in st.session_state:
        load_range(PAGE, last.period, last.zone, moment)
    custom = st.session_state[f"{PAGE}.range"] == CUSTOM
    with st.container(border=True):
        upper = st.columns([3, 2, 2, *([2, 2] if custom else []), 2], vertical_alignment="bottom")
        with upper[-1]:
            zone = pick_zone(PAGE)
        with upper[2]:
            period = pick_range(PAGE, zone, moment, upper[3:-1] if custom else ())
        try:
            period.bounds(moment)
        except ValueError:
            return replace(last, period=period, zone=zone), Models()
        (seen,) = ask_lately([models(period)])
        known = seen.models if isinstance(seen, Models) else ()
        with upper[0]:
            name = _pick_model(known, last)
        model = next((one for one in known if one.name == name), None)
        with upper[1]:
            version = _pick(
                "version", [one.version for one in model.versions] if model else [], last.version, "All versions"
            )
        section, metric, variant = _pick_section(last, model)
        state = replace(
            last, model=name, version=version, variant=variant, section=section, metric=metric, period=period, zone=zone
        )
        if section == "segments":
            state = replace(state, segment=_pick_segment(state))
        if section == "reliability" and (model is None or model.task == "binary"):
            state = _pick_threshold(state)
        if last.features or last.filters:
            state = _pick_conditions(state)
    return state, seen


def _pick_model(known: Sequence[Model], last: ModelsState) -> str:
    names = [one.name for one in sorted(known, key=lambda one: -one.predictions)]
    key = f"{PAGE}.model"
    chosen = st.session_state.setdefault(key, last.model) or last.model or (names[0] if names else "")
    st.session_state[key] = chosen or None
    options = list(dict.fromkeys([*names, *([chosen] if chosen else [])]))
    return str(st.selectbox("Model", options, key=key, format_func=lambda name: one_line(name, 60)) or "")


def _pick(name: str, known: Sequence[str], last: str, everything: str) -> str:
    key = f"{PAGE}.{name}"
    st.session_state.setdefault(key, last)
    options = list(dict.fromkeys(["", *known, st.session_state[key] or ""]))
    chosen = st.selectbox(
        name.capitalize(), options, key=key, format_func=lambda text: one_line(text, 40) if text else everything
    )
    return str(chosen or "")


def _pick_section(last: ModelsState, model: Model | None) -> tuple[str, str, str]:
    """The section, the figure that it draws, and the variant."""
    st.session_state.setdefault(f"{PAGE}.section", last.section)
    variants = [one.variant for one in model.variants] if model else []
    several = len(variants) > 1 or last.variant != CHAMPION
    places = st.columns([5, 2, 2] if several else [5, 2], vertical_alignment="bottom")
    with places[0]:
        section = pick_section(PAGE, _TITLES, last.section)
    metric = last.metric
    if section in _MEASURED:
        with places[1]:
            metric = _pick_metric(last, model.task if model else None)
    variant = last.variant
    if several:
        key = f"{PAGE}.variant"
        st.session_state.setdefault(key, last.variant)
        options = list(dict.fromkeys([*variants, st.session_state[key]]))
        variant = str(
            places[2].selectbox("Variant", options, key=key, format_func=lambda name: one_line(name, 30)) or CHAMPION
        )
    return section, metric or drawn_figures(model.task if model else None)[0], variant


def _pick_metric(last: ModelsState, task: str | None) -> str:
    key = f"{PAGE}.metric"
    chosen = st.session_state.setdefault(key, last.metric) or last.metric
    options = drawn_figures(task, chosen)
    st.session_state[key] = chosen if chosen in options else options[0]
    return str(st.selectbox("Figure", options, key=key, format_func=lambda name: kind_of(name).title) or options[0])


def _pick_segment(state: ModelsState) -> str:
    (known,) = ask_lately([reference(state.model, state.version)]) if state.model else (None,)
    features = [one.name for one in known.features] if isinstance(known, Reference) else []
    numbers = {one.name for one in known.features if one.type == "number"} if isinstance(known, Reference) else set()
    columns = ("features_source", "trace_path", "model_version", "service", "label")
    options = {asked_by(name): name for name in features} | {name: name.replace("_", " ") for name in columns}
    segment, bins = _split(state.segment)
    st.session_state.setdefault(f"{PAGE}.segment", segment or None)
    st.session_state.setdefault(f"{PAGE}.bins", bins)
    left, right, _ = st.columns([3, 2, 3], vertical_alignment="bottom")
    chosen = left.selectbox(
        "By",
        list(
            dict.fromkeys(
                [*options, *([st.session_state[f"{PAGE}.segment"]] if st.session_state[f"{PAGE}.segment"] else [])]
            )
        ),
        key=f"{PAGE}.segment",
        index=None,
        accept_new_options=True,
        format_func=lambda name: one_line(options.get(name, name), 60),
        placeholder="A feature, or type its name",
    )
    asked = str(chosen or "")
    cuttable = not features or options.get(asked) in numbers or asked not in options
    if asked and asked not in NO_FEATURES and cuttable and "[" not in asked:
        parts = right.selectbox("Numbers in", list(_BINS), key=f"{PAGE}.bins", format_func=lambda bins: _BINS[bins])
        return f"{asked}:{parts}" if parts else asked
    return asked


def _split(segment: str) -> tuple[str, str]:
    """A segment's field, and into how many parts its numbers are cut."""
    field, _, bins = segment.rpartition(":")
    return (field, bins) if field and bins in _BINS and bins else (segment, "")


def _pick_threshold(state: ModelsState) -> ModelsState:
    for name in ("alarm_cost", "miss_cost"):
        st.session_state.setdefault(f"{PAGE}.{name}", getattr(state, name))
    st.session_state.setdefault(f"{PAGE}.threshold.on", state.threshold is not None)
    st.session_state.setdefault(f"{PAGE}.threshold", _within(state.threshold))
    places = st.columns([2, 4, 1.5, 1.5], vertical_alignment="bottom")
    other = places[0].toggle("Another threshold", key=f"{PAGE}.threshold.on")
    threshold = places[1].slider(
        "Positive from this score on", 0.0, 1.0, step=0.005, key=f"{PAGE}.threshold", disabled=not other, format="%.3f"
    )
    alarm, miss = (
        place.number_input(title, 0.0, MOST_COST, step=1.0, key=f"{PAGE}.{name}", format="%g")
        for place, title, name in (
            (places[2], "A false alarm costs", "alarm_cost"),
            (places[3], "A miss costs", "miss_cost"),
        )
    )
    # The slider knows steps only: a link's own threshold stays until somebody moves it.
    same = state.threshold is not None and _within(state.threshold) == threshold
    chosen = state.threshold if same else float(threshold)
    return replace(state, threshold=chosen if other else None, alarm_cost=float(alarm), miss_cost=float(miss))


def _within(threshold: float | None) -> float:
    return 0.5 if threshold is None else min(1.0, max(0.0, round(threshold / 0.005) * 0.005))


def _pick_conditions(state: ModelsState) -> ModelsState:
    key = f"{PAGE}.conditions"
    st.session_state.setdefault(key, [*state.features, *state.filters])
    known = [*state.features, *state.filters]
    options = list(dict.fromkeys([*known, *st.session_state[key]]))
    kept = st.multiselect("Only predictions where", options, key=key, format_func=lambda text: one_line(text, 80))
    return replace(
        state,
        features=tuple(text for text in state.features if text in kept),
        filters=tuple(text for text in state.filters if text in kept),
    )
