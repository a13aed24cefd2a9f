"""Certificates of one's own, and where ClickHouse's server looks for its own."""

import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest
import yaml

from deploy.checks.tools import lack
from tests.deploy.compose_file import DEPLOY, TLS

SCRIPT = DEPLOY / "make-certificates.sh"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of certificates for two more names, and who owns them."""
    if shutil.which("openssl") is None:
        lack("openssl is missing: apt-get install openssl")
    folder = tmp_path_factory.mktemp("certificates") / "tls"
    owner = f"{folder.parent.stat().st_uid}:{folder.parent.stat().st_gid}"
    # ClickHouse's user of the image is another, which only root can give files to.
    words = [SCRIPT, folder, owner, "monitor.example.org", "192.0.2.7"]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return folder, words


@pytest.mark.parametrize(
    "name", ["monitor.example.org", "collector", "ml-api", "monitoring-api", "dashboard", "clickhouse"]
)
def test_the_authority_vouches_for_every_name(made, name):
    """Both certificates are good for the services' names and for those that were asked for, and for no other."""
    folder, _ = made
    for certificate in ("tls.crt", "clickhouse.crt"):
        verify = ["openssl", "verify", "-CAfile", folder / "ca.crt", "-verify_hostname"]
        assert subprocess.run([*verify, name, folder / certificate], check=False, capture_output=True).returncode == 0
        other = subprocess.run([*verify, "else.example.org", folder / certificate], check=False, capture_output=True)
        assert other.returncode != 0


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.7", "::1"])
def test_addresses_are_vouched_for_too(made, address):
    """This machine's, and one that was asked for."""
    folder, _ = made
    verify = ["openssl", "verify", "-CAfile", folder / "ca.crt", "-verify_ip", address, folder / "tls.crt"]
    assert subprocess.run(verify, check=False, capture_output=True).returncode == 0


def test_keys_are_private_and_nothing_is_made_twice(made):
    """Every key has mode 0600; a second run changes no file."""
    folder, words = made
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o600}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_clickhouse_serves_tls_only_with_the_files_that_compose_mounts():
    """Its plain port is closed, the same number speaks TLS, and certificate and key are its secrets."""
    server = ET.fromstring((DEPLOY / "clickhouse" / "tls.xml").read_text())  # noqa: S314 - our own file
    assert server.find("http_port").get("remove") == "1"
    assert server.findtext("https_port") == "8123"
    mounted = {
        f"/run/secrets/{secret}" for secret in yaml.safe_load(TLS.read_text())["services"]["clickhouse"]["secrets"]
    }
    named = {server.findtext(f"openSSL/server/{file}") for file in ("certificateFile", "privateKeyFile")}
    assert named == mounted
