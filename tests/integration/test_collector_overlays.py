"""The shipped overlays do what they are for."""

import json
import ssl
import urllib.error
import urllib.request

import pytest
import trustme

from tests.collector import otlp
from tests.collector.pipeline import Pipeline

pytestmark = pytest.mark.integration


def test_the_allow_list_keeps_known_attributes_only(tmp_path):
    """Unknown attributes go, wherever they are; ours, the standard ones and bodies of predictions stay."""
    with Pipeline(tmp_path, overlays=["allow-list"]) as pipeline:
        pipeline.start()
        attributes = {"http.route": "/x", "ml.model.name": "m", "customer": "ACME", "tier": 3}
        resource = {"service.instance.id": "i", "owner": "ACME"}
        span = otlp.span(1, attributes=attributes)
        otlp.send(pipeline.otlp, otlp.spans(span, resource=resource, scope={"team": "ACME"}))
        body = {"features": {"customer": "kept", "n": 1, "t": True}, "scores": {"late": 0.5}}
        otlp.send(
            pipeline.otlp,
            otlp.logs(
                otlp.prediction("a", body, customer="ACME"),
                otlp.prediction("b", json.dumps(body)),
                otlp.log({"message": "ACME"}, attributes=attributes),
                resource=resource,
            ),
        )
        pipeline.wait_for("SELECT count() FROM otel_traces", "1")
        pipeline.wait_for("SELECT count() FROM otel_logs WHERE ServiceName = 'tests'", "3")
        columns = "SpanAttributes AS s, ResourceAttributes AS r"
        assert json.loads(pipeline.query(f"SELECT {columns} FROM otel_traces FORMAT JSONEachRow")) == {
            "s": {"http.route": "/x", "ml.model.name": "m"},
            "r": {"service.name": "tests", "service.instance.id": "i"},
        }
        assert "ACME" not in pipeline.query("SELECT * FROM otel_logs")
        features = pipeline.query("SELECT DISTINCT JSONExtractRaw(Features, 'customer'), Scores FROM predictions")
        assert features == "\"kept\"\t{'late':0.5}"
        own = (
            "SELECT count() > 0 FROM otel_metrics_sum "
            "WHERE MetricName = 'otelcol_receiver_accepted_spans' AND mapContains(Attributes, 'receiver')"
        )
        pipeline.wait_for(own, "1")


def test_only_a_token_over_tls_gets_in(tmp_path, monkeypatch):
    """Without TLS or with a wrong token nothing gets in; with both spans arrive; its own metrics need neither."""
    certificate, key, trusted, token = (tmp_path / name for name in ("tls.crt", "tls.key", "ca.crt", "ingest.token"))
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    token.write_text("right-token\n")
    overlays = ["token", "tls", "production"]
    with Pipeline(tmp_path, overlays=overlays, clickhouse_compress="gzip", token_file=token) as pipeline:
        for name, value in (
            ("TLS_CERT_FILE", certificate),
            ("TLS_KEY_FILE", key),
            ("SELF_PORT", pipeline.ports["self"]),
        ):
            monkeypatch.setenv(f"SIGHTGLASS_COLLECTOR_{name}", str(value))
        pipeline.start()

        def send(scheme, bearer):
            request = urllib.request.Request(
                f"{scheme}://127.0.0.1:{pipeline.ports['http']}/v1/traces",
                otlp.spans(otlp.span(1)).SerializeToString(),
                {"Content-Type": "application/x-protobuf", "Authorization": f"Bearer {bearer}"},
            )
            checked = ssl.create_default_context(cafile=str(trusted))
            with urllib.request.urlopen(request, timeout=10, context=checked) as answer:
                return answer.status

        for scheme, bearer, expected in (("http", "right-token", 400), ("https", "wrong-token", 401)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                send(scheme, bearer)
            assert refused.value.code == expected
        assert send("https", "right-token") == 200
        pipeline.wait_for("SELECT count() FROM otel_traces", "1")
        pipeline.wait_for("SELECT count() > 0 FROM otel_metrics_gauge WHERE ServiceName = 'otelcol'", "1")
