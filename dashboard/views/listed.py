"""What a table shows, to choose from by the keyboard, which reaches no row of a table."""

from collections.abc import Mapping

import streamlit as st


def pick_listed(page: str, told: Mapping[str, str]) -> str | None:
    """Draw the list and its button.

    Args:
        page: whose table it is; the widgets' keys are `PAGE.pick` and `PAGE.open`.
        told: id -> the row in words; an option is told by its words alone.

    Returns:
        The id, once, when somebody opens it.
    """
    key = f"{page}.pick"
    if st.session_state.get(key) not in told:
        # Of another list.
        st.session_state.pop(key, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Or from a list", list(told), format_func=lambda name: told.get(name, ""), key=key, width=640
        )
        opened = st.button("Open this one", icon=":material/open_in_new:", key=f"{page}.open")
    return str(chosen) if opened and chosen is not None else None
