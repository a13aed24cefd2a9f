"""The row of a page's sections; the same on every page that has some."""

from collections.abc import Mapping

import streamlit as st


def pick_section(page: str, titles: Mapping[str, str], last: str) -> str:
    """Draw the row, and say which section is chosen.

    Args:
        page: whose sections these are; the session's `PAGE.section` holds the choice.
        titles: section -> what people read, in the row's order.
        last: the section shown before, where the browser tells of none.
    """
    chosen = st.segmented_control(
        "Section",
        list(titles),
        format_func=titles.__getitem__,
        key=f"{page}.section",
        label_visibility="collapsed",
        required=True,
    )
    return str(chosen or last)
