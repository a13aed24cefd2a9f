import bisect
import threading

import pytest

import sightglass
from sightglass.telemetry import Telemetry, adopt
from sightglass.testing import InMemoryExporters, InMemoryMetricExporter

THREADS = 4


class MetricHistory(InMemoryMetricExporter):
    """Keeps the moment and the sum of each counter, export by export."""

    def __init__(self):
        super().__init__()
        self.exports = []

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        """Keep one export."""
        result = super().export(metrics_data, timeout_millis, **kwargs)
        sums = {name: sum(getattr(p, "value", 0) for p in m.data.data_points) for name, m in self.latest.items()}
        self.exports.append(sums)
        return result


class Exporters(InMemoryExporters):
    """In memory, with the history of the metrics."""

    def __init__(self):
        super().__init__()
        self.kept_metrics = MetricHistory()


@pytest.mark.parametrize("signal", ["sightglass.spans.ended", "ml.prediction.count"])
def test_each_export_counts_exactly_the_rows_until_its_moment(monkeypatch, signal):
    """Under load from several threads: at every export the count equals the rows whose own time is not later."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")
    exporters = Exporters()
    with adopt(Telemetry("test", exporters=exporters)) as telemetry:
        stop = threading.Event()

        def work():
            while not stop.wait(0.001):
                with telemetry.tracer.start_as_current_span("x"):
                    sightglass.record_prediction({"a": 1})

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        while len(exporters.kept_metrics.exports) < 12:
            threads[0].join(0.05)
        stop.set()
        for thread in threads:
            thread.join(10)
        assert telemetry.flush()
        spans = exporters.kept_spans.get_finished_spans()
        records = exporters.kept_logs.get_finished_logs()
        times = sorted(
            [span.end_time for span in spans]
            if signal == "sightglass.spans.ended"
            else [readable.log_record.timestamp for readable in records]
        )
        counted = [
            (export[signal], bisect.bisect_right(times, int(export["sightglass.export.time"] * 1e9)))
            for export in exporters.kept_metrics.exports
            if signal in export
        ]
        assert len(counted) >= 10
        # The moment is exported as a double: at this size a quarter of a microsecond, within which a row may lie.
        assert [abs(count - stored) <= 1 for count, stored in counted] == [True] * len(counted)
        assert sum(count == stored for count, stored in counted) >= len(counted) - 1
        assert counted[-1][0] == len(times)
