"""Which flights depart, and when, on the demo's clock."""

from datetime import datetime
from itertools import pairwise

import pytest

from services.cli.demo.clock import FlightClock
from services.cli.demo.schedule import Schedule
from services.ml_api.dataset import load_dataset
from services.ml_api.flights import FlightTable

START = 1_700_000_000.0


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The real flights."""
    return FlightTable(load_dataset(tmp_path_factory.mktemp("flights")))


@pytest.fixture(scope="module")
def schedule(table):
    """The timetable of a demo first started at START."""
    return Schedule(table, FlightClock(START))


def test_an_hour_shows_every_flight_of_a_flight_day(schedule, table):
    """The departures of one hour are the flights of one day, each once, in order."""
    departures = list(schedule.departures(START - 3600, START))
    assert len(departures) == table.count(datetime(2013, 12, 7), datetime(2013, 12, 8))
    assert len({departure.flight.key for departure in departures}) == len(departures)
    moments = [departure.at for departure in departures]
    assert moments == sorted(moments)


def test_stretches_join_without_gap_or_overlap(schedule):
    """Asked in pieces, the same flights come as asked at once: nothing twice, nothing left out."""
    whole = [departure.seed for departure in schedule.departures(START - 7200, START)]
    cuts = [START - 7200, START - 5000.3, START - 3600, START - 3599.9, START]
    pieces = [departure.seed for start, end in pairwise(cuts) for departure in schedule.departures(start, end)]
    assert pieces == whole


def test_labels_fall_due_after_the_prediction_or_never(schedule):
    """A flight that arrived is due after it was predicted; one that was cancelled is never due."""
    departures = list(schedule.departures(START - 86_400, START))
    assert all(departure.due >= departure.at for departure in departures if departure.due is not None)
    never = [departure for departure in departures if departure.due is None]
    assert never
    assert all(departure.flight.label is None for departure in never)


def test_seeds_are_the_same_each_time_and_differ_between_folders(schedule, table):
    """A repeated chunk gets the same ids; another data folder gets others."""
    again = Schedule(table, FlightClock(START))
    other = Schedule(table, FlightClock(START + 1))
    first = next(schedule.departures(START - 3600, START)).seed
    assert next(again.departures(START - 3600, START)).seed == first
    assert next(other.departures(START - 3599, START + 1)).seed != first
