"""Certificates that this process trusts."""

import ssl

import pytest
import trustme


@pytest.fixture
def trusted_context(tmp_path, monkeypatch):
    """Make a server's TLS context for a host name; its authority is the only one that this process trusts."""

    def make(host: str) -> ssl.SSLContext:
        authority = trustme.CA()
        trusted = tmp_path / "authority.pem"
        authority.cert_pem.write_to_path(str(trusted))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host).configure_cert(context)
        return context

    return make
