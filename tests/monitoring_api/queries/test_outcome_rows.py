"""Rows that were joined before stand for those joined anew, also as of a time and with conditions on features."""

import random
from datetime import timedelta

import pytest

from services.monitoring_api.queries import outcome_rows as reading
from services.monitoring_api.queries.feature_values import feature_text
from services.monitoring_api.queries.filters import equal
from services.monitoring_api.queries.outcome_rows import outcome_rows
from services.monitoring_api.queries.outcomes import COLUMNS, JOINED_ROWS, Outcomes
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.maintenance.test_outcomes import END, LATER, START, maintain
from tests.monitoring_api.store import label, prediction

pytestmark = pytest.mark.anyio
SPAN = TimeRange(epoch_ns(START + timedelta(minutes=7)), epoch_ns(END))
CARRIER = (feature_text("'carrier'"), equal("carrier", '"UA"'))
TIMES = [START + timedelta(hours=hours) for hours in (1, 20, 40, 60, 80, 100)]


@pytest.fixture(scope="module")
async def judged(_engine):
    """Predictions whose labels came later, a third of them corrected later still, and one that nobody looked at yet."""
    _engine.empty()
    chance = random.Random(7)
    rows = []
    for number in range(400):
        at = START + chance.random() * (END - START)
        carrier = chance.choice(["UA", "DL"])
        rows.append(prediction(at, prediction_id=f"p{number}", score=chance.random(), features={"carrier": carrier}))
        for turn in range(chance.choice([0, 1, 1, 2])):
            came = at + timedelta(hours=10 * (turn + 1) * chance.random())
            rows.append(label(came, f"p{number}", chance.choice(["late", "on_time"])))
    _engine.insert("otel_logs", rows)
    await maintain(_engine)
    _engine.insert("otel_logs", [label(END, "p5", "late"), label(LATER, "p6", "on_time")])
    return _engine


@pytest.fixture(scope="module")
def anyio_backend():
    """The event loop of this module's store."""
    return "asyncio"


async def rows_of(store, outcomes):
    """The rows as they are found, and where."""
    found = await outcome_rows(store, outcomes)
    sql = f"SELECT {COLUMNS} FROM {found.sql} ORDER BY PredictionId"
    return store.rows(sql, {**outcomes.parameters(), **found.parameters}), found.source


def anew(store, outcomes):
    """The rows joined anew."""
    sql = f"SELECT {COLUMNS} FROM {JOINED_ROWS.replace('{when}', outcomes.when())} ORDER BY PredictionId"
    return store.rows(sql, outcomes.parameters())


@pytest.mark.parametrize("at", TIMES)
async def test_as_of_a_time_prepared_rows_say_what_was_known(judged, at):
    """Labels that came later are taken off, corrections since are undone, and a label is seen that none looked at."""
    asked = Outcomes("flight-delay", SPAN, as_of_ns=epoch_ns(at))
    found, source = await rows_of(judged, asked)
    assert found == anew(judged, asked)
    assert source == "mixed"
    assert any(query.sql.count("label_marks") for query in judged.asked)


@pytest.mark.parametrize("at", [None, TIMES[2]])
async def test_conditions_on_features_choose_among_prepared_rows(judged, at):
    """Prepared rows of the predictions that meet the condition, now and as of a time."""
    asked = Outcomes("flight-delay", SPAN, conditions=(CARRIER,), as_of_ns=None if at is None else epoch_ns(at))
    found, source = await rows_of(judged, asked)
    assert found == anew(judged, asked)
    assert 20 < len(found) < 300
    assert source == "mixed"


async def test_many_corrections_are_joined_anew(judged, monkeypatch):
    """Where more were corrected since than a statement can name, all predictions are joined anew."""
    monkeypatch.setattr(reading, "_MOST_CORRECTED", 1)
    asked = Outcomes("flight-delay", SPAN, as_of_ns=epoch_ns(TIMES[2]))
    found, source = await rows_of(judged, asked)
    assert (found, source) == (anew(judged, asked), "raw")
