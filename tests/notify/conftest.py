"""Certificates that this process trusts."""

import shutil
import ssl
import subprocess

import pytest


@pytest.fixture
def trusted_context(tmp_path, monkeypatch):
    """Make a server's TLS context for a host name; its certificate is the only one that this process trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the test's certificate")

    def make(host: str) -> ssl.SSLContext:
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
        made += ["-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    return make
