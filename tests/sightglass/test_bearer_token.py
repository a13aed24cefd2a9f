"""OTLP carries the token of the file that SIGHTGLASS_OTLP_TOKEN_FILE names, whoever encodes and sends."""

import logging

import pytest

import sightglass
from sightglass.export.bearer_token import BearerToken, read_token
from sightglass.export.exporters import OtlpExporters
from sightglass.telemetry import Telemetry, adopt
from tests.sightglass.grpc_receiver import running_grpc_receiver
from tests.sightglass.kept import PATHS
from tests.sightglass.receiver import running_receiver

RECEIVERS = {"http/protobuf": running_receiver, "grpc": running_grpc_receiver}
WAYS = {"own": {}, "stock": {"stock": True}, "lossless": {"lossless": True}}


@pytest.fixture
def token_file(tmp_path, monkeypatch):
    """The file, named by the variable."""
    path = tmp_path / "otlp.token"
    monkeypatch.setenv("SIGHTGLASS_OTLP_TOKEN_FILE", str(path))
    return path


def send_everything(telemetry):
    """A span, an event and the metrics, delivered."""
    with telemetry.tracer.start_as_current_span("work"):
        sightglass.record_prediction({"a": 1}, score=0.5)
    telemetry.flush(10)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("protocol", RECEIVERS)
def test_every_export_carries_the_token(token_file, monkeypatch, protocol, way):
    """Spans, logs and metrics carry it over HTTP and gRPC, in place of what OTEL_EXPORTER_OTLP_HEADERS says."""
    token_file.write_text("first-token\n")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20other,x-kept=1")
    with RECEIVERS[protocol]() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        options = WAYS[way]
        exporters = OtlpExporters(stock=options.get("stock", False))
        with adopt(Telemetry("test", exporters=exporters, **options)) as telemetry:
            send_everything(telemetry)
        assert {path for path, _ in receiver.authorizations} == set(PATHS.values())
        assert {value for _, value in receiver.authorizations} == {"Bearer first-token"}


@pytest.mark.parametrize("protocol", RECEIVERS)
def test_a_new_token_is_sent_without_a_restart(token_file, monkeypatch, protocol):
    """What the file says when something is sent counts, not what it said at the start."""
    token_file.write_text("first-token")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    with RECEIVERS[protocol]() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        with adopt(Telemetry("test", exporters=OtlpExporters())) as telemetry:
            send_everything(telemetry)
            before = len(receiver.authorizations)
            token_file.write_text("second-token first-token")
            send_everything(telemetry)
            assert {value for _, value in receiver.authorizations[:before]} == {"Bearer first-token"}
            after = receiver.authorizations[before:]
            assert {value for _, value in after} == {"Bearer second-token"}
            assert {path for path, _ in after} == set(PATHS.values())


@pytest.mark.parametrize("content", [None, "", " \n", "tok\x01en", "schlüssel"])
def test_a_file_of_no_use_is_a_warning_and_telemetry_goes_on(token_file, monkeypatch, caplog, content):
    """Without a usable token telemetry is sent without, with one warning that names variable and file, not content."""
    if content is not None:
        token_file.write_text(content)
    with running_receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        caplog.set_level(logging.WARNING)
        with adopt(Telemetry("test", exporters=OtlpExporters())) as telemetry:
            send_everything(telemetry)
            assert {value for _, value in receiver.authorizations} == {None}
            assert len(receiver.records) == 1
    warnings = [line for line in caplog.messages if "SIGHTGLASS_OTLP_TOKEN_FILE" in line]
    assert len(warnings) == 1
    assert str(token_file) in warnings[0]
    assert not (content and content.strip() and content in warnings[0])


def test_without_the_variable_there_is_no_token(monkeypatch):
    """Nobody who does not ask for a token gets a header."""
    assert BearerToken.from_environment({}) is None
    assert BearerToken.from_environment({"SIGHTGLASS_OTLP_TOKEN_FILE": " "}) is None


def test_the_first_word_counts(tmp_path):
    """The Collector takes every line's first word; a sender sends the first of them."""
    path = tmp_path / "token"
    path.write_text("\n new  made today\nold\n")
    assert read_token(path) == "new"
