"""OTLP over TLS is checked with the authorities that OTEL_EXPORTER_OTLP_CERTIFICATE names."""

import ssl

import pytest

from sightglass.export.exporters import OtlpExporters
from sightglass.telemetry import Telemetry, adopt
from tests.certificates import Certificates
from tests.sightglass.receiver import running_receiver


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificates in a folder."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("trusted", [True, False])
def test_only_the_named_authority_vouches(certificates, monkeypatch, stock, trusted):
    """It does on a machine that names another to everybody in REQUESTS_CA_BUNDLE, and no other does."""
    named, elsewhere = (certificates.ca, certificates.other_ca)[:: 1 if trusted else -1]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(named))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(elsewhere))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    with running_receiver() as receiver:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates.cert, certificates.key)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.replace("http:", "https:"))
        with adopt(Telemetry("test", exporters=OtlpExporters(stock=stock), stock=stock)) as telemetry:
            with telemetry.tracer.start_as_current_span("work"):
                pass
            assert telemetry.flush(15) is trusted
            assert len(receiver.spans) == (1 if trusted else 0)
