"""A page's state and its URL are one."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dashboard.states.alerts import SECTIONS, AlertsState
from dashboard.states.history import (
    COMPARISONS,
    LASTING,
    LONGEST_NAME,
    PANELS,
    SIDES,
    WINDOWS,
    HistoryState,
    RuleChoice,
)
from dashboard.states.overview import OverviewState
from dashboard.time_range import PRESETS, STEPS, TimeRange, rfc3339

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))
custom = st.tuples(moments, moments).filter(lambda ends: rfc3339(ends[0]) < rfc3339(ends[1]))
periods = st.one_of(
    st.sampled_from([TimeRange(start) for start in PRESETS]),
    custom.map(lambda ends: TimeRange(rfc3339(ends[0]), rfc3339(ends[1]))),
    st.just(TimeRange("now-48h", "now-24h")),
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
words = st.text(min_size=1, max_size=60)
keys = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)


@given(
    st.builds(
        HistoryState,
        metric=words,
        period=periods,
        zone=zones,
        step=st.sampled_from(["auto", *STEPS, "30m"]),
        group_by=st.lists(keys, unique=True, max_size=4).map(tuple),
        filters=st.lists(words, unique=True, max_size=5).map(tuple),
        also=st.lists(words, unique=True, max_size=3).map(tuple),
        compare=st.sampled_from(COMPARISONS),
        log=st.booleans(),
        bands=st.booleans(),
        markers=st.booleans(),
        panel=st.sampled_from(PANELS),
        threshold=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        rule=st.builds(
            RuleChoice,
            side=st.sampled_from(SIDES),
            window=st.sampled_from(WINDOWS),
            lasting=st.sampled_from(LASTING),
            name=st.text(max_size=LONGEST_NAME),
        ),
    ).filter(lambda state: state.metric not in state.also)
)
def test_history_survives_its_url(state: HistoryState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert HistoryState.read(state.query(), NOW) == (state, [])


@given(st.builds(OverviewState, period=periods, zone=zones, service=st.text(max_size=60)))
def test_overview_survives_its_url(state: OverviewState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert OverviewState.read(state.query(), NOW) == (state, [])


@given(
    st.builds(
        AlertsState,
        section=st.sampled_from(SECTIONS),
        alert=st.text(max_size=60),
        rule=st.text(max_size=60),
        channel=st.text(max_size=60),
        delivery=st.text(max_size=60),
        period=periods,
        zone=zones,
    )
)
def test_alerts_survive_their_url(state: AlertsState) -> None:
    """Whatever is chosen, the parameters reproduce it exactly."""
    assert AlertsState.read(state.query(), NOW) == (state, [])


def test_a_section_that_there_is_not_is_reported() -> None:
    """The page opens with its first section."""
    state, (complaint,) = AlertsState.read({"section": ["secrets"], "alert": ["a"]}, NOW)
    assert state == AlertsState(alert="a")
    assert complaint.startswith("section: 'secrets' is none of alerts, silences")


def test_a_bare_url_shows_the_last_day() -> None:
    """Without parameters: the last 24 hours, in UTC."""
    state, complaints = HistoryState.read({}, NOW)
    assert (state.period, state.zone, complaints) == (TimeRange("now-24h", "now"), "UTC", [])


def test_what_cannot_be_read_is_reported_and_replaced() -> None:
    """A mistyped link opens with defaults and says what it could not read."""
    query = {"from": ["yesterday"], "tz": ["Mars/Olympus"], "step": ["fast"], "metric": ["x"]}
    query |= {"rule_side": ["left"], "rule_window": ["2m"], "rule_for": ["ever"]}
    state, complaints = HistoryState.read(query, NOW)
    assert state == HistoryState(metric="x")
    wrong = [complaint.split(":")[0] for complaint in complaints]
    assert wrong == ["from and to", "tz", "step", "rule_side", "rule_window", "rule_for"]


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("from", "to", "tz", "step", "metric", "group_by", "filter", "service", "compare", "panel"),
                *("threshold", "rule_side", "rule_window", "rule_for", "rule_name"),
            ]
        ),
        st.lists(st.text(max_size=600), max_size=3),
    )
)
def test_no_url_is_too_strange(query: dict[str, list[str]]) -> None:
    """Any text in any parameter gives a state, and that state can be asked for."""
    for kind in (HistoryState, OverviewState):
        state, _ = kind.read(query, NOW)
        state.period.bounds(NOW)
        assert kind.read(state.query(), NOW)[0] == state
