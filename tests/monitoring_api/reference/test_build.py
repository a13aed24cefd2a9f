"""A file becomes a reference: the same from either format, equal to numpy where all rows fit, with what is wrong."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitoring_api.reference import build as building
from services.monitoring_api.reference.document import Reference

ROWS = 3_000
GRID = np.linspace(0, 1, 101)


@pytest.fixture
def columns(random):
    """A training file without faults."""
    late = random.random(ROWS) < 0.3
    return {
        "distance": np.where(random.random(ROWS) < 0.1, np.nan, random.normal(1000, 200, ROWS)),
        "hour": random.integers(0, 24, ROWS),
        "carrier": random.choice(["UA", "AA", "DL"], ROWS, p=[0.5, 0.3, 0.2]),
        "late": np.where(late, "late", "on_time"),
        "score": random.random(ROWS),
    }


def found(reference):
    """Kinds of findings by column."""
    return {(finding.kind, finding.column) for finding in reference.findings}


@pytest.mark.parametrize("written", ["parquet", "csv"])
def test_quantiles_moments_and_shares_are_numpy_s(made, columns, written):
    """Of every kind of column, with nulls, from either format."""
    reference = made(columns, written=written, score="score", label="late")
    assert (reference.rows, reference.task, reference.source.sampled_rows) == (ROWS, "binary", None)
    assert reference.findings == []
    distance, hour, carrier = reference.features
    known = columns["distance"][~np.isnan(columns["distance"])]
    assert distance.quantiles == pytest.approx(np.quantile(known, GRID).tolist(), rel=1e-12)
    assert distance.mean == pytest.approx(known.mean(), rel=1e-12)
    assert distance.standard_deviation == pytest.approx(known.std(), rel=1e-12)
    assert distance.null_share == pytest.approx(1 - len(known) / ROWS)
    assert hour.quantiles == np.quantile(columns["hour"], GRID).tolist()
    names, counts = np.unique(columns["carrier"], return_counts=True)
    assert carrier.categories == pytest.approx(dict(zip(names.tolist(), (counts / ROWS).tolist(), strict=True)))
    assert list(carrier.categories) == ["UA", "AA", "DL"]
    assert reference.labels.classes["late"] == (columns["late"] == "late").mean()
    assert reference.scores.quantiles == pytest.approx(np.quantile(columns["score"], GRID).tolist(), rel=1e-12)
    assert reference.score_edges == np.unique(columns["score"]).tolist()


def test_the_same_file_gives_the_same_reference(made, columns, monkeypatch):
    """Also where quantiles are of a sample, which is then said, and near those of all rows."""
    monkeypatch.setattr(building, "_MOST_SAMPLED", 1_500)
    monkeypatch.setattr(building, "_LEAST_SAMPLED", 1_500)
    one, two = (made(columns, score="score", label="late") for _ in range(2))
    assert one == two
    assert one.source.sampled_rows == 1_500
    assert len(one.source.sha256) == 64
    ranks = np.searchsorted(np.sort(columns["hour"] + 0.0), one.features[1].quantiles) / ROWS
    assert np.abs(ranks - GRID).max() < 0.1
    assert one.features[1].mean == pytest.approx(columns["hour"].mean()), "moments are of all rows"


def test_faults_are_found(made, columns, random):
    """Constant, empty, mostly null, infinite, id, copy, leak, rows that came twice; what is good is not named."""
    late = columns["late"] == "late"
    faulty = columns | {
        "constant": np.full(ROWS, 7.0),
        "one_name": ["x"] * ROWS,
        "empty": pa.nulls(ROWS),
        "rare": np.where(random.random(ROWS) < 0.6, np.nan, columns["hour"] * 2.0),
        "infinite": np.where(random.random(ROWS) < 0.01, np.inf, columns["hour"] * 3.0),
        "id": [f"flight-{n}" for n in range(ROWS)],
        "number": np.arange(ROWS),
        "hour_again": columns["hour"].astype(np.float32),
        "arrival_delay": np.where(late, 60.0, 0.0) + random.normal(size=ROWS),
    }
    table = pa.table(faulty)
    reference = made(table, score="score", label="late")
    expected = {
        ("constant", "constant"),
        ("constant", "one_name"),
        ("empty", "empty"),
        ("nulls", "rare"),
        ("infinite", "infinite"),
        ("id", "id"),
        ("id", "number"),
        ("copy", "hour_again"),
        ("leakage", "arrival_delay"),
    }
    assert found(reference) == expected
    messages = {finding.column: finding.message for finding in reference.findings}
    assert messages["hour_again"] == "hour_again has the same value as hour in every row."
    assert "ROC AUC 0.99" in messages["arrival_delay"] or "ROC AUC 1.00" in messages["arrival_delay"]
    twice = made(pa.concat_tables([table, table.slice(0, 12)]), score="score", label="late")
    (duplicates,) = (finding for finding in twice.findings if finding.kind == "duplicates")
    assert duplicates.message.startswith("12 of 3,012 rows (0.40%) have come before")
    # Ids that came twice are still ids.
    assert ("id", "id") in found(twice)
    assert next(each for each in twice.features if each.name == "id").categories == {}


def test_a_label_among_the_features_is_a_copy_and_a_leak(made, columns):
    """Under another name, and also where 1 stands for late."""
    again = columns | {"target": columns["late"], "flag": (columns["late"] == "late").astype(int)}
    assert found(made(again, score="score", label="late")) == {
        ("copy", "target"),
        ("leakage", "target"),
        ("leakage", "flag"),
    }


def test_clean_noise_is_not_suspected(made):
    """Of 60 columns of noise none is named, in each of five files."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        columns = {f"x{n}": random.normal(size=ROWS) for n in range(30)}
        columns |= {f"c{n}": random.choice(["a", "b", "c"], ROWS) for n in range(30)}
        assert made(columns | {"y": random.integers(0, 2, ROWS)}, label="y").findings == []


