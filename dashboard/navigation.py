"""Links from page to page: by a page's name and its state, so that no page needs to know another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard.states.reader import LONGEST

_PAGES: Final = "pages"
Query = Mapping[str, Sequence[str]]


def keep_pages(pages: Mapping[str, Any]) -> None:
    """Note Streamlit's page objects, by name, before one of them runs."""
    st.session_state[_PAGES] = dict(pages)


def has_page(name: str) -> bool:
    """Whether there is a page of this name."""
    return name in st.session_state[_PAGES]


def page_link(
    name: str,
    label: str,
    query: Query | None = None,
    *,
    icon: str | None = ":material/chevron_right:",
    icon_position: Any = "right",
    help: str | None = None,  # noqa: A002  # Streamlit's own word
) -> None:
    """Draw a link to a page in a state of it.

    Args:
        name: of the page, the last part of its address.
        label: markdown; what comes from data must be made plain by the caller.
        query: the state, as that page's `query()` says it; None for the state that the page was left in.
        icon: a Material symbol or None.
        icon_position: `left` or `right` of the label.
        help: shown when the pointer rests on it.
    """
    st.page_link(
        st.session_state[_PAGES][name],
        label=label,
        icon=icon,
        icon_position=icon_position,
        help=help,
        # A page reads no more of it, and a value of a megabyte would be sent to everybody who sees the link.
        query_params=None
        if query is None
        else {key: [text[:LONGEST] for text in texts] for key, texts in query.items()},
    )


def go_to(name: str, query: Query) -> None:
    """Show another page in a state of it, at once."""
    st.switch_page(st.session_state[_PAGES][name], query_params=query)
