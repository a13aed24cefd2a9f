"""The seconds that pass until a page asks again, passed at once."""

import streamlit as st

from dashboard.views import asking, overview


def time_passes() -> None:
    """Let all that sessions share grow old."""
    asking._recent.clear()
    overview._shared.clear()
    st.cache_data.clear()
