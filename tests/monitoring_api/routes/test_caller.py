"""Whose token it is: what the monitoring API tells its holder, and nobody else."""

from datetime import timedelta

import httpx
import pytest

from services.monitoring_api.app import create_app
from services.monitoring_api.settings import MonitoringApiSettings
from services.web.access.register import create_token, revoke_tokens
from services.web.access.scopes import ROLE_SCOPES, Role, Scope
from services.web.access.token_file import TokenFile
from tests.web.access.conftest import NOW, bearer

from .test_hostile_input import Silent

pytestmark = pytest.mark.anyio
PATH = "/api/v1/caller"
LATER = NOW + timedelta(days=36_500)


@pytest.fixture
def asking(tmp_path):
    """Asks an application whose tokens are in the folder: gives its answer."""

    async def asking(headers=None, auth="on", path=PATH):
        settings = MonitoringApiSettings(_env_file=None, data_dir=tmp_path, auth=auth)
        app = create_app(settings, database=Silent())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asking


@pytest.fixture
def make(tmp_path):
    """Makes a token: gives its record and the headers with it."""
    file = TokenFile(MonitoringApiSettings(_env_file=None, data_dir=tmp_path).tokens_path())

    def make(name, scopes, *, delegate=False, expires_at=None):
        made = create_token(file, name, scopes=scopes, delegate=delegate, now=NOW, expires_at=expires_at)
        return made[0], bearer(made[1])

    return make


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_is_told_its_name_and_what_it_may_do(asking, make, role):
    """Also one that may do nothing else here; nothing of the secret is in the answer, and no cache keeps it."""
    token, headers = make("ann", ROLE_SCOPES[role], expires_at=LATER)
    answer = await asking(headers)
    assert answer.json() == {
        "authenticated": True,
        "name": "ann",
        "role": str(role),
        "scopes": sorted(str(scope) for scope in ROLE_SCOPES[role]),
        "token_id": token.id,
        "expires_at": LATER.isoformat().replace("+00:00", "Z"),
        "on_behalf_of": None,
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_scopes_without_a_role_have_none(asking, make):
    """They are named all the same; without an end there is none."""
    _, headers = make("odd", frozenset({Scope.READ, Scope.INGEST_LABELS}))
    said = (await asking(headers)).json()
    assert (said["role"], said["scopes"], said["expires_at"]) == (None, ["ingest-labels", "read"], None)


async def test_a_delegate_is_told_for_whom_it_asks_and_what_both_may(asking, make):
    """An operator's token for an administrator is an operator; without a user it is itself."""
    _, headers = make("dashboard", ROLE_SCOPES[Role.OPERATOR], delegate=True)
    for role, allowed in (("viewer", "viewer"), ("operator", "operator"), ("admin", "operator")):
        said = (await asking({**headers, "x-sightglass-user": "ann@example.org", "x-sightglass-role": role})).json()
        assert (said["name"], said["on_behalf_of"], said["role"]) == ("dashboard", "ann@example.org", allowed)
    assert (await asking(headers)).json()["on_behalf_of"] is None


async def test_nobody_else_is_told_anything(asking, make, tmp_path):
    """401 without a token, with a wrong, an expired and a revoked one."""
    token, headers = make("ann", ROLE_SCOPES[Role.VIEWER])
    _, expired = make("old", ROLE_SCOPES[Role.VIEWER], expires_at=NOW)
    revoke_tokens(TokenFile(tmp_path / "secrets" / "tokens.json"), "ann", NOW)
    for refused in ({}, bearer("x"), bearer(f"sgt_{token.id}_{'A' * 43}"), expired, headers):
        answer = await asking(refused)
        assert answer.status_code == 401
        assert token.id not in answer.text


async def test_an_api_that_asks_for_no_token_says_so(asking, make):
    """Whatever token is sent: it was not looked at, so it names nobody."""
    _, headers = make("ann", ROLE_SCOPES[Role.VIEWER])
    for sent in ({}, headers, bearer("made-up")):
        said = (await asking(sent, auth="auto")).json()
        assert (said["authenticated"], said["name"], said["token_id"]) == (False, "anonymous", None)
        assert said["scopes"] == sorted(Scope)


async def test_it_takes_no_parameters(asking, make):
    """One that is not known is refused by its name, as everywhere."""
    _, headers = make("ann", ROLE_SCOPES[Role.VIEWER])
    answer = await asking(headers, path=f"{PATH}?who=bob")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "who")


async def test_the_document_says_that_a_token_is_needed_and_no_scope(asking, make):
    """With the answer's every field described."""
    _, headers = make("ann", ROLE_SCOPES[Role.VIEWER])
    document = (await asking(headers, path="/openapi.json")).json()
    operation = document["paths"][PATH]["get"]
    assert operation["security"] == [{"bearer": []}]
    assert "x-required-scope" not in operation
    fields = document["components"]["schemas"]["CallerAnswer"]["properties"]
    assert all(field.get("description") for field in fields.values())
    assert set(fields) == {"authenticated", "name", "role", "scopes", "token_id", "expires_at", "on_behalf_of"}
