"""The embedded ClickHouse over TLS, and what it says where that can't be."""

import ssl

import httpx
import pytest

from services.embedded_clickhouse.process import CannotStartError, check_certificate
from tests.certificates import Certificates
from tests.embedded_clickhouse.server import EmbeddedServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates in a folder."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_pair_that_fits_is_taken(certificates):
    """A certificate with its key, or neither, is nothing to complain of."""
    check_certificate(certificates.cert, certificates.key)
    check_certificate(None, None)


def test_what_does_not_fit_is_named(certificates, tmp_path):
    """A file that can't be read, holds something else, or belongs to another certificate is named with its setting."""
    other = Certificates(tmp_path / "other")
    (tmp_path / "text.pem").write_text("no certificate")
    absent = tmp_path / "absent.pem"
    cases = [
        (absent, certificates.key, f"SIGHTGLASS_CLICKHOUSE_TLS_CERT_FILE={absent} can't be read: No such file"),
        (certificates.cert, tmp_path, f"SIGHTGLASS_CLICKHOUSE_TLS_KEY_FILE={tmp_path} can't be read: Is a directory"),
        (certificates.cert, other.key, "are not a PEM certificate and its unencrypted key"),
        (tmp_path / "text.pem", certificates.key, "are not a PEM certificate and its unencrypted key"),
    ]
    for cert, key, said in cases:
        with pytest.raises(CannotStartError) as error:
            check_certificate(cert, key)
        assert said in str(error.value)


@pytest.mark.integration
def test_half_a_pair_is_refused(certificates, tmp_path):
    """One file without the other ends the process at its start, naming the one that is missing."""
    server = EmbeddedServer(tmp_path / "data", env={"SIGHTGLASS_CLICKHOUSE_TLS_CERT_FILE": str(certificates.cert)})
    assert server.spawn().wait(30) == 1
    assert "SIGHTGLASS_CLICKHOUSE_TLS_KEY_FILE is missing" in server.log()
    assert "Traceback" not in server.log()


@pytest.mark.integration
def test_it_serves_https_alone(certificates, tmp_path):
    """With a certificate it answers by https, asks for a password there too, and speaks no plain HTTP."""
    server = EmbeddedServer(tmp_path / "data", env=certificates.served_by("CLICKHOUSE"))
    server.url = server.url.replace("http:", "https:")
    server.verify = ssl.create_default_context(cafile=certificates.ca)
    server.start()
    try:
        assert httpx.post(server.url, content="SELECT 1", verify=server.verify).status_code in {401, 403}
        password = (server.folder / "secrets" / "clickhouse-reader.password").read_text()
        answer = httpx.post(server.url, content="SELECT 1", auth=("reader", password), verify=server.verify)
        assert answer.text == "1\n"
        with pytest.raises(httpx.TransportError):
            httpx.get(server.url.replace("https:", "http:"))
    finally:
        server.stop()
