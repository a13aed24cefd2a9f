"""What stands where a part of a page is about to be: its place at first, a word that it is asked for later."""

from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

import streamlit as st

_DRAWN: Final = "waiting.drawn"
_USUAL: Final = 480


@contextmanager
def waiting(page: str, part: str, *, height: int = _USUAL, words: str = "", of: Hashable = None) -> Iterator[None]:
    """While the block asks, keep the place of what it will draw; where that stands already, only say so.

    Without it what lies below would jump when the answer comes.

    Args:
        page: its name; who comes from another one finds nothing drawn yet.
        part: of the page.
        height: of what will be drawn, in pixels, about.
        words: of what is asked; empty where what stands is not to be disturbed.
        of: what of the part is asked for; when the same stands already nothing is said, for nobody waits for it.
    """
    last, drawn = st.session_state.get(_DRAWN, ("", {}))
    known = drawn if last == page else {}
    at: AbstractContextManager[object]
    if part not in known:
        at = st.skeleton(height)
    elif words and (of is None or known[part] != of):
        at = st.spinner(words)
    else:
        st.empty()  # where one of them has its place: without it the browser makes all that follows anew
        at = nullcontext()
    with at:
        yield
    st.session_state[_DRAWN] = (page, {**known, part: of})
