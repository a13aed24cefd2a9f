"""Letting another version of a model answer: asked for, confirmed, and done under the caller's name."""

from typing import Final

import streamlit as st

from dashboard.api_client import caller
from dashboard.api_errors import ApiError
from dashboard.model_answers import Model
from dashboard.model_questions import promote
from dashboard.plain_text import one_line, plain
from dashboard.session import asker, client
from dashboard.views.operating import confirm, do, say, settle, want, wanted

_SCOPE: Final = "admin"
_KEY: Final = "models.promote"


def draw_promotion(model: Model) -> None:
    """Draw the form, or say who may do this."""
    with st.container(border=True):
        st.markdown("**Let another version answer**")
        somebody = asker()
        if not _may_promote(somebody.rights, somebody.name):
            st.caption("Only administrators of the monitoring API may promote a version. Your role may look.")
            return
        versions = [version.version for version in model.versions if version.version]
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Version",
                versions,
                index=None,
                key="models.promote.version",
                accept_new_options=True,
                format_func=lambda name: one_line(name, 64),
                placeholder="One that predicted here, or type another",
                width=420,
            )
            if st.button("Promote …", icon=":material/upgrade:", key="models.promote.ask", disabled=not chosen):
                want(_KEY, (model.name, str(chosen)))
        if wanted(_KEY) == (model.name, str(chosen)):
            _confirm(model.name, str(chosen))
        st.caption("The ML API loads it, and answers with it from then on. `sightglass models rollback` goes back.")


def _confirm(name: str, version: str) -> None:
    what = f"From now on {plain(version, 80)} answers every request to {plain(name, 80)}."
    if confirm(_KEY, what, "Yes, promote it"):
        done = do(promote(name, version))
        if done is not None:
            settle(_KEY)
            before = f"; before it was {plain(done.previous, 80)}" if done.previous else ""
            say(f"{plain(done.active, 80)} answers for {plain(done.name, 80)} now{before}.")
            st.rerun()


@st.cache_data(ttl=30, max_entries=256, show_spinner=False)
def _may_promote(rights: str, name: str) -> bool:  # noqa: ARG001  # the key of the cache
    try:
        return _SCOPE in client().ask(caller()).scopes
    except ApiError:
        # Who is not known may still try: the API decides each time.
        return False
