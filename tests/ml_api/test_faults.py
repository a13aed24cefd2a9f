"""Faults that a file plants in weather lookups."""

import asyncio
import time

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.faults import Faults, FaultsFile, FaultyLookup, WeatherFault, WeatherStoreError, write_faults
from services.ml_api.weather import WeatherTable
from services.ml_api.weather_lookup import TableLookup
from tests.ml_api.conftest import FLIGHT

TABLE = WeatherTable({}, {"LGA": {"temperature": 50.0}, "JFK": {"temperature": 40.0}})


@pytest.fixture
def faulty(tmp_path):
    """A lookup, and a way to plant."""
    path = tmp_path / "demo" / "faults.json"
    lookup = FaultyLookup(TableLookup(), FaultsFile(path))
    return lookup, path


def took(lookup, origin):
    """Look one hour up; the seconds it took."""
    before = time.monotonic()
    (found,) = asyncio.run(lookup.look_up(TABLE, [(origin, 0)]))
    assert found is TABLE.assumed(origin)
    return time.monotonic() - before


def test_one_airport_is_slow_while_the_file_says_so(faulty):
    """The delay is that airport's only, begins when the file appears and ends with it."""
    lookup, path = faulty
    assert took(lookup, "LGA") < 0.1
    write_faults(path, Faults(weather=WeatherFault(origins=("LGA",), delay_seconds=0.2)))
    assert took(lookup, "LGA") >= 0.2
    assert took(lookup, "JFK") < 0.1
    path.unlink()
    assert took(lookup, "LGA") < 0.1


def test_it_can_fail(faulty):
    """Then the lookup raises, which is what a request survives."""
    lookup, path = faulty
    write_faults(path, Faults(weather=WeatherFault(fails=True)))
    with pytest.raises(WeatherStoreError):
        took(lookup, "JFK")


def test_a_part_of_the_lookups_can_be_concerned(faulty):
    """About so many as the share says, and neither all nor none."""
    lookup, path = faulty
    write_faults(path, Faults(weather=WeatherFault(share=0.5, fails=True)))
    failed = 0
    for _ in range(200):
        try:
            took(lookup, "JFK")
        except WeatherStoreError:
            failed += 1
    assert 60 < failed < 140


@pytest.mark.parametrize("text", ["{", '{"weather": {"delay_seconds": -1}}', '{"wether": {}}', ""])
def test_a_file_that_is_not_one_of_faults_plants_none(faulty, text, caplog):
    """It is told in the log, and predictions go on."""
    lookup, path = faulty
    path.parent.mkdir()
    path.write_text(text)
    assert took(lookup, "LGA") < 0.1
    assert "no faults are planted" in caplog.text


def test_the_setting_plants_them_in_the_application(telemetry, settings, tmp_path):
    """With the setting a failing store makes predictions of medians, and says why in the trace."""
    path = tmp_path / "faults.json"
    write_faults(path, Faults(weather=WeatherFault(fails=True)))
    app = create_app(settings.model_copy(update={"faults_file": path}))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.post("/v1/predict", json={"features": FLIGHT}).json()["features_source"] == "fallback"
        path.unlink()
        assert client.post("/v1/predict", json={"features": FLIGHT}).json()["features_source"] == "store"
    first, _ = (span for span in telemetry.spans if span.name == "weather.lookup")
    assert [event.name for event in first.events] == ["exception", "weather.fallback"]
