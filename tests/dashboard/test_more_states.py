"""The states of the logs and pipeline pages, and their URLs, are one."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.states.logs import SEVERITIES, LogsState
from dashboard.states.pipeline import SECTIONS, PipelineState
from tests.dashboard.test_states import NOW, periods, zones

words = st.text(max_size=60)


@given(
    st.builds(
        LogsState,
        service=words,
        severity=st.sampled_from(SEVERITIES),
        text=words,
        trace=st.from_regex(r"[0-9a-f]{32}", fullmatch=True) | st.just(""),
        span=st.from_regex(r"[0-9a-f]{16}", fullmatch=True) | st.just(""),
        record=words,
        live=st.booleans(),
        period=periods,
        zone=zones,
    )
)
def test_logs_survive_their_url(state: LogsState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert LogsState.read(state.query(), NOW) == (state, [])


@given(st.builds(PipelineState, section=st.sampled_from(SECTIONS), period=periods, zone=zones))
def test_pipeline_survives_its_url(state: PipelineState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert PipelineState.read(state.query(), NOW) == (state, [])


def test_a_bare_address_shows_the_last_hour() -> None:
    """Logs and health are about now."""
    assert LogsState.read({}, NOW)[0].period.start == PipelineState.read({}, NOW)[0].period.start == "now-1h"
