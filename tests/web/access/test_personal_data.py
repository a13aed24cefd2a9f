"""What is kept of people stands in docs/security.md."""

import re
from pathlib import Path

import yaml
from fastapi.testclient import TestClient

from services.web.access.scopes import Role
from sightglass import instrument
from sightglass.testing import in_memory_telemetry
from tests.web.access.test_gate import FOR_ANN, audited
from tests.web.conftest import build_app

from .conftest import bearer

ROOT = Path(__file__).parents[3]
# What a request's span says of who sends it, and of what they ask.
PERSONAL = re.compile(r"(client|user_agent|url)\.(address|original|path|query)")


def documented():
    """The part on personal data."""
    return (ROOT / "docs" / "security.md").read_text().partition("## Personal data")[2].partition("\n## ")[0]


def test_spans_and_audit_log_keep_of_people_what_the_table_says(tmp_path, make):
    """Address, port and browser in the span; the token's name, the user and the address in the audit log."""
    _, token = make("dashboard", Role.OPERATOR, delegate=True)
    with in_memory_telemetry("things") as telemetry:
        app = build_app(tmp_path, auth="on")
        instrument(app, service_name="things")
        with TestClient(app, base_url="http://localhost", client=("203.0.113.7", 4711)) as client:
            assert client.post("/poke?a=b", headers={**bearer(token, **FOR_ANN), "user-agent": "Mine/1"}).is_success
        (span,) = telemetry.spans
    kept = {name: value for name, value in span.attributes.items() if PERSONAL.fullmatch(name)}
    assert kept == {
        "client.address": "203.0.113.7",
        "user_agent.original": "Mine/1",
        "url.path": "/poke",
        "url.query": "a=b",
    }
    assert span.attributes["client.port"] == 4711
    assert all(f"`{name}`" in documented() for name in kept)
    (line,) = audited(tmp_path)
    assert (line["actor"], line["on_behalf_of"], line["client"]) == ("dashboard", "Ann Müller", "203.0.113.7")


def test_the_allow_list_leaves_out_what_the_table_says():
    """Nothing of the client and no query passes; the browser does."""
    overlay = yaml.safe_load((ROOT / "collector" / "config.allow-list.yaml").read_text())
    allowed = [re.compile(pattern) for pattern in overlay["processors"]["redaction/allow"]["ignored_key_patterns"]]
    passing = {
        name
        for name in ("client.address", "client.port", "url.query", "url.path", "user_agent.original")
        if any(pattern.search(name) for pattern in allowed)
    }
    assert passing == {"url.path", "user_agent.original"}
    assert "`client.*` and `url.query`" in documented()
