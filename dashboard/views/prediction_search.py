"""The search form of the predictions page: what predictions were, and what became of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import streamlit as st

from dashboard.model_answers import Model, Models, Reference
from dashboard.model_questions import CHAMPION, models, reference
from dashboard.plain_text import one_line, plain
from dashboard.states.predictions import OUTCOMES, PredictionsState
from dashboard.views.asking import ask_lately
from dashboard.views.range_picker import CUSTOM, load_range, pick_range, pick_zone

PAGE: Final = "predictions"
_OUTCOMES: Final = dict(zip(OUTCOMES, ("Whatever became of it", "Wrong", "Right", "No label yet"), strict=True))
_PLAIN: Final = (
    "model",
    "version",
    "variant",
    "label",
    "outcome",
    "entity",
    "features_source",
    "min_score",
    "max_score",
)


def load_search(state: PredictionsState, moment: datetime) -> None:
    """Set the widgets to a state, before they are drawn."""
    load_range(PAGE, state.period, state.zone, moment)
    for name in _PLAIN:
        st.session_state[f"{PAGE}.{name}"] = getattr(state, name)
    st.session_state[f"{PAGE}.features"] = list(state.features)


def draw_search(last: PredictionsState, moment: datetime) -> PredictionsState:
    """Draw the form.

    Args:
        last: what was asked for before; widgets that were not drawn last time begin with it.
        moment: the present.
    """
    if f"{PAGE}.range" not in st.session_state:
        load_search(last, moment)
    for name in _PLAIN:
        st.session_state.setdefault(f"{PAGE}.{name}", getattr(last, name))
    st.session_state.setdefault(f"{PAGE}.features", list(last.features))
    with st.container(border=True):
        custom = st.session_state[f"{PAGE}.range"] == CUSTOM
        upper = st.columns([3, 2, 2, 2, *([2, 2] if custom else []), 2], vertical_alignment="bottom")
        with upper[-1]:
            zone = pick_zone(PAGE)
        with upper[3]:
            period = pick_range(PAGE, zone, moment, upper[4:-1] if custom else ())
        (seen,) = ask_lately([models(period)])
        known = seen.models if isinstance(seen, Models) else ()
        with upper[0]:
            model = _pick("model", [one.name for one in known], "Every model")
        one = next((each for each in known if each.name == model), None)
        with upper[1]:
            version = _pick("version", [each.version for each in one.versions] if one else [], "Every version")
        with upper[2]:
            outcome = _pick("outcome", list(OUTCOMES), "", _OUTCOMES)
        state = replace(last, prediction="", model=model, version=version, outcome=outcome, period=period, zone=zone)
        state = _second_row(state, one)
        return _features(state, known)


def _second_row(state: PredictionsState, model: Model | None) -> PredictionsState:
    places = st.columns([2, 2, 2, 3, 2, 2], vertical_alignment="bottom")
    least = places[0].number_input("Score from", value=None, key=f"{PAGE}.min_score", step=0.05, format="%g")
    most = places[1].number_input("Score to", value=None, key=f"{PAGE}.max_score", step=0.05, format="%g")
    label = places[2].text_input("Decided", key=f"{PAGE}.label", placeholder="Any", max_chars=400)
    entity = places[3].text_input(
        "About (entity)",
        key=f"{PAGE}.entity",
        placeholder="Any",
        max_chars=400,
        help="As stored, which is the hash of what your service called it: copy it from one of its predictions.",
    )
    source = places[4].text_input("Features from", key=f"{PAGE}.features_source", placeholder="Anywhere", max_chars=100)
    with places[5]:
        variants = [one.variant for one in model.variants] if model else []
        variant = _pick("variant", list(dict.fromkeys([CHAMPION, *variants, "shadow"])), CHAMPION) or CHAMPION
    return replace(
        state,
        min_score=least,
        max_score=most,
        label=label.strip(),
        entity=entity.strip(),
        features_source=source.strip(),
        variant=variant,
    )


def _features(state: PredictionsState, known: Sequence[Model]) -> PredictionsState:
    name = state.model or (known[0].name if len(known) == 1 else "")
    (told,) = ask_lately([reference(name, state.version)]) if name else (None,)
    names = [one.name for one in told.features] if isinstance(told, Reference) else []
    key = f"{PAGE}.features"
    shown = f" It has {plain(', '.join(names[:30]), 400)}." if names else ""
    typed = st.multiselect(
        "Features",
        list(dict.fromkeys(st.session_state[key])),
        key=key,
        accept_new_options=True,
        format_func=lambda text: one_line(text, 80),
        placeholder="Any. Type carrier=UA or distance>=500 and press Enter",
        help="All must hold: name=value, name!=value, name^=beginning, name>=1, name<1, name=null; `name=` where it "
        f"is not given at all.{shown}",
    )
    return replace(state, features=tuple(str(text) for text in typed))


def _pick(name: str, known: Sequence[str], everything: str, titles: dict[str, str] | None = None) -> str:
    key = f"{PAGE}.{name}"
    first = [] if titles or name == "variant" else [""]
    options = list(dict.fromkeys([*first, *known, st.session_state[key] or ""]))
    if name == "variant":
        options = [text for text in options if text]

    def title(text: str) -> str:
        return (titles or {}).get(text) or (one_line(text, 60) if text else everything)

    return str(st.selectbox(name.capitalize(), options, key=key, format_func=title) or "")
