"""What a page says when it has no data to draw: refused, away, or nothing there yet."""

from datetime import datetime

import streamlit as st

from dashboard.api_errors import ApiError, ApiUnreachableError, StoreUnavailableError
from dashboard.plain_text import plain
from dashboard.time_range import TimeRange

TEACHING = """
**To see something real at once**, run `make demo`: it replays two days of flights through the whole pipeline.

**To watch your own model service**, install `sightglass-ml`, add two lines, and point it at the Collector:
"""
EXAMPLE = """from sightglass import instrument, record_prediction

instrument(app, service_name="my-service")          # your FastAPI application
record_prediction(features, score=0.83, label="yes", model=model)   # wherever it predicts

# OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 tells it where the Collector listens
"""


def tell_complaints(page: str) -> None:
    """Say once what of the link that led to a page could not be read."""
    for complaint in st.session_state.pop(f"{page}.complaints", []):
        st.warning(f"This part of the link could not be read: {plain(complaint)}", icon=":material/link_off:")


def range_is_right(period: TimeRange, moment: datetime) -> bool:
    """Whether a range has a beginning before its end; where it has not, the page says so."""
    try:
        period.bounds(moment)
    except ValueError as error:
        st.warning(f"{error} Choose a start before the end.", icon=":material/warning:")
        return False
    return True


def failure_notice(error: ApiError) -> None:
    """Say what happened, what it means and what to do, across the page."""
    lines = [f"**{error.title}.**", plain(error.detail)]
    lines += [f"{plain(item.field)}: {plain(item.message)}" for item in error.errors]
    text = "  \n".join([*lines, error.advice])
    if isinstance(error, ApiUnreachableError | StoreUnavailableError):
        st.error(text, icon=":material/cloud_off:")
    else:
        st.warning(text, icon=":material/warning:")


def small_failure(error: ApiError, what: str) -> None:
    """Say inside a card why it shows nothing."""
    if error.passing:
        st.caption(f"{error.title}. {plain(error.detail, 160)}")
    else:
        st.caption(f"This monitoring API does not offer {what}: {plain(error.detail, 160)}")


def nothing_yet() -> None:
    """Teach what brings data here."""
    with st.container(border=True):
        st.subheader("No data yet", anchor=False)
        st.markdown(TEACHING)
        st.code(EXAMPLE, language="python")


def nothing_here(*, filtered: bool) -> None:
    """Say that the question has no answer in this range, and how to widen it."""
    first = "Remove a filter, or choose" if filtered else "Choose"
    st.info(
        f"**No data for this question.** {first} a longer range. If nothing has ever been recorded, "
        "`make demo` shows the dashboard with real flights.",
        icon=":material/search_off:",
    )
