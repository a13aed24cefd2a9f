"""A real OTLP/gRPC receiver that decodes and keeps what it is sent."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo

from tests.sightglass.kept import Kept

_SERVICES = {
    "/v1/traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "/v1/logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "/v1/metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}


class GrpcReceiver(Kept):
    """Answers as it is told, and keeps what it took.

    Attributes:
        url: Value for OTEL_EXPORTER_OTLP_ENDPOINT.
    """

    def __init__(self) -> None:
        super().__init__()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        for path, service in _SERVICES.items():
            handlers = {"Export": grpc.unary_unary_rpc_method_handler(self._answering(path))}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def _answering(self, path: str):
        def export(body: bytes, context: grpc.ServicerContext) -> bytes:
            self.authorizations.append((path, dict(context.invocation_metadata()).get("authorization")))
            reply = self.reply(path)
            taken = reply.status == 200 and reply.instead is None
            answer = self.take(path, body, keep=taken, rejected=reply.rejected)
            if reply.instead == "hang":
                self.let_go.wait(60)
            if taken:
                return answer
            if reply.retry_after is not None:
                wait = RetryInfo(retry_delay=Duration(seconds=reply.retry_after)).SerializeToString()
                context.set_trailing_metadata((("google.rpc.retryinfo-bin", wait),))
            name = "CANCELLED" if reply.instead else str(reply.status)
            context.abort(grpc.StatusCode[name], "as told")
            raise AssertionError

        return export

    def stop(self) -> None:
        """End it."""
        self.let_go.set()
        self._server.stop(None).wait(5)


@contextmanager
def running_grpc_receiver() -> Iterator[GrpcReceiver]:
    """A receiver on a free port."""
    receiver = GrpcReceiver()
    try:
        yield receiver
    finally:
        receiver.stop()
