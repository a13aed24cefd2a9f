"""Who may do what at the monitoring API, route by route."""

import httpx
import pytest

from services.monitoring_api.access import POLICY
from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.access.register import create_token
from services.web.access.scopes import Scope
from services.web.access.token_file import TokenFile
from tests.web.access.conftest import NOW, bearer
from tests.web.routes import every_route, filled

from .test_hostile_input import Silent

pytestmark = pytest.mark.anyio
PUBLIC = {("GET", "/healthz"), ("GET", "/readyz")}
ANY_TOKEN = {("GET", "/api/v1/caller")}
OPERATE = [
    ("GET", "/api/v1/audit"),
    ("POST", "/api/v1/alerts/{fingerprint}/acknowledge"),
    ("POST", "/api/v1/silences"),
    ("DELETE", "/api/v1/silences/{id}"),
    ("POST", "/api/v1/channels/{name}/test"),
    ("POST", "/api/v1/notifications/{id}/resend"),
]
NEEDED = {
    ("POST", "/api/v1/models/{name}/promote"): Scope.ADMIN,
    ("POST", "/api/v1/rules/{name}/backtest"): Scope.READ,
    ("POST", "/api/v1/rules/backtest"): Scope.READ,
    **dict.fromkeys(OPERATE, Scope.OPERATE),
}


@pytest.fixture
def application(tmp_path):
    """The application with tokens asked for, and ``make(*scopes)``: headers with a token that has these."""
    settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, auth="on", ml_api_url="http://127.0.0.1:1")
    names = iter("abcdefgh")

    def make(*scopes):
        file = TokenFile(settings.tokens_path())
        made = create_token(file, next(names), scopes=frozenset(scopes), delegate=False, now=NOW, expires_at=None)
        return bearer(made[1])

    return create_app(settings, database=Silent()), make


async def test_every_route_is_closed_without_a_token_and_with_the_wrong_scope(application):
    """401 without; 403 with all scopes but the right one; neither with the right one.

    The health checks are open, and any token may ask whose it is.
    """
    app, make = application
    right = {scope: make(scope) for scope in (Scope.READ, Scope.OPERATE, Scope.ADMIN)}
    wrong = {
        Scope.READ: make(Scope.OPERATE, Scope.INGEST_LABELS),
        Scope.OPERATE: make(Scope.READ, Scope.INGEST_LABELS),
        Scope.ADMIN: make(Scope.READ, Scope.OPERATE, Scope.INGEST_LABELS),
    }
    routes = every_route(app)
    assert len(routes) > 8
    assert set(NEEDED) <= set(routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        for method, path in routes:
            url = filled(path)
            if (method, path) in PUBLIC:
                assert (await client.request(method, url)).status_code not in {401, 403}
                continue
            needed = NEEDED.get((method, path), Scope.READ if method in {"GET", "HEAD"} else Scope.ADMIN)
            assert (await client.request(method, url)).status_code == 401, url
            refused = await client.request(method, url, headers=wrong[needed])
            if (method, path) in ANY_TOKEN:
                assert refused.status_code == 200, url
                continue
            assert refused.status_code == 403, url
            if method != "HEAD":
                assert f"scope {needed}" in refused.json()["detail"]
            assert (await client.request(method, url, headers=right[needed])).status_code not in {401, 403}, url


async def test_the_table_names_every_route_that_changes_something_and_none_that_is_not_there(application):
    """What a person reads in it is what there is."""
    routes = set(every_route(application[0]))
    listed = {(rule.method, rule.path) for rule in POLICY.rules}
    assert listed <= routes
    assert {route for route in routes if route[0] not in {"GET", "HEAD"}} <= listed
