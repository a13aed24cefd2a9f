"""The data set: complete, in order, and with the clocks right."""

# the data set is in local time without zone

from datetime import datetime, timedelta

import numpy as np
import pytest

from services.ml_api.dataset import load_dataset
from services.ml_api.flights import FlightTable

LATE_SHARES = [0.24, 0.24, 0.24, 0.29, 0.23, 0.32, 0.32, 0.25, 0.14, 0.18, 0.18, 0.34]


@pytest.fixture(scope="module")
def flights(dataset):
    """The flight table."""
    return FlightTable(dataset)


def test_every_flight_is_there_in_order(dataset):
    """336,776 flights, sorted by scheduled departure."""
    assert len(dataset.carrier) == 336_776
    assert (np.diff(dataset.scheduled_departure.astype(int)) >= 0).all()


def test_the_share_of_late_flights_per_month(dataset):
    """The label is what the airline statistics say: 15 or more minutes late on arrival."""
    months = dataset.scheduled_departure.astype("datetime64[M]").astype(int) % 12
    known = dataset.late >= 0
    shares = [float((dataset.late[known & (months == month)] == 1).mean()) for month in range(12)]
    assert shares == pytest.approx(LATE_SHARES, abs=0.006)


def test_cancelled_and_diverted_flights_have_no_label(dataset):
    """No arrival, no label: 2.8 % of all flights."""
    unknown = dataset.late < 0
    assert unknown.mean() == pytest.approx(0.028, abs=0.0005)
    assert (np.isnat(dataset.actual_arrival) == unknown).all()


def test_arrivals_are_new_york_times(dataset):
    """Time zones of destinations are undone: every planned flight takes between 50 minutes and 12 hours."""
    planned = (dataset.scheduled_arrival - dataset.scheduled_departure).astype(int)
    assert planned.min() >= 50
    assert planned.max() <= 720


def test_a_flight_as_a_row(flights):
    """A known flight: UA 1545 of 1 January left Newark for Houston and landed 11 minutes late."""
    day = flights.between(datetime(2013, 1, 1), datetime(2013, 1, 2))
    flight = next(row for row in day if row.plan.carrier == "UA" and row.flight_number == 1545)
    assert flight.key == "2013-01-01T05:15/UA/1545/EWR"
    assert flight.scheduled_departure == datetime(2013, 1, 1, 5, 15)
    # 8:19 in Houston is 9:19 in New York.
    assert flight.scheduled_arrival == datetime(2013, 1, 1, 9, 19)
    assert flight.actual_arrival == flight.scheduled_arrival + timedelta(minutes=11)
    assert flight.label == "on_time"
    assert flight.request_body() == {
        "features": {
            "carrier": "UA",
            "origin": "EWR",
            "dest": "IAH",
            "distance": 1400,
            "sched_dep": "2013-01-01T05:15",
        },
        "entity_id": "N14228",
    }


def test_ranges_are_half_open(flights):
    """Neighbouring ranges share no flight and lose none; an empty or inverted range has none."""
    start, middle, end = datetime(2013, 12, 8), datetime(2013, 12, 8, 12), datetime(2013, 12, 9)
    whole = [flight.key for flight in flights.between(start, end)]
    halves = [flight.key for part in ((start, middle), (middle, end)) for flight in flights.between(*part)]
    assert halves == whole
    assert flights.count(start, end) == len(whole) == len(set(whole)) > 800
    assert flights.count(end, start) == 0


def test_keys_are_unique(flights):
    """A key names one flight of the whole year."""
    keys = [flight.key for flight in flights.between(datetime(2013, 1, 1), datetime(2014, 1, 1))]
    assert len(set(keys)) == len(keys) == 336_776


def test_serving_finds_the_hour_that_training_used(dataset, flights):
    """From local time to UTC, across both changes of the clocks, serving and the data agree on the hour."""
    year = flights.between(datetime(2013, 1, 1), datetime(2014, 1, 1))
    assert [flight.plan.hour_utc() for flight in year] == dataset.scheduled_hour.tolist()


def test_a_damaged_cache_is_replaced(cache_folder, dataset, tmp_path):
    """A cut-off cache file is parsed anew, not trusted and not fatal."""
    (good,) = cache_folder.glob("*.npz")
    damaged = tmp_path / good.name
    damaged.write_bytes(good.read_bytes()[:1000])
    again = load_dataset(tmp_path)
    assert (again.late == dataset.late).all()
    assert damaged.stat().st_size == good.stat().st_size