@pytest.mark.parametrize(
    ("label", "task"),
    [
        (lambda random: random.integers(0, 2, ROWS), "binary"),
        (lambda random: random.random(ROWS) < 0.5, "binary"),
        (lambda random: random.choice(["a", "b", "c"], ROWS), "multiclass"),
        (lambda random: random.integers(1, 6, ROWS), "multiclass"),
        (lambda random: random.normal(size=ROWS), "regression"),
        (lambda random: random.integers(0, 1_000, ROWS), "regression"),
    ],
)
def test_labels_say_what_the_task_is(made, random, label, task):
    """Two labels, a few, or numbers that are measured; a word overrides it where it can be true."""
    labels = label(random)
    reference = made({"x": random.normal(size=ROWS), "y": labels}, label="y")
    assert reference.task == task
    if task == "regression":
        assert reference.labels.quantiles == np.quantile(labels, GRID).tolist()
        assert reference.labels.classes is None
    else:
        assert sum(reference.labels.classes.values()) == pytest.approx(1)
        expected = {str(value).lower() for value in np.unique(labels).tolist()}
        assert set(reference.labels.classes) == expected, "labels are text, as `labels load` makes them"


def test_scores_say_what_the_task_is_where_there_are_no_labels(made, random):
    """Probabilities are of two classes; other numbers are predicted values, which are not cut into bins."""
    assert made({"p": random.random(ROWS)}, score="p").task == "binary"
    values = made({"p": random.normal(size=ROWS)}, score="p")
    assert (values.task, values.score_edges) == ("regression", [])
    assert made({"x": random.random(ROWS)}).task == ""
    assert made({"p": random.normal(size=ROWS)}, score="p", task="binary").score_edges != []


def test_unlabelled_rows_are_counted_and_left_out_of_shares(made):
    """Half of the rows have no label yet."""
    reference = made({"x": [1.0] * 400, "y": ["a", None, "b", None] * 100}, label="y")
    assert reference.labels.missing_share == 0.5
    assert reference.labels.classes == {"a": 0.5, "b": 0.5}
    assert reference.task == "binary"


@pytest.mark.parametrize("written", ["parquet", "csv"])
def test_truth_values_are_called_as_predictions_call_them(made, written):
    """Python's True in a CSV file is the true of JSON and of labels."""
    content = {"x": [True, False] * 50, "y": [True, False] * 50}
    if written == "csv":
        content = "x,y\n" + "True,True\nFalse,False\n" * 50
    reference = made(content, written=written, label="y")
    assert reference.features[0].categories == {"false": 0.5, "true": 0.5}
    assert reference.labels.classes == {"false": 0.5, "true": 0.5}


def test_other_types_of_parquet(made):
    """Dictionaries, decimals, booleans and large integers are read; times and lists are left out, and named."""
    large = 2**60
    table = pa.table(
        {
            "dictionary": pa.array(["a", "b", None, "a"] * 50).dictionary_encode(),
            "decimal": pa.array([Decimal(1), Decimal(2), Decimal(3), None] * 50, pa.decimal128(10, 2)),
            "flag": pa.array([True, False, None, True] * 50),
            "large": pa.array([large + n for n in range(200)]),
            "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 200),
            "list": pa.array([[1]] * 200),
        }
    )
    reference = made(table)
    features = {feature.name: feature for feature in reference.features}
    assert features["dictionary"].categories == {"a": 0.5, "b": 0.25}
    assert features["dictionary"].null_share == features["decimal"].null_share == 0.25
    assert features["decimal"].mean == 2.0
    assert features["flag"].categories == {"true": 0.5, "false": 0.25}
    # Neighbours that are one float are still different ids.
    assert found(reference) == {("left_out", "time"), ("left_out", "list"), ("id", "large")}
    named = made(table, category=["decimal"], ignore=["time", "list"])
    assert {feature.name: feature.type for feature in named.features}["decimal"] == "category"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=50),
    st.sampled_from(["parquet", "csv"]),
)
def test_any_numbers(made, values, written):
    """Whatever is in a column of numbers, huge or infinite: it becomes JSON and is read again, with its quantiles."""
    reference = made({"x": pa.array(values, pa.float64()), "one": [1] * len(values)}, written=written)
    feature = Reference.model_validate_json(reference.model_dump_json()).features[0]
    finite = [value for value in values if value is not None and np.isfinite(value)]
    assert feature.null_share == values.count(None) / len(values)
    if not finite:
        assert feature.quantiles is None
        return
    assert feature.quantiles[0] == min(finite)
    assert feature.quantiles[-1] == max(finite)
    assert feature.quantiles == reference.features[0].quantiles
    if max(map(abs, finite)) < 1e150:
        assert feature.quantiles == np.quantile(finite, GRID).tolist()
        assert feature.standard_deviation == pytest.approx(np.std(finite), rel=1e-9, abs=1e-12 * np.ptp(finite))
