"""Passes OTLP on to the Collector and counts what the service sent, whatever library sent it.

A process of its own on the other cores, so that counting costs the service nothing.

    python -m benchmarks.instrumentation.relay --port N --to http://127.0.0.1:4318
"""

import argparse
import gzip
from collections import Counter
from typing import Any

from aiohttp import ClientSession, web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.instrumentation.arms import PREDICTION_EVENT

_LONGEST_BODY = 64 * 1024 * 1024


class Relay:
    """Counts since it was last asked.

    Args:
        target: The Collector's base URL.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._counts: Counter[str] = Counter()

    def application(self) -> web.Application:
        """The HTTP side: `/v1/SIGNAL` in, the same out; `/take` tells the counts and forgets them."""
        app = web.Application(client_max_size=_LONGEST_BODY)
        app.router.add_post("/v1/{signal}", self._pass_on)
        app.router.add_post("/take", self._take)
        app.cleanup_ctx.append(self._with_client)
        return app

    async def _with_client(self, _app: web.Application) -> Any:
        async with ClientSession(self._target) as self._client:
            yield

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        # aiohttp has unpacked gzip already; the Collector is given what it is.
        self._counts["compressed"] += request.headers.get("Content-Encoding", "identity") != "identity"
        self._counts["bytes"] += len(body)
        self._count(request.match_info["signal"], gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        headers = {"Content-Type": request.headers["Content-Type"]}
        async with self._client.post(request.path, data=body, headers=headers) as answer:
            self._counts["refused"] += answer.status != 200
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type or "text/plain"
            )

    def _count(self, signal: str, body: bytes) -> None:
        if signal == "traces":
            for traces in ExportTraceServiceRequest.FromString(body).resource_spans:
                self._counts["spans"] += sum(len(scope.spans) for scope in traces.scope_spans)
        elif signal == "logs":
            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                for scope in logs.scope_logs:
                    self._counts["log_records"] += len(scope.log_records)
                    self._counts["events"] += sum(record.event_name == PREDICTION_EVENT for record in scope.log_records)
        else:
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in metrics.scope_metrics:
                    for metric in scope.metrics:
                        points = getattr(metric, metric.WhichOneof("data")).data_points
                        self._counts["metric_points"] += len(points)
                        self._counts["exemplars"] += sum(len(point.exemplars) for point in points)

    async def _take(self, _request: web.Request) -> web.Response:
        counts, self._counts = self._counts, Counter()
        return web.json_response(counts)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True)
    given = parser.parse_args()
    web.run_app(Relay(given.to).application(), host="127.0.0.1", port=given.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
