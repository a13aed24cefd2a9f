"""The page that the dashboard's pages are held against: one chart of 1,440 points, nothing asked of anybody."""

import math
from typing import Final

import altair as alt
import pandas as pd
import streamlit as st

MINUTES: Final = 1_440


def main() -> None:
    """Draw it."""
    st.set_page_config(page_title="Yardstick", layout="wide")
    frame = pd.DataFrame({"minute": range(MINUTES), "value": [math.sin(each / 60) for each in range(MINUTES)]})
    st.altair_chart(alt.Chart(frame).mark_line().encode(x="minute:Q", y="value:Q"), width="stretch")


main()
