"""What stands where a part of a page is about to be: its place at first, a word that it is asked for later."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import streamlit as st

_DRAWN: Final = "waiting.drawn"


@contextmanager
def waiting(page: str, part: str, *, height: int, words: str = "") -> Iterator[None]:
    """While the block asks, keep the place of what it will draw; where that stands already, only say so.

    Without it what lies below would jump when the answer comes.

    Args:
        page: its name; who comes from another one finds nothing drawn yet.
        part: of the page.
        height: of what will be drawn, in pixels, about.
        words: of what is asked; empty where what stands is not to be disturbed.
    """
    last, drawn = st.session_state.get(_DRAWN, ("", frozenset()))
    known = drawn if last == page else frozenset()
    again: AbstractContextManager[object] = st.spinner(words) if words else nullcontext()
    with again if part in known else st.skeleton(height):
        yield
    st.session_state[_DRAWN] = (page, known | {part})
