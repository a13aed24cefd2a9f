"""Answers that a part of a page holds while only that part is drawn again."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from dashboard.last_known import looks_back

T = TypeVar("T")


def held(key: str, asked: Hashable, ask: Callable[[], T]) -> T:
    """The answer to the same question as last time, else a new one; a page holds one answer under each key.

    What is brushed or clicked in a picture stays where it is only while the picture's data stays.

    Args:
        key: of the part, distinct in the dashboard.
        asked: all that the answer depends on, the moment of the page's own run included.
        ask: asks anew; what it raises is not held.
    """
    kept = st.session_state.get(key)
    if kept is not None and kept[0] == asked:
        answer: T = kept[1]
        return answer
    answer = ask()
    # What is only the last that was known is asked for again.
    if not looks_back():
        st.session_state[key] = (asked, answer)
    return answer
