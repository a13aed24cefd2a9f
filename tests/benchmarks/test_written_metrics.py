from benchmarks.instrumentation.written_metrics import read_metrics

WRITTEN = """\
Traces	{"resource spans": 1, "spans": 40}
Metrics	{"resource metrics": 1, "metrics": 2, "data points": 2}
Metric #0
Descriptor:
     -> Name: requests.active
     -> DataType: Sum
NumberDataPoints #0
Data point attributes:
     -> http.request.method: Str(POST)
Value: 3
Exemplars:
Exemplar #0
     -> Trace ID: 4b8c0f41f44f2c5b21a0be1466e60b1a
     -> Value: -1
Metric #1
Descriptor:
     -> Name: requests.duration
     -> DataType: Histogram
HistogramDataPoints #0
Count: 10
Sum: 0.021187
Buckets #0, Count: 9
Buckets #1, Count: 1
Exemplars:
Exemplar #0
     -> Value: 0.001690
Exemplar #1
     -> Value: 0.005492
HistogramDataPoints #1
Count: 5
"""


def test_counts_exemplars_and_adds_up_points():
    """Exemplars are counted one by one; a histogram's points add up by their counts, a counter's by their values."""
    assert read_metrics(WRITTEN.splitlines()) == (3, {"requests.active": 3, "requests.duration": 15})


def test_only_the_last_export_of_a_metric_tells_its_total():
    """Counts are cumulative: a later export replaces an earlier one, and keeps what it does not mention."""
    later = """\
Metrics	{}
     -> Name: requests.duration
Count: 20
Exemplar #0
"""

    exemplars, totals = read_metrics((WRITTEN + later).splitlines())
    assert exemplars == 4
    assert totals == {"requests.active": 3, "requests.duration": 20}
