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


def no_alerts() -> None:
    """Say what makes alerts appear."""
    st.info(
        "**No rule has said anything yet.** Rules are in the file that `SIGHTGLASS_WORKER_RULES_FILE` names, at first "
        "`deploy/alerting/rules.yaml`; each has a row here from its first look on, a minute or so after the worker "
        "starts (`sightglass up` does).  \n"
        "To make one: choose **Make a rule** under a chart of the History page, or write it by "
        "`docs/guides/alerting.md`, and try it with `sightglass rules check FILE`. `make demo` has some.",
        icon=":material/notifications_off:",
    )


def no_messages(*, filtered: bool) -> None:
    """Say what makes messages appear."""
    if filtered:
        st.info("There is no such message. Choose every channel and every state to see all.", icon=":material/mail:")
        return
    st.info(
        "**There is no such message yet.** One is written when an alert fires and a route leads it to a channel "
        "(`docs/guides/notifications.md`).  \n"
        "To see one now: send a test from **Channels**, or with `sightglass channels test NAME`; "
        "`sightglass channels list` says which channels there are and which secret is missing. `make demo` "
        "catches its mails under **Mails**.",
        icon=":material/mail:",
    )


def no_flow(what: str) -> None:
    """Say inside a card of the pipeline why its line is empty.

    Args:
        what: it would show.
    """
    st.caption(
        f"There is no {what} to show in this range: nothing arrived. Choose a longer one. If nothing has ever arrived, "
        "point a service at the Collector (`OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318`), or run `make demo`; "
        "**Processes** shows who reports."
    )


def no_spans() -> None:
    """Say why a trace that is known has no span, and what to do."""
    st.info(
        "**No span of this trace is stored.** One made just now comes within seconds: look again. Else its spans are "
        "past their retention, were sampled away where they were made, or got lost on the way, which **Pipeline** "
        "counts. Traces that failed, were slow or wrong are kept longer (`docs/storage.md`).",
        icon=":material/search_off:",
    )
