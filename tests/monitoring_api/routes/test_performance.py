"""How a model did, over HTTP."""

from datetime import timedelta

import pytest

from services.monitoring_api.queries import outcome_rows, performance_report
from tests.monitoring_api.maintenance.test_outcomes import maintain
from tests.monitoring_api.store import T0, label, prediction, span, text

pytestmark = pytest.mark.anyio
PERFORMANCE = "/api/v1/models/flight-delay/performance"
DAY = timedelta(days=1)


def _rows(*, days=4, each=30):
    """Predictions at noon of the days before T0, of which 2 in 3 are late and a third of those is told on time.

    Labels come after two hours. Of each three: hit (late, 0.8), miss (late, 0.2), right (on time, 0.1).
    """
    rows = []
    kinds = (("hit", 0.8, "late", "UA"), ("miss", 0.2, "late", "AA"), ("right", 0.1, "on_time", "UA"))
    for day in range(days):
        for n in range(each):
            name, score, true, carrier = kinds[n % 3]
            made = T0 - (day + 1) * DAY + timedelta(minutes=n)
            features = {"carrier": carrier, "distance": 100 * (n % 10), "code": n % 2}
            if n == 0:
                features = {"carrier": None}
            rows.append(prediction(made, prediction_id=f"{name}-{day}-{n}", score=score, features=features))
            due = made + timedelta(hours=2)
            rows.append(label(due, f"{name}-{day}-{n}", true, ArrivedAt=text(due)))
    return rows


