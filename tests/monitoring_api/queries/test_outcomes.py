"""Predictions with what became of them."""

from datetime import timedelta

from services.monitoring_api.queries.outcomes import Outcomes
from services.monitoring_api.queries.timerange import TimeRange, epoch_ns
from tests.monitoring_api.store import T0, label, prediction

_DAY = TimeRange(epoch_ns(T0), epoch_ns(T0 + timedelta(days=1)))


def _ask(store, columns: str, **more):
    outcomes = Outcomes("flight-delay", _DAY, **more)
    sql = f"SELECT PredictionId, {columns} FROM {outcomes.rows()} ORDER BY PredictionId"
    return {row[0]: tuple(row[1:]) for row in store.rows(sql, outcomes.parameters())}


def _fill(store):
    made = [
        prediction(T0, prediction_id="hit", score=0.8),
        prediction(T0, prediction_id="miss", score=0.2),
        prediction(T0, prediction_id="waiting", score=0.6),
        prediction(T0, prediction_id="other", score=0.6, attributes={"ml.model.name": "other"}),
    ]
    said = [
        label(T0 + timedelta(hours=2), "hit", "late"),
        label(T0 + timedelta(hours=2), "miss", "on_time"),
        label(T0 + timedelta(hours=5), "miss", "late"),
    ]
    store.insert("otel_logs", [*made, *said])
    return made, said


def test_a_prediction_meets_the_label_that_holds(store):
    """Right, wrong after a correction, and without a label; another model's predictions are not among them."""
    _fill(store)
    assert _ask(store, "Labelled, LabelValue, Correct, Actual") == {
        "hit": (True, "late", 1, True),
        "miss": (True, "late", 0, True),
        "waiting": (False, "", None, None),
    }


def test_duplicates_change_nothing(store):
    """Everything delivered twice more, backwards, gives the same rows."""
    made, said = _fill(store)
    before = _ask(store, "Labelled, LabelValue, Correct, Actual, Score")
    store.insert("otel_logs", [*reversed(said), *reversed(made)])
    store.insert("otel_logs", [*made, *said])
    assert _ask(store, "Labelled, LabelValue, Correct, Actual, Score") == before


def test_as_of_sees_what_had_arrived(store):
    """Before the correction came the prediction was right; before any label, it had none."""
    _fill(store)
    then = epoch_ns(T0 + timedelta(hours=3))
    assert _ask(store, "LabelValue, Correct", as_of_ns=then)["miss"] == ("on_time", 1)
    early = epoch_ns(T0 + timedelta(hours=1))
    assert _ask(store, "Labelled", as_of_ns=early) == {"hit": (False,), "miss": (False,), "waiting": (False,)}


def test_a_label_that_is_no_class_says_nothing_of_the_positive_one(store):
    """Where scores name the classes, a label beyond them makes the decision wrong, but neither class true."""
    made = prediction(T0, prediction_id="p", score=0.8)
    made["Body"] = '{"features": {}, "scores": {"late": 0.8, "on_time": 0.2}}'
    store.insert("otel_logs", [made, label(T0, "p", "cancelled")])
    assert _ask(store, "Correct, Actual") == {"p": (0, None)}


def test_where_nothing_says_so_the_scores_tell_the_positive_class(store):
    """A decision at 0.35 for the class whose probability the score is; for 'no' at 0.6; by the score alone."""
    rows = []
    for name, score, decided in (("named", 0.35, "late"), ("no", 0.6, "no"), ("bare", 0.6, "x")):
        said = {"ml.prediction.positive": "", "ml.prediction.score": str(score), "ml.prediction.label": decided}
        rows += [prediction(T0, prediction_id=name, attributes=said), label(T0, name, decided)]
    rows[0]["Body"] = '{"features": {}, "scores": {"late": 0.35, "on_time": 0.65}}'
    store.insert("otel_logs", rows)
    assert _ask(store, "Correct, Actual, Positive") == {
        "named": (1, True, True),
        "no": (1, False, False),
        "bare": (1, True, True),
    }


def test_a_regression_is_measured_against_a_number(store):
    """Its label is read as a number; one that is none is no truth, and nothing is simply correct."""
    kind = {"ml.task": "regression", "ml.prediction.value": "3.5"}
    made = [prediction(T0, prediction_id=name, score=None, attributes=kind) for name in ("a", "b")]
    store.insert("otel_logs", [*made, label(T0, "a", "4.25"), label(T0, "b", "many")])
    assert _ask(store, "Value, Truth, Correct") == {"a": (3.5, 4.25, None), "b": (3.5, None, None)}
