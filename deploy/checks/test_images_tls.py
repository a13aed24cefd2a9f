"""The images started with docker-compose.tls.yml: every listener by TLS, everybody checked by one authority."""

import json

import pytest

from deploy.checks.predicting import predicted, read_back

pytestmark = [
    pytest.mark.inputs(
        "pyproject.toml",
        "uv.lock",
        ".dockerignore",
        "sightglass",
        "services",
        "dashboard",
        "collector",
        "deploy",
        "docs/MONITORING_DEPLOYMENT_GUIDE.md",
    ),
    pytest.mark.timeout(2400),
]
LISTENERS = {"clickhouse": 8123, "collector": 4318, "ml-api": 8002, "monitoring-api": 8003, "dashboard": 8501}


def test_a_prediction_goes_the_whole_way_by_tls(tls_stack):
    """From image to image, each healthy by what the compose files say, with certificates of one authority."""
    prediction = predicted(tls_stack)
    assert prediction in json.dumps(read_back(tls_stack, prediction))


@pytest.mark.parametrize("name", LISTENERS)
def test_no_listener_answers_without_tls(tls_stack, name):
    """Plain HTTP gets no answer that is any use."""
    status, _ = tls_stack.network.ask("GET", f"http://{name}:{LISTENERS[name]}/")
    assert status in {0, 400}
    status, _ = tls_stack.network.ask("GET", f"https://{name}:{LISTENERS[name]}/")
    assert status not in {0, 400}


def test_the_doctor_in_tools_trusts_every_certificate(tls_stack):
    """It reaches each part by https, and its synthetic prediction comes through."""
    code, checks = tls_stack.examined()
    assert code == 0, checks
    assert checks["certificates"]["verdict"] == "ok"
    assert checks["certificates"]["found"].startswith("5 trusted")
    for name in ("clickhouse", "ml-api", "monitoring-api", "dashboard"):
        assert "https://" in checks[name]["found"], checks[name]
    for name in ("collector", "worker", "maintenance", "collector queue", "alert outbox", "synthetic prediction"):
        assert checks[name]["verdict"] == "ok", checks[name]