async def _ask(api, **query):
    answer = await api.get(PERFORMANCE, params={"from": "now-4d", "step": "1d", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _differences(one, other, path=""):
    """Where two answers differ, by more than rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return [] if one == pytest.approx(other, rel=1e-9) else [(path, one, other)]
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [each for name in one for each in _differences(one[name], other[name], f"{path}.{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            each for n, pair in enumerate(zip(one, other, strict=True)) for each in _differences(*pair, f"{path}.{n}")
        ]
    return [] if one == other else [(path, one, other)]


async def test_figures_are_those_of_the_rows(store, api):
    """Of each three one true positive, one false negative, one true negative: by hand, over all and each day."""
    store.insert("otel_logs", _rows())
    found = await _ask(api)
    assert (found["task"], found["predictions"], found["labels"], found["label_coverage"]) == ("binary", 120, 120, 1.0)
    metrics = {name: figure["value"] for name, figure in found["metrics"].items()}
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert (metrics["precision"], metrics["recall"], metrics["f1"]) == (1, 0.5, pytest.approx(2 / 3))
    # Every late one has a higher score than every one on time.
    assert metrics["roc_auc"] == 1
    assert found["metrics"]["accuracy"]["n"] == 120
    assert found["metrics"]["accuracy"]["low"] < 2 / 3 < found["metrics"]["accuracy"]["high"]
    # T0 is at 10:00, so the range touches five days of UTC; the last has no prediction.
    assert [(each["predictions"], each["metrics"]["accuracy"]["value"]) for each in found["series"]] == [
        *[(30, pytest.approx(2 / 3))] * 4,
        (0, None),
    ]
    assert found["series"][-1]["metrics"]["accuracy"]["reason"] == "no prediction"
    assert (found["approximate"], found["error_bound"]) == (False, 0.0)


async def test_scores_are_held_against_what_happened(store, api):
    """Three scores make three bins, by either binning: of 0.1 none is late, of 0.2 and of 0.8 all are."""
    store.insert("otel_logs", _rows())
    found = await _ask(api)
    assert [curve["binning"] for curve in found["reliability"]] == ["equal_mass", "equal_width"]
    for curve in found["reliability"]:
        assert [(each["score"], each["share"], each["n"]) for each in curve["bins"]] == [
            (pytest.approx(0.1), 0, 40),
            (pytest.approx(0.2), 1, 40),
            (pytest.approx(0.8), 1, 40),
        ]


async def test_decisions_and_other_thresholds_are_counted(store, api):
    """40 hits, 40 misses, 40 right on time; deciding by 0.2 would be right always, and cost nothing."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, threshold="0.5", cost_false_positive="1", cost_false_negative="5", metrics="accuracy")
    assert found["confusion"] == {"classes": ["late", "on_time"], "counts": [[40, 40], [0, 40]], "n": 120}
    chosen, cheapest = found["thresholds"]["chosen"], found["thresholds"]["cheapest"]
    assert (chosen["threshold"], chosen["true_positives"], chosen["false_negatives"], chosen["cost"]) == (
        0.5,
        40,
        40,
        200,
    )
    assert (chosen["precision"], chosen["recall"]) == (1, 0.5)
    # The lowest of those that cost nothing: 0.1 is not late, so any above it does.
    assert (cheapest["threshold"], cheapest["cost"]) == (0.11, 0)
    assert len(found["thresholds"]["points"]) == 101
    without = await _ask(api, curves="false", metrics="accuracy")
    assert (without["confusion"], without["thresholds"], without["reliability"]) == (None, None, [])


async def test_a_model_of_many_classes_is_measured_by_class(store, api):
    """Three classes of which one is taken for another: figures of each, averages, and who was taken for whom."""
    rows = []
    kinds = (("a", "a"), ("b", "b"), ("c", "b"))
    for n in range(90):
        true, decided = kinds[n % 3]
        more = {"ml.task": "multiclass", "ml.prediction.label": decided, "ml.prediction.score": "0.6"}
        rows.append(prediction(T0 - DAY, prediction_id=f"m{n}", score=None, attributes=more))
        rows.append(label(T0 - DAY, f"m{n}", true))
    store.insert("otel_logs", rows)
    found = await _ask(api)
    assert found["task"] == "multiclass"
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert {name: figures["recall"]["value"] for name, figures in found["classes"].items()} == {"a": 1, "b": 1, "c": 0}
    assert found["confusion"] == {"classes": ["a", "b", "c"], "counts": [[30, 0, 0], [0, 30, 0], [0, 30, 0]], "n": 90}


async def test_a_regression_is_measured_by_its_errors(store, api):
    """Each value is too great by one or too small by one."""
    rows = []
    for n in range(40):
        more = {"ml.task": "regression", "ml.prediction.value": str(n)}
        rows.append(prediction(T0 - DAY, prediction_id=f"r{n}", score=None, attributes=more))
        rows.append(label(T0 - DAY, f"r{n}", str(n + (1 if n % 2 else -1))))
    store.insert("otel_logs", rows)
    found = await _ask(api)
    assert (found["task"], found["metrics"]["mae"]["value"], found["metrics"]["rmse"]["value"]) == ("regression", 1, 1)
    assert (found["confusion"], found["thresholds"], found["reliability"]) == (None, None, [])


async def test_duplicates_and_order_change_nothing(store, api):
    """Everything delivered three times, labels first, backwards, gives the same answer."""
    rows = _rows()
    store.insert("otel_logs", rows)
    before = await _ask(api)
    store.empty()
    labels = [row for row in rows if row["EventName"] == "ml.label"]
    made = [row for row in rows if row["EventName"] == "ml.prediction"]
    for part in (labels, list(reversed(made)), made, labels, list(reversed(rows))):
        store.insert("otel_logs", part)
    # Other words for the same step, so that it is not answered from what is kept.
    assert _differences(await _ask(api, step="24h"), before) == []


async def test_rows_that_were_joined_before_say_the_same(store, api):
    """Prepared by the maintenance process, and beside what came since: the same figures and segments as from anew."""
    rows = _rows()
    store.insert("otel_logs", [row for row in rows if "hit-0" not in row["LogAttributes"]["ml.prediction.id"]])
    await maintain(store, T0)
    assert store.rows("SELECT count() FROM outcomes_data")[0] != [0]
    store.insert("otel_logs", [row for row in rows if "hit-0" in row["LogAttributes"]["ml.prediction.id"]])
    prepared = [await _ask(api, segment=each) for each in ("carrier", "features_source", "trace_path")]
    store.empty()
    store.insert("otel_logs", rows)
    anew = [await _ask(api, segment=each, step="24h") for each in ("carrier", "features_source", "trace_path")]
    for one, other in zip(prepared, anew, strict=True):
        assert (one.pop("source"), other.pop("source")) == ("mixed", "mixed")
        assert _differences(one, other) == []


async def test_as_of_shows_the_past_across_a_correction(store, api):
    """A correction counts from its arrival on; the answer as of before it stays what it was."""
    store.insert("otel_logs", _rows())
    as_of = (T0 - timedelta(hours=1)).isoformat()
    before = await _ask(api, as_of=as_of)
    assert before["metrics"]["recall"]["value"] == 0.5
    corrected = [
        label(T0 - timedelta(minutes=30), f"miss-{day}-{n}", "on_time") for day in range(4) for n in range(1, 30, 3)
    ]
    store.insert("otel_logs", corrected)
    assert await _ask(api, as_of=as_of, step="24h") == before
    now = await _ask(api)
    assert (now["metrics"]["recall"]["value"], now["metrics"]["accuracy"]["value"]) == (1, 1)


async def test_segments_are_told_apart_by_a_feature(store, api):
    """Categories by how many predictions they have; null is one of its own."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, segment="carrier")
    told = [(each["segment"]["kind"], each["segment"]["value"], each["predictions"]) for each in found["segments"]]
    assert told == [("value", "UA", 76), ("value", "AA", 40), ("null", None, 4)]
    accuracy = [each["metrics"]["accuracy"]["value"] for each in found["segments"]]
    assert accuracy == [1, 0, None]
    assert found["segments"][2]["metrics"]["accuracy"]["reason"].startswith("4 labels")


async def test_a_numeric_feature_is_cut_where_asked(store, api):
    """Between edges, from the one on and before the next; missing values are one of their own."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, segment="distance:[300,500]")
    told = [
        (each["segment"]["kind"], each["segment"]["from"], each["segment"]["to"], each["predictions"])
        for each in found["segments"]
    ]
    # Each of ten distances 12 times, less 4 of the first, which lack it.
    assert told == [
        ("range", None, 300, 32),
        ("range", 300, 500, 24),
        ("range", 500, None, 60),
        ("missing", None, None, 4),
    ]


async def test_a_numeric_feature_is_cut_into_equal_parts(store, api):
    """Five bins of as many predictions each, as far as equal values allow."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, segment="distance:5")
    told = [(each["segment"]["from"], each["segment"]["to"], each["predictions"]) for each in found["segments"][:-1]]
    assert told == [(None, 200, 20), (200, 400, 24), (400, 600, 24), (600, 800, 24), (800, None, 24)]


async def test_a_feature_of_few_numbers_is_told_by_value(store, api):
    """Numbers stay numbers."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, segment="code")
    assert [(each["segment"]["value"], each["predictions"]) for each in found["segments"]] == [
        (1, 60),
        (0, 56),
        (None, 4),
    ]


_BAD = [
    ({"segment": "nonsense"}, "segment", "there are carrier, code, distance, model_version"),
    ({"segment": "distance:0"}, "segment", "bins are a number from 2"),
    ({"segment": "distance:NaN"}, "segment", "bins are a number from 2"),
    ({"segment": "distance:51"}, "segment", "bins are a number from 2"),
    ({"segment": "distance:[1,1]"}, "segment", "bins are a number from 2"),
    ({"segment": "distance:[nan]"}, "segment", "bins are a number from 2"),
    ({"segment": "carrier:5"}, "segment", "holds no numbers"),
    ({"segment": "variant:5"}, "segment", "has no bins"),
    ({"segment": ""}, "segment", "not the name of a feature"),
    ({"segment": "a\0"}, "segment", "NUL"),
    ({"from": "now", "to": "now-1d"}, "from", "not before to"),
    ({"filter": "nonsense=1"}, "filter", "there are model_version, features_source"),
    ({"feature": "distance>x"}, "feature", "takes a number"),
    ({"as_of": "x"}, "as_of", "not a time"),
    ({"threshold": "nan"}, "threshold", "finite"),
    ({"step": "1s", "from": "now-30d"}, "step", "would do"),
    ({"step": "4m", "from": "now-30d"}, "step", "would do"),
    ({"tz": "x"}, "tz", "time zone"),
    ({"nonsense": "1"}, "nonsense", "unknown field"),
]


async def test_bad_input_is_named_with_its_remedy(store, api):
    """A 422 that names the parameter and says what would do."""
    store.insert("otel_logs", _rows(days=1))
    for query, field, says in _BAD:
        answer = await api.get(PERFORMANCE, params=query)
        assert answer.status_code == 422, query
        (error,) = answer.json()["errors"]
        assert (error["field"], says in error["message"]) == (field, True), (query, error)


async def test_an_unknown_model_is_not_found(store, api):
    """The problem says which there are."""
    answer = await api.get(PERFORMANCE)
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "There is no model 'flight-delay'; there is none yet.",
    )
    store.insert("otel_logs", _rows(days=1))
    answer = await api.get("/api/v1/models/other/performance")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no model 'other'; there are flight-delay.")


async def test_a_model_without_predictions_in_the_range_is_answered(store, api):
    """Nothing is measured, and no bucket is left out."""
    store.insert("otel_logs", _rows(days=1))
    found = await _ask(api, **{"from": "now-30d", "to": "now-20d", "segment": "carrier"})
    assert (found["task"], found["predictions"], found["label_coverage"], found["segments"]) == (None, 0, None, [])
    assert found["mature"] is False
    assert len(found["series"]) == 11


@pytest.mark.parametrize("count", [1, 30])
async def test_a_model_without_labels_is_answered(store, api, count):
    """Figures are null with their reason, and nothing is mature."""
    store.insert("otel_logs", [prediction(T0 - timedelta(hours=n + 1), prediction_id=f"p{n}") for n in range(count)])
    found = await _ask(api, segment="carrier")
    assert (found["predictions"], found["labels"], found["label_coverage"], found["mature"]) == (count, 0, 0.0, False)
    assert {(figure["value"], figure["reason"]) for figure in found["metrics"].values()} == {(None, "no label")}


async def test_a_model_with_one_class_is_answered(store, api):
    """What needs two classes has a reason, the rest a value."""
    rows = _rows()
    store.insert("otel_logs", [row for row in rows if "hit" in row["LogAttributes"]["ml.prediction.id"]])
    found = await _ask(api)
    assert found["metrics"]["accuracy"]["value"] == 1
    assert found["metrics"]["roc_auc"]["reason"] == "only one class among the labels"


async def test_of_mixed_tasks_most_predictions_decide(store, api):
    """The others are counted as left out."""
    other = {"ml.task": "regression", "ml.prediction.value": "3.5"}
    strange = [prediction(T0 - DAY, prediction_id=f"r{n}", score=None, attributes=other) for n in range(3)]
    store.insert("otel_logs", [*_rows(), *strange])
    found = await _ask(api)
    assert (found["task"], found["predictions"], found["left_out"]) == ("binary", 120, {"regression": 3})


async def test_conditions_choose_predictions(store, api):
    """By feature, by column, by version, by variant."""
    shadow = [
        prediction(T0 - DAY, prediction_id=f"hit-0-{n}", score=0.1, variant="shadow", version="v2")
        for n in range(0, 30, 3)
    ]
    store.insert("otel_logs", [*_rows(), *shadow])
    assert (await _ask(api, feature="carrier=UA"))["predictions"] == 76
    assert (await _ask(api, feature=["distance>=500", "carrier=AA"]))["predictions"] == 20
    assert (await _ask(api, filter="features_source=fallback"))["predictions"] == 0
    assert (await _ask(api, version="v2"))["predictions"] == 0
    found = await _ask(api, version="v2", variant="shadow", segment="features_source")
    assert (found["predictions"], found["labels"]) == (10, 10)
    both = await _ask(api, segment="variant")
    assert [(each["segment"]["value"], each["predictions"]) for each in both["segments"]] == [
        ("champion", 120),
        ("shadow", 10),
    ]


async def test_figures_can_be_chosen(store, api):
    """Those and no others, everywhere; one that there is not is refused with those that there are."""
    store.insert("otel_logs", _rows())
    found = await _ask(api, metrics="f1, ece_equal_mass", segment="carrier")
    for part in (found, found["series"][0], found["series"][-1], found["segments"][0]):
        assert list(part["metrics"]) == ["ece_equal_mass", "f1"]
    answer = await api.get(PERFORMANCE, params={"metrics": "f2"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "metrics")
    assert "roc_auc" in answer.json()["errors"][0]["message"]


async def test_a_trace_s_path_tells_predictions_apart(store, api):
    """Fallback by the features' source, retry and timeout by what the trace's spans tell, missing without a trace."""
    rows = _rows(days=1)
    for n, row in enumerate(row for row in rows if row["EventName"] == "ml.prediction"):
        row["TraceId"] = f"{n:032x}"
    made = [row for row in rows if row["EventName"] == "ml.prediction"]
    made[0]["LogAttributes"]["ml.features.source"] = "fallback"
    spans = []
    for n in range(25):
        at = T0 - DAY + timedelta(minutes=n)
        trace = {"TraceId": f"{n:032x}"}
        spans.append(span(at, **trace, attributes={"http.request.resend_count": "7", "error.type": "TimeoutError"}))
        child = span(at, **trace, SpanKind="Client")
        if n in {1, 2}:
            child["SpanAttributes"] |= {"http.request.resend_count": "1"}
        if n == 3:
            child |= {"Events.Timestamp": [text(at)], "Events.Name": ["retry"], "Events.Attributes": [{}]}
        if n in {0, 1, 4}:
            child["SpanAttributes"] |= {"error.type": "ReadTimeout"}
        spans.append(child)
    store.insert("otel_logs", rows)
    store.insert("otel_traces", spans)
    store.insert("otel_traces", spans)
    found = await _ask(api, segment="trace_path")
    assert [(each["segment"]["kind"], each["segment"]["value"], each["predictions"]) for each in found["segments"]] == [
        ("value", "plain", 20),
        ("value", "retry", 3),
        ("value", "fallback", 1),
        ("value", "timeout", 1),
        ("missing", None, 5),
    ]


async def test_whether_labels_have_come_is_said(store, api):
    """Old days are mature, the last hours are not, and the answer says what it knows of that."""
    store.insert("otel_logs", _rows(days=20, each=30))
    fresh = [prediction(T0 - timedelta(minutes=n), prediction_id=f"n{n}") for n in range(1, 60)]
    store.insert("otel_logs", fresh)
    found = await _ask(api, **{"from": "now-20d"})
    old, last = found["series"][5], found["series"][-1]
    assert (old["mature"], old["expected_coverage_now"], old["immature_because"]) == (True, pytest.approx(1), None)
    assert (last["mature"], last["labels"]) == (False, 0)
    assert last["immature_because"].startswith("by now 0% of the labels")
    assert found["maturity"]["mature_after_seconds"] == pytest.approx(2 * 3600, rel=0.2)
    assert found["maturity"]["labels"] == 600


async def test_the_same_question_at_once_is_asked_once(store, api):
    """And an answer has a name, by which it need not be sent again."""
    store.insert("otel_logs", _rows(days=1))
    first = await api.get(PERFORMANCE)
    again = await api.get(PERFORMANCE, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("limit", "asked"),
    [("MOST_SEGMENTED", {"segment": "carrier"}), ("MOST_JOINED", {"as_of": (T0 - timedelta(hours=1)).isoformat()})],
)
async def test_more_than_memory_holds_is_refused_with_the_range_that_does(store, api, monkeypatch, limit, asked):
    """Of predictions that have to be looked up, or joined anew, too many are told to be, and what would do."""
    store.insert("otel_logs", _rows())
    if limit == "MOST_SEGMENTED":
        await maintain(store, T0)
    monkeypatch.setattr(performance_report, limit, 60)
    monkeypatch.setattr(outcome_rows, "_MOST_CORRECTED", 0)
    answer = await api.get(PERFORMANCE, params={"from": "now-4d", **asked})
    assert answer.status_code == 422
    assert "a range of" in answer.text
    assert '"from"' in answer.text
