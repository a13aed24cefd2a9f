"""What stands beside a link that cannot take every condition along."""

from collections.abc import Sequence

import streamlit as st

from dashboard.plain_text import plain


def note_left_out(left_out: Sequence[str], what: str = "search", does: str = "finds") -> None:
    """Name the conditions that a link lacks; nothing is drawn where it has all.

    Args:
        left_out: the conditions, text from data.
        what: what cannot ask for them.
        does: what that does with more cases than are meant.
    """
    if left_out:
        st.caption(
            f"The {what} cannot ask for {plain('; '.join(left_out), 300)}: it {does} more than these cases.",
            width="content",
        )
