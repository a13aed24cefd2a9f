"""The compose file is valid whatever profiles are chosen, as Docker Compose itself says."""

import json
from itertools import combinations

import pytest

from deploy.checks import settings_file
from deploy.checks.composed import OIDC, TLS, config, services
from services.cli.settings_catalogue import all_settings

pytestmark = [
    pytest.mark.inputs("deploy/docker-compose.*.yml", "deploy/.env", "*/settings.py"),
    pytest.mark.timeout(1200),
]
PROFILES = ("server", "embedded", "grafana", "postgres", "mail", "tools")
ALWAYS = {"migrate", "collector", "model-training", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard"}
ADDED = {
    "server": "clickhouse",
    "embedded": "clickhouse-embedded",
    "grafana": "grafana",
    "postgres": "postgres",
    "mail": "mail",
    "tools": "tools",
}


COMBINATIONS = [chosen for count in range(1, len(PROFILES) + 1) for chosen in combinations(PROFILES, count)]


@pytest.mark.parametrize("over", [(), (TLS,)], ids=["plain", "tls"])
@pytest.mark.parametrize("profiles", COMBINATIONS, ids="+".join)
def test_every_combination_of_profiles_is_valid(profiles, over):
    """Compose accepts it without a warning, and starts what each profile adds to the rest; with TLS too."""
    read = config(profiles, "--format", "json", over=over)
    assert (read.returncode, read.stderr) == (0, "")
    assert set(json.loads(read.stdout)["services"]) == ALWAYS | {ADDED[profile] for profile in profiles}


@pytest.mark.parametrize("over", [(OIDC,), (TLS, OIDC)], ids=["plain", "tls"])
def test_openid_connect_is_valid_over_both(over):
    """The dashboard gets its two files, and signs people in by them."""
    dashboard = services(PROFILES, over=over)["dashboard"]
    assert dashboard["environment"]["SIGHTGLASS_DASHBOARD_OIDC_FILE"] == "/run/secrets/oidc.toml"
    assert {"oidc.toml", "dashboard.token", "otlp.token"} <= {secret["source"] for secret in dashboard["secrets"]}


def test_with_tls_no_address_is_plain_and_every_listener_has_a_certificate():
    """Over the compose file, tls.yml leaves no http URL within the network but the Collector's health check."""
    found = services(PROFILES, over=(TLS,))
    for name, service in found.items():
        told = {**(service.get("environment") or {}), "health": " ".join(service["healthcheck"].get("test") or [])}
        plain = {variable: value for variable, value in told.items() if value and "http://" in value}
        # Ours ask by https where a certificate is set, which is what `--tls-of` says.
        follows = "--tls-of" in told["health"]
        assert set(plain) <= ({"health"} if name == "collector" or follows else set()), name
        if service.get("ports") or follows or name == "clickhouse":
            assert {"tls.key", "clickhouse.key"} & {secret["source"] for secret in service["secrets"]}, name
        if follows:
            prefix = service["healthcheck"]["test"][service["healthcheck"]["test"].index("--tls-of") + 1]
            assert told[f"{prefix}_TLS_CERT_FILE"] == "/run/secrets/tls.crt"
    assert '"tls"' in found["collector"]["environment"]["SIGHTGLASS_COLLECTOR_OVERLAYS"]
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" not in found["collector"]["environment"]
    for name in ("ml-api", "monitoring-api", "worker", "maintenance", "dashboard", "clickhouse-embedded", "tools"):
        assert found[name]["environment"]["OTEL_EXPORTER_OTLP_CERTIFICATE"] == "/run/secrets/ca.crt"
        assert found[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector:4318"


def test_every_setting_is_handed_on():
    """The file that names them is the one that is written now: `.venv/bin/python -m deploy.checks.settings_file`."""
    assert settings_file.FILE.read_text(encoding="utf-8") == settings_file.text()


@pytest.mark.parametrize("name", settings_file.SERVICES)
def test_what_is_set_reaches_every_process(name):
    """Each setting of a process is taken from who calls compose, but for what the compose file has to set itself."""
    settings = settings_file.names(name, all_settings())
    fixed = {variable for variable, value in services(PROFILES)[name]["environment"].items() if value is not None}
    given = services(PROFILES, env=dict.fromkeys(settings, "8001"))[name]["environment"]
    taken = {variable for variable in settings if given.get(variable) == "8001"}
    assert taken >= set(settings) - fixed
    assert len(taken) > 5
    # Nothing that is not set is there, not even empty.
    assert not [value for value in services(PROFILES)[name]["environment"].values() if value == ""]


def test_settings_that_people_choose_are_not_fixed():
    """Sign-in, hosts, limits, certificates and overlays are left to deploy/.env, or are asked from it."""
    chosen = {
        "SIGHTGLASS_DASHBOARD_SIGN_IN", "SIGHTGLASS_DASHBOARD_VIEWERS", "SIGHTGLASS_DASHBOARD_OPERATORS",
        "SIGHTGLASS_DASHBOARD_CONTACT", "SIGHTGLASS_DASHBOARD_OIDC_FILE", "SIGHTGLASS_ML_API_RATE_LIMIT",
        "SIGHTGLASS_MONITORING_API_RATE_LIMIT", "SIGHTGLASS_ML_API_TLS_CERT_FILE", "SIGHTGLASS_TLS_CA_FILE",
        "SIGHTGLASS_DASHBOARD_TLS_CERT_FILE", "SIGHTGLASS_MONITORING_API_TLS_CERT_FILE",
    }  # fmt: skip
    for service in services(PROFILES).values():
        told = service.get("environment") or {}
        assert {variable for variable in chosen if told.get(variable) is not None} == set()
    env = {"SIGHTGLASS_COLLECTOR_OVERLAYS": '["token","allow-list"]', "SIGHTGLASS_ML_API_PORT": "9002"}
    found = services(PROFILES, env=env)
    assert found["collector"]["environment"]["SIGHTGLASS_COLLECTOR_OVERLAYS"] == '["token","allow-list"]'
    assert [port["published"] for port in found["ml-api"]["ports"]] == ["9002"]
    assert found["ml-api"]["environment"]["SIGHTGLASS_ML_API_PORT"] == "8002"


def test_channels_secrets_reach_who_sends_and_nobody_else(tmp_path):
    """Variables of channels.env are the worker's, and theirs who test channels: the monitoring API, and tools."""
    file = tmp_path / "channels.env"
    file.write_text("SMTP_PASSWORD='$cret'\nSLACK_WEBHOOK_URL=https://hooks.example.org/x\n")
    found = services(PROFILES, env={"SIGHTGLASS_CHANNELS_FILE": str(file)})
    told = {name: service["environment"] for name, service in found.items() if service.get("environment")}
    holders = {name for name, environment in told.items() if "SMTP_PASSWORD" in environment}
    assert holders == {"monitoring-api", "tools", "worker"}
    # Compose doubles a dollar where it shows its configuration.
    assert told["worker"]["SMTP_PASSWORD"].replace("$$", "$") == "$cret"


def test_mails_of_the_demo_reach_the_worker_from_where_channels_are_tested():
    """Who sends and who tests go by the worker's name within the network, see its mails, and no port is published."""
    found = services(PROFILES)
    for name in ("worker", "monitoring-api", "tools"):
        assert found[name]["environment"]["SIGHTGLASS_WORKER_MAIL_HOST"] == "worker"
        mounts = {each["target"]: each.get("read_only", False) for each in found[name]["volumes"]}
        assert mounts["/var/lib/sightglass/mail"] is (name != "worker")
    assert not found["worker"].get("ports")


def test_the_alert_store_can_be_postgresql():
    """The worker waits for it where its profile is chosen; those who use alerts have its password, and nobody else."""
    url = "postgresql://sightglass@postgres/sightglass?password_file=/run/secrets/postgres.password"
    variables = ("SIGHTGLASS_WORKER_STORE_URL", "SIGHTGLASS_MONITORING_API_ALERT_STORE_URL")
    found = services(PROFILES, env=dict.fromkeys(variables, url))
    assert found["worker"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert found["worker"]["environment"][variables[0]] == found["tools"]["environment"][variables[0]] == url
    assert found["monitoring-api"]["environment"][variables[1]] == url
    holders = {
        name
        for name, service in found.items()
        if "postgres.password" in {secret["source"] for secret in service.get("secrets") or []}
    }
    assert holders == {"postgres", "worker", "monitoring-api", "tools"}
    assert not found["postgres"].get("ports")


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
