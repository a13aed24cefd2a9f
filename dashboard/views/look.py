"""What Streamlit's theme has no option for."""

from typing import Final

import streamlit as st

from dashboard.charts.palette import NIGHT
from dashboard.session import is_dark

ON_PRIMARY: Final = NIGHT
"""What is written on the main colour of the dark look; Streamlit would write it white, which is hard to read there."""
_STYLE: Final = f"<style>[data-testid^='stBaseButton-primary'] {{ color: {ON_PRIMARY} !important; }}</style>"


def render() -> None:
    """Put the rules on the page; they take no room."""
    if is_dark():
        st.html(_STYLE)
