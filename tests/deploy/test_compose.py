"""What the compose file promises about every container."""

import re
import tomllib

import pytest

from tests.deploy.compose_file import COMPOSE, DEPLOY, OIDC, TLS, document, services

ROOT = DEPLOY.parent
GUIDE = ROOT / "docs" / "MONITORING_DEPLOYMENT_GUIDE.md"
NAMES = sorted(services())
PUBLISHED = {
    "collector": {4317, 4318},
    "ml-api": {8002},
    "monitoring-api": {8003},
    "dashboard": {8501},
    "grafana": {3000},
    "mail": {8025},
}
RUNS_ONCE = {"migrate", "model-training", "tools"}


@pytest.mark.parametrize("name", NAMES)
def test_no_container_may_do_more_than_it_needs(name):
    """Every container runs without root, capabilities, new privileges and a root file system that can be written."""
    service = services()[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert "cap_add" not in service
    assert "network_mode" not in service
    assert list(service["networks"]) == ["sightglass"]


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_limited_and_watched(name):
    """Each has limits of memory, processor and processes, short logs, and a health check unless it runs once."""
    service = services()[name]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["logging"]["options"]["max-size"]
    if name in RUNS_ONCE:
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", NAMES)
def test_only_what_people_and_senders_reach_is_published_and_on_loopback(name):
    """Ports are published on 127.0.0.1 unless SIGHTGLASS_PUBLISH_HOST says otherwise, and ClickHouse's are not."""
    ports = services()[name].get("ports", [])
    assert {port["target"] for port in ports} == PUBLISHED.get(name, set())
    assert {port["host_ip"] for port in ports} <= {"${SIGHTGLASS_PUBLISH_HOST:-127.0.0.1}"}


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_files_and_never_variables(name):
    """A variable that is about a secret names a file; a secret that is used is declared, and comes from a file."""
    service = services()[name]
    for variable, value in service.get("environment", {}).items():
        if variable == "SIGHTGLASS_TOKEN":
            # Of whoever calls `run --rm tools`, and kept by no configuration.
            assert (name, value) == ("tools", None)
        elif re.search(r"PASSWORD|TOKEN|SECRET|SALT|_KEY", variable):
            assert re.search(r"_FILE$", variable), variable
            assert value.startswith(("/run/secrets/", "/var/lib/sightglass/tokens/")), variable
    used = {secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", [])}
    assert used <= set(document()["secrets"])


def test_caught_mails_are_the_worker_s_and_others_read_them():
    """The folder is a volume that only the worker writes, and the image has it, so that it belongs to its user."""
    mounts = {
        name: volume
        for name, service in services().items()
        for volume in service.get("volumes", [])
        if isinstance(volume, str) and volume.startswith("mails:")
    }
    assert mounts == {
        "worker": "mails:/var/lib/sightglass/mail",
        "monitoring-api": "mails:/var/lib/sightglass/mail:ro",
        "tools": "mails:/var/lib/sightglass/mail:ro",
    }
    assert "/var/lib/sightglass/mail " in (DEPLOY / "docker" / "python.Dockerfile").read_text()


def test_every_secret_is_made_by_the_script():
    """make-secrets.sh names each file that the compose file mounts."""
    script = (DEPLOY / "make-secrets.sh").read_text()
    for name, secret in document()["secrets"].items():
        assert secret["file"] == f"${{SIGHTGLASS_SECRETS_DIR:-./secrets}}/{name}"
        user = re.fullmatch(r"clickhouse-(collector|reader|maintainer|migrator)\.password", name)
        assert name in script or (user and user[1] in script), name


def test_images_of_others_are_pinned_by_a_tag_that_can_be_replaced_by_a_digest():
    """No image is `latest` but those that are built here; each of the others can be set by a variable."""
    for name, service in services().items():
        if "build" not in service:
            assert re.fullmatch(r"\$\{SIGHTGLASS_\w+_IMAGE:-[\w/.-]+:v?\d+\.[\w.-]+\}", service["image"]), name


def test_services_start_only_after_what_they_need():
    """Everything that asks ClickHouse waits for the migration; what sends telemetry waits for the Collector."""
    for name in ("monitoring-api", "worker", "maintenance"):
        needs = services()[name]["depends_on"]
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["collector"]["condition"] == "service_healthy"
    assert services()["ml-api"]["depends_on"]["model-training"]["condition"] == "service_completed_successfully"
    assert services()["collector"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for need in services()["migrate"]["depends_on"].values():
        assert need == {"condition": "service_healthy", "required": False}


def test_the_guide_names_every_variable_of_the_compose_file_with_its_default():
    """Its table in the shape "containers" has each variable that compose reads, and no other."""
    shape = GUIDE.read_text().split("\n## Shape 3")[1].split("\n## ")[0]
    told = dict(re.findall(r"^\| `(SIGHTGLASS_\w+)` \| `(.*?)` \|", shape, re.MULTILINE))
    read: dict[str, str] = {}
    for file in (COMPOSE, TLS, OIDC):
        for variable, default in re.findall(r"\$\{(SIGHTGLASS_\w+):-(.*?)\}", file.read_text()):
            read.setdefault(variable, default)
    assert told == read


def test_uv_is_the_one_of_the_set_up():
    """Images are built with the uv that the lock file is kept with."""
    pinned = re.search(r'^UV_VERSION = "(.+)"', (ROOT / "services/cli/bootstrap.py").read_text(), re.MULTILINE)
    assert pinned
    for dockerfile in (DEPLOY / "docker").glob("*.Dockerfile"):
        assert f"ARG UV_VERSION={pinned[1]}\n" in dockerfile.read_text(), dockerfile.name


def test_images_say_the_version_of_the_package():
    """The label of the version is the package's."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for dockerfile in (DEPLOY / "docker").glob("*.Dockerfile"):
        assert f"ARG VERSION={version}\n" in dockerfile.read_text(), dockerfile.name


def test_every_built_target_exists():
    """Each target that the compose file builds is a stage of its Dockerfile."""
    for name, service in services().items():
        if target := service.get("build", {}).get("target"):
            text = (ROOT / service["build"]["dockerfile"]).read_text()
            assert re.search(rf"^FROM runtime AS {re.escape(target)}$", text, re.MULTILINE), name


def test_the_file_says_which_commands_start_it():
    """The commands at its top name the file itself and the script, which are there."""
    head = COMPOSE.read_text().split("\nname:")[0]
    assert "deploy/docker-compose.monitoring.yml" in head
    assert (ROOT / "deploy/make-secrets.sh").stat().st_mode & 0o111
