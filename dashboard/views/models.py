"""How good each model is, for whom it is worse, which version is better, and why it is wrong."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.api_errors import ApiError
from dashboard.model_answers import Model, Models, Performance, Reference
from dashboard.model_figures import first_figures, in_order, kind_of
from dashboard.model_questions import CHAMPION, models, performance, reference
from dashboard.model_verdict import model_verdict
from dashboard.navigation import has_page, page_link
from dashboard.plain_text import one_line
from dashboard.previous_period import period_words, previous, previous_words
from dashboard.segment_filters import NO_FEATURES, asked_by
from dashboard.session import arriving_query, leave_when_denied, now, write_query
from dashboard.states.models import MOST_COST, SECTIONS, ModelsState
from dashboard.states.predictions import PredictionsState
from dashboard.views.asking import ask_lately
from dashboard.views.model_header import draw_remarks, draw_verdict, teach_labels
from dashboard.views.model_performance import draw_performance
from dashboard.views.model_reliability import draw_reliability
from dashboard.views.model_segments import draw_segments
from dashboard.views.model_versions import draw_versions
from dashboard.views.model_wrong import draw_wrong
from dashboard.views.notices import failure_notice, nothing_yet, range_is_right, tell_complaints
from dashboard.views.operating import show_said
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone

PAGE: Final = "models"
RETRY_SECONDS: Final = 4.0
_TITLES: Final = dict(zip(SECTIONS, ("Performance", "Reliability", "Segments", "Versions", "Why wrong"), strict=True))
_MEASURED: Final = frozenset({"performance", "segments", "versions"})
_BINS: Final = {"": "As the API thinks best", **{str(bins): f"{bins} parts" for bins in (3, 5, 10, 20)}}


def render() -> None:
    """Draw the page."""
    moment = now()
    query = arriving_query(PAGE)
    if query is not None:
        arrived, complaints = ModelsState.read(query, moment)
        _load(arrived, moment)
        st.session_state[f"{PAGE}.complaints"] = complaints
    st.title("Models", anchor=False)
    last: ModelsState = st.session_state[f"{PAGE}.state"]
    if f"{PAGE}.range" not in st.session_state:
        load_range(PAGE, last.period, last.zone, moment)
    state, seen = _controls(last, moment)
    tell_complaints(PAGE)
    if not range_is_right(state.period, moment):
        return
    st.session_state[f"{PAGE}.state"] = state
    write_query(PAGE, state.query())
    every = RETRY_SECONDS if st.session_state.get(f"{PAGE}.failing") else None
    st.fragment(_answer, run_every=every)(state, seen)


def _load(state: ModelsState, moment: datetime) -> None:
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


def _controls(last: ModelsState, moment: datetime) -> tuple[ModelsState, Models | ApiError]:
    """Draw what is chosen; widgets that were not drawn last time begin with what they said before."""
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
    choice = places[0].segmented_control(
        "Section",
        SECTIONS,
        format_func=lambda name: _TITLES[name],
        key=f"{PAGE}.section",
        label_visibility="collapsed",
        required=True,
    )
    section = str(choice or last.section)
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
    return section, metric or first_figures(model.task if model else None)[0], variant


def _pick_metric(last: ModelsState, task: str | None) -> str:
    key = f"{PAGE}.metric"
    known = in_order(task, list(first_figures(task)) + ([last.metric] if last.metric else []))
    chosen = st.session_state.setdefault(key, last.metric) or last.metric or known[0]
    st.session_state[key] = chosen
    options = list(dict.fromkeys([*known, chosen]))
    return str(st.selectbox("Figure", options, key=key, format_func=lambda name: kind_of(name).title) or known[0])


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


def _answer(state: ModelsState, seen: Models | ApiError) -> None:
    """Ask and draw; while the API is away, by itself again and again."""
    show_said()
    failure = seen if isinstance(seen, ApiError) else None
    if failure is None and state.model:
        failure = _draw(state, seen.named(state.model) if isinstance(seen, Models) else None)
    elif failure is None:
        nothing_yet()
    if failure is not None:
        leave_when_denied(failure)
        failure_notice(failure)
    failing = failure is not None and failure.passing
    if failing != bool(st.session_state.get(f"{PAGE}.failing")) or (failing and isinstance(seen, ApiError)):
        again = not failing or not st.session_state.get(f"{PAGE}.failing")
        st.session_state[f"{PAGE}.failing"] = failing
        if again:
            # The whole page, for only there the pace of asking again is set.
            st.rerun()
        (once_more,) = ask_lately([models(state.period)])
        if isinstance(once_more, Models):
            st.rerun()


def _draw(state: ModelsState, model: Model | None) -> ApiError | None:
    """Draw a model; why not, where it cannot be."""
    moment = now()
    before = replace(state.chosen, period=previous(state.period, moment))
    task = model.task if model else None
    curves = state.section == "reliability"
    off_grid = state.threshold is not None and abs(state.threshold * 100 - round(state.threshold * 100)) > 1e-9  # noqa: PLR2004
    questions = [
        performance(
            state.chosen,
            tz=state.zone,
            step="auto" if state.section == "performance" else "90d",
            curves=curves,
            threshold=state.threshold if curves and off_grid else None,
        ),
        performance(before, tz=state.zone, step="90d", metrics=first_figures(task)),
    ]
    with st.spinner("Joining predictions with their labels …"):
        answer, earlier = ask_lately(questions)
    if isinstance(answer, ApiError):
        return answer
    _draw_answer(answer, earlier, state, model)
    return None


def _draw_answer(answer: Performance, earlier: Performance | ApiError, state: ModelsState, model: Model | None) -> None:
    words = {"period": period_words(state.period), "period_before": previous_words(state.period)}
    draw_verdict(model_verdict(answer, earlier, **words))
    draw_remarks(answer, model, state)
    if not answer.predictions:
        st.info("Choose a longer range, another version, or fewer conditions.", icon=":material/search_off:")
        return
    _ways(state)
    if not answer.labels and state.section != "versions":
        teach_labels()
        return
    versions = [one.version for one in model.versions] if model else []
    match state.section:
        case "reliability":
            draw_reliability(answer, state)
        case "segments":
            draw_segments(answer, state)
        case "versions" if model is not None:
            draw_versions(model, state, now())
        case "wrong":
            draw_wrong(state, answer.task)
        case _:
            draw_performance(answer, state, versions)


def _ways(state: ModelsState) -> None:
    """Links to the predictions that are meant, and to the requests that they were made in."""
    if not has_page("predictions"):
        return
    with st.container(horizontal=True):
        for outcome, label in (
            ("wrong", "Wrong predictions"),
            ("unlabelled", "Without a label"),
            ("", "All predictions"),
        ):
            search = PredictionsState(
                model=state.model,
                version=state.version,
                variant=state.variant,
                outcome=outcome,
                features=state.features,
                period=state.period,
                zone=state.zone,
            )
            page_link("predictions", label, search.query())
        if has_page("traces"):
            attributes = [f"ml.model.name={state.model}"]
            attributes += [f"ml.model.version={state.version}"] if state.version else []
            ranged = {"from": [state.period.start], "to": [state.period.end], "tz": [state.zone]}
            page_link("traces", "Its requests", {"section": ["search"], "attr": attributes, **ranged})
