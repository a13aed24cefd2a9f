"""Who may do what at the ML API, route by route."""

import json

import pytest
from fastapi.testclient import TestClient

from services.ml_api.access import POLICY
from services.ml_api.app import create_app
from services.web.access.register import create_token
from services.web.access.scopes import ROLE_SCOPES, Role, Scope
from services.web.access.token_file import TokenFile
from tests.web.access.conftest import NOW, bearer
from tests.web.routes import every_route, filled

from .conftest import FLIGHT

PUBLIC = {("GET", "/healthz"), ("GET", "/readyz")}
NEEDED = {
    ("POST", "/v1/predict"): "read",
    ("POST", "/v1/predict/batch"): "read",
    ("POST", "/v1/labels"): "ingest-labels",
    ("POST", "/v1/models/{name}/promote"): "admin",
}
OTHERS = {"read": {Scope.OPERATE, Scope.INGEST_LABELS}, "ingest-labels": {Scope.READ, Scope.OPERATE}}
OTHERS["admin"] = {Scope.READ, Scope.OPERATE, Scope.INGEST_LABELS}


@pytest.fixture
def make(settings):
    """``make(*scopes)`` is headers with a token that has these."""
    names = iter("abcdefgh")

    def make(*scopes):
        file = TokenFile(settings.tokens_path())
        return bearer(
            create_token(file, next(names), scopes=frozenset(scopes), delegate=False, now=NOW, expires_at=None)[1]
        )

    return make


@pytest.fixture
def asking(telemetry, settings):
    """A client of the application, with tokens asked for."""
    app = create_app(settings.model_copy(update={"auth": "on"}))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_every_route_is_closed_without_a_token_and_with_the_wrong_scope(asking, make):
    """401 without; 403 with all scopes but the right one; neither with the right one. The health checks are open."""
    tokens = {needed: (make(Scope(needed)), make(*others)) for needed, others in OTHERS.items()}
    routes = every_route(asking.app)
    assert set(NEEDED) <= set(routes)
    for method, path in routes:
        url = filled(path)
        if (method, path) in PUBLIC:
            assert asking.request(method, url).status_code == 200
            continue
        needed = NEEDED.get((method, path), "read" if method in {"GET", "HEAD"} else "admin")
        right, wrong = tokens[needed]
        assert asking.request(method, url).status_code == 401, url
        refused = asking.request(method, url, headers=wrong)
        assert refused.status_code == 403, url
        if method != "HEAD":
            assert f"scope {needed}" in refused.json()["detail"]
        assert asking.request(method, url, headers=right).status_code not in {401, 403}, url


def test_the_table_names_every_route_that_changes_something_and_none_that_is_not_there(asking):
    """What a person reads in it is what there is."""
    routes = set(every_route(asking.app))
    listed = {(rule.method, rule.path) for rule in POLICY.rules}
    assert listed <= routes
    assert {route for route in routes if route[0] not in {"GET", "HEAD"}} <= listed


def test_a_token_works_and_a_promotion_is_written_down(asking, make, settings):
    """Prediction and label need their scopes only; a promotion stands in the audit log with its version."""
    predicted = asking.post("/v1/predict", json={"features": FLIGHT}, headers=make(*ROLE_SCOPES[Role.VIEWER]))
    assert predicted.status_code == 200
    label = {"prediction_id": predicted.json()["prediction_id"], "label": "late", "observed_at": 1386517320}
    assert asking.post("/v1/labels", json={"labels": [label]}, headers=make(Scope.INGEST_LABELS)).status_code == 200
    active = predicted.json()["model"]["version"]
    path, admin = "/v1/models/flight-delay/promote", make(Scope.ADMIN)
    assert asking.post(path, json={"version": active}, headers=admin).status_code == 200
    assert asking.post(path, json={"version": "000000000000"}, headers=admin).status_code == 404
    assert asking.post(path, json={}, headers=admin).status_code == 422
    lines = [json.loads(line) for line in (settings.audit_folder() / "ml-api.jsonl").read_text().splitlines()]
    assert [(line["action"], line["target"], line["outcome"], line["status"]) for line in lines] == [
        ("model.promote", f"flight-delay/{active}", "ok", 200),
        ("model.promote", "flight-delay/000000000000", "failed", 404),
        ("model.promote", "flight-delay", "failed", 422),
    ]
