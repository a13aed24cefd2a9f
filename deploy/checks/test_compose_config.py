"""The compose file is valid whatever profiles are chosen, as Docker Compose itself says."""

from itertools import combinations

import pytest

from deploy.checks.composed import config, services

pytestmark = [
    pytest.mark.inputs("deploy/docker-compose.monitoring.yml", "deploy/.env"),
    pytest.mark.timeout(1200),
]
PROFILES = ("server", "embedded", "grafana", "mail", "tools")
ALWAYS = {"migrate", "collector", "model-training", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"}
ADDED = {
    "server": "clickhouse",
    "embedded": "clickhouse-embedded",
    "grafana": "grafana",
    "mail": "mail",
    "tools": "tools",
}


@pytest.mark.parametrize(
    "profiles",
    [chosen for count in range(1, len(PROFILES) + 1) for chosen in combinations(PROFILES, count)],
    ids="+".join,
)
def test_every_combination_of_profiles_is_valid(profiles):
    """Compose accepts it without a warning, and starts what each profile adds to the rest."""
    read = config(profiles, "--quiet")
    assert (read.returncode, read.stderr) == (0, "")
    assert set(services(profiles)) == ALWAYS | {ADDED[profile] for profile in profiles}


def test_without_a_profile_the_server_is_started():
    """deploy/.env chooses the profile `server`, and the environment can choose others."""
    assert set(services(())) == ALWAYS | {"clickhouse"}
    chosen = services((), env={"COMPOSE_PROFILES": "embedded,grafana"})
    assert set(chosen) == ALWAYS | {"clickhouse-embedded", "grafana"}


def test_ports_are_on_loopback_until_another_address_is_given():
    """Every published port has the address of SIGHTGLASS_PUBLISH_HOST."""

    def addresses(env):
        found = services(PROFILES, env=env).values()
        return {port["host_ip"] for service in found for port in service.get("ports") or []}

    assert addresses({}) == {"127.0.0.1"}
    assert addresses({"SIGHTGLASS_PUBLISH_HOST": "192.0.2.1"}) == {"192.0.2.1"}


def test_a_server_elsewhere_is_asked_by_all():
    """SIGHTGLASS_CLICKHOUSE_URL reaches every process that asks ClickHouse."""
    url = "https://db.example.org:8443"
    found = services(("grafana",), env={"SIGHTGLASS_CLICKHOUSE_URL": url})
    asking = {name for name, service in found.items() if url in (service.get("environment") or {}).values()}
    assert asking == {"migrate", "collector", "monitoring-api", "worker", "maintenance"}
