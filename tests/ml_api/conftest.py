"""The real data set once per session, and a model trained on a small part of it."""

import shutil
import time

import pytest
from fastapi.testclient import TestClient

from services.ml_api.app import create_app
from services.ml_api.dataset import load_dataset
from services.ml_api.making import make_model
from services.ml_api.model_store import ModelStore
from services.ml_api.scoring import Predictor
from services.ml_api.settings import MlApiSettings
from sightglass.testing import in_memory_telemetry

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "ORD", "distance": 719, "sched_dep": "2013-12-08T07:15"}
# No weather was measured at any airport in this hour.
FLIGHT_WITHOUT_WEATHER = {**FLIGHT, "sched_dep": "2014-06-01T12:00"}


def wait_until(condition, seconds=10):
    """Poll until `condition` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory):
    """A folder for the parsed data set."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def dataset(cache_folder):
    """The whole data set."""
    return load_dataset(cache_folder)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory, cache_folder):
    """A models folder with one model, made from every 20th flight."""
    folder = tmp_path_factory.mktemp("models")
    make_model(folder, cache_folder=cache_folder, every=20)
    return folder


@pytest.fixture(scope="session")
def predictor(models_dir):
    """That model, loaded."""
    return Predictor.load(models_dir)


@pytest.fixture(scope="session")
def two_versions(tmp_path_factory, cache_folder, models_dir):
    """A models folder with two versions, and their names: the active one first."""
    folder = tmp_path_factory.mktemp("versions") / "models"
    shutil.copytree(models_dir, folder)
    active = ModelStore(folder).active()
    other = make_model(folder, cache_folder=cache_folder, every=25, activate=False).card.version
    assert other != active
    return folder, active, other


@pytest.fixture
def versions(two_versions, tmp_path):
    """A copy of them for one test."""
    folder, active, other = two_versions
    shutil.copytree(folder, tmp_path / "models")
    return tmp_path / "models", active, other


@pytest.fixture
def telemetry():
    """Telemetry in memory."""
    with in_memory_telemetry("ml-api") as telemetry:
        yield telemetry


@pytest.fixture
def settings(models_dir, tmp_path):
    """Settings that touch nothing outside of temporary folders."""
    return MlApiSettings(_env_file=None, data_dir=tmp_path, models_dir=models_dir)


@pytest.fixture
def client(telemetry, settings):
    """A client of the real application."""
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client
