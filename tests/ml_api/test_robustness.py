"""Whatever is sent, the answer is never a server error."""

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ml_api.app import create_app
from services.ml_api.settings import MlApiSettings
from sightglass.testing import in_memory_telemetry
from tests.ml_api.conftest import FLIGHT

PATHS = ("/v1/predict", "/v1/predict/batch", "/v1/labels")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(list(FLIGHT.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def client(models_dir, tmp_path_factory):
    """One application for all examples."""
    data_dir = tmp_path_factory.mktemp("data")
    with in_memory_telemetry("ml-api"):
        app = create_app(MlApiSettings(_env_file=None, data_dir=data_dir, models_dir=models_dir))
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            yield client


def check(response):
    """A success, or a problem document that is the caller's fault."""
    assert response.status_code == 200 or 400 <= response.status_code < 500, response.text
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["errors"]


@QUICK
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200))
def test_any_bytes(client, path, body):
    """Bytes that nobody meant."""
    check(client.post(path, content=body, headers={"content-type": "application/json"}))


@QUICK
@given(path=st.sampled_from(PATHS), body=VALUES)
def test_any_json(client, path, body):
    """JSON of any shape, with NaN, surrogates and huge numbers in it."""
    check(client.post(path, content=json.dumps(body), headers={"content-type": "application/json"}))


@QUICK
@given(field=st.sampled_from([*FLIGHT, "entity_id", "extra"]), value=VALUES)
def test_any_value_in_any_field(client, field, value):
    """A good request with one field replaced by anything."""
    features = {**FLIGHT, field: value} if field != "entity_id" else FLIGHT
    body = {"features": features} | ({"entity_id": value} if field == "entity_id" else {})
    check(client.post("/v1/predict", content=json.dumps(body), headers={"content-type": "application/json"}))


@QUICK
@given(field=st.sampled_from(["prediction_id", "label", "observed_at"]), value=VALUES)
def test_any_value_in_any_label(client, field, value):
    """A good label with one field replaced by anything."""
    label = {"prediction_id": "abc", "label": "late", "observed_at": 1386517320, field: value}
    check(
        client.post("/v1/labels", content=json.dumps({"labels": [label]}), headers={"content-type": "application/json"})
    )


@QUICK
@given(target=st.binary(max_size=60))
def test_any_path_and_query(client, target):
    """Paths and queries of any bytes, percent-encoded."""
    encoded = "".join(f"%{byte:02X}" for byte in target)
    for url in (f"/{encoded}", f"/v1/models?{encoded}=1", f"/v1/models?x={encoded}"):
        response = client.get(url)
        assert response.status_code < 500
