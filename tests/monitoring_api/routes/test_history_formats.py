"""A metric's history as JSON, CSV and Arrow: the same rows, read by others' readers."""

import csv
import io
from datetime import timedelta

import pyarrow.ipc
import pytest

from tests.monitoring_api.store import T0, span

pytestmark = pytest.mark.anyio
HISTORY = "/api/v1/metrics/history"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARAMETERS = {
    "metric": "error_ratio",
    "from": "now-2m",
    "step": "1m",
    "group_by": "route",
    "top": "1",
    "compare": "previous",
}


@pytest.fixture
def rows(store):
    """Two groups now and one before; one name holds what CSV must quote."""
    hostile = 'a,"b"\n=1+1'
    at = T0 - timedelta(seconds=30)
    store.insert("otel_traces", [span(at, route=hostile), span(at, route=hostile, status=500), span(at, route="/b")])
    store.insert("otel_traces", [span(at - timedelta(minutes=2), route="/b")])
    return [
        ("2026-03-02T09:58:00Z", "asked", hostile, False, None),
        ("2026-03-02T09:59:00Z", "asked", hostile, False, 0.5),
        ("2026-03-02T09:58:00Z", "asked", "other", True, None),
        ("2026-03-02T09:59:00Z", "asked", "other", True, 0.0),
        ("2026-03-02T09:56:00Z", "compare", "other", True, None),
        ("2026-03-02T09:57:00Z", "compare", "other", True, 0.0),
    ]


async def test_csv_has_a_row_for_each_point(api, rows):
    """Read back, it holds every point, with null as nothing and the rest marked."""
    answer = await api.get(HISTORY, params=PARAMETERS, headers={"Accept": CSV})
    assert answer.headers["content-type"].startswith(CSV)
    assert answer.headers["content-disposition"] == 'attachment; filename="error_ratio.csv"'
    header, *found = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == ["time", "range", "route", "other", "error_ratio"]
    assert [
        (at, which, route, other == "true", float(value) if value else None) for at, which, route, other, value in found
    ] == rows


async def test_arrow_has_the_same_rows_and_the_rest_as_metadata(api, rows):
    """Another reader of Arrow finds times, texts, flags and doubles."""
    answer = await api.get(HISTORY, params=PARAMETERS, headers={"Accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    table = pyarrow.ipc.open_stream(answer.content).read_all()
    assert {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)} == {
        "time": "timestamp[us, tz=UTC]",
        "range": "string",
        "route": "string",
        "other": "bool",
        "error_ratio": "double",
    }
    found = [
        (each["time"].strftime("%Y-%m-%dT%H:%M:%SZ"), each["range"], each["route"], each["other"], each["error_ratio"])
        for each in table.to_pylist()
    ]
    assert found == rows
    assert table.schema.metadata.items() >= {b"unit": b"1", b"step_seconds": b"60", b"complete": b"False"}.items()


async def test_json_has_them_too(api, rows):
    """Both ranges, each with its series."""
    document = (await api.get(HISTORY, params=PARAMETERS, headers={"Accept": "application/json"})).json()
    assert (document["groups"], document["compare"]["from"], document["compare"]["to"]) == (
        2,
        "2026-03-02T09:56:00Z",
        "2026-03-02T09:58:00Z",
    )
    named = [each for each in document["series"] if "other" not in each]
    assert [each["labels"] for each in named] == [{"route": rows[0][2]}]
    assert [point[1] for point in document["compare"]["series"][0]["points"]] == [None, 0.0]


async def test_an_empty_answer_is_an_empty_table(api):
    """Groups of nothing: a header, and a stream without rows."""
    parameters = {"metric": "error_ratio", "group_by": "route"}
    assert (await api.get(HISTORY, params=parameters, headers={"Accept": CSV})).text.split() == [
        "time,range,route,other,error_ratio"
    ]
    answer = await api.get(HISTORY, params=parameters, headers={"Accept": ARROW})
    assert pyarrow.ipc.open_stream(answer.content).read_all().num_rows == 0


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/*", CSV),
        (f"{CSV};q=0.5, application/json;q=0.2", CSV),
        ("application/*", "application/json"),
    ],
)
async def test_the_format_is_the_one_that_is_liked_best(api, accept, given):
    """Accept decides; JSON where it does not."""
    headers = {} if accept is None else {"Accept": accept}
    answer = await api.get(HISTORY, params={"metric": "request_rate"}, headers=headers)
    assert answer.headers["content-type"].split(";")[0] == given
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize("accept", ["image/png", "nonsense", "/", ";;;", "application/json;q=0"])
async def test_another_format_is_a_406_that_says_what_there_is(api, accept):
    """Whatever stands in the header, the answer is a problem and no failure."""
    answer = await api.get(HISTORY, params={"metric": "request_rate"}, headers={"Accept": accept})
    assert answer.status_code == 406
    assert CSV in answer.json()["detail"]
