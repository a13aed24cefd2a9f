import os
import subprocess
import sys

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.instrumentation.arms import Arm
from benchmarks.instrumentation.pipeline import InvalidRunError, Pipeline
from tests.integration.stack import ROOT

pytestmark = pytest.mark.integration


def test_a_tiny_round_of_two_arms():
    """The benchmark runs end to end: what ours sends is counted at the Collector, and a ratio comes out."""
    words = ["--arms", "stock-light", "ours", "--features", "12", "--model", "instant", "--rounds", "1"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.instrumentation", *words, "--requests", "100"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    sent = {line.split()[0]: line.split()[1:] for line in run.stdout.splitlines() if line.split()[1:4] == ["400"] * 3}
    assert list(sent) == ["ours"]
    assert "ours to stock-light, 12 features" in run.stdout
    assert "inconclusive" in run.stdout
    assert "Not kept" in run.stdout


def test_a_repeated_and_a_lost_span_make_the_run_invalid(tmp_path):
    """The relay and the Collector count what really passes: once is valid, twice and never are not."""
    arm = Arm("one", "one span for a request", spans=1)
    span = Span(trace_id=b"1" * 16, span_id=b"2" * 8, name="s", start_time_unix_nano=1, end_time_unix_nano=2)
    body = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])
    with Pipeline(tmp_path) as pipeline:

        def send(times: int) -> None:
            pipeline.begin()
            for _ in range(times):
                httpx.post(
                    f"{pipeline.endpoint}/v1/traces",
                    content=body.SerializeToString(),
                    headers={"Content-Type": "application/x-protobuf"},
                ).raise_for_status()

        send(1)
        assert pipeline.check(arm, 1).counts.spans == 1
        for times in (0, 2):
            send(times)
            with pytest.raises(InvalidRunError, match="spans that left, by the load: 1 wanted"):
                pipeline.check(arm, 1, patience_seconds=1)
