"""Training: reproducible, honest about time, and equal in ONNX and scikit-learn."""

# the data set is in local time without zone

import hashlib
import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import onnxruntime
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from services.ml_api import training
from services.ml_api.model_store import MODEL_NAME, ModelStore
from services.ml_api.onnx_export import export
from services.ml_api.reference import MOST_BINS, score_bins
from services.ml_api.training import TrainingError, train

EVERY = 40


@pytest.fixture(scope="module")
def model(dataset):
    """A model of every 40th flight."""
    return train(dataset, every=EVERY)


def test_the_same_data_gives_the_same_version(dataset, model):
    """The artefact is reproducible to the byte."""
    again = train(dataset, every=EVERY)
    assert again.model_bytes == model.model_bytes
    assert again.card == model.card
    assert len(model.card.version) == 12


def test_other_data_gives_another_version(dataset, model):
    """The version is a hash of the content: one flipped label and it differs."""
    late = dataset.late.copy()
    first = np.flatnonzero(late >= 0)[0]
    late[first] = 1 - late[first]
    assert train(replace(dataset, late=late), every=EVERY).card.version != model.card.version


def test_rows_of_the_serving_months_change_nothing_but_the_metrics(dataset, model):
    """No leakage: what happens from October on does not reach the model."""
    late = dataset.late.copy()
    serving = (dataset.scheduled_departure >= np.datetime64(datetime(2013, 10, 1))) & (late >= 0)
    late[serving] = 1 - late[serving]
    other = train(replace(dataset, late=late), every=EVERY)
    assert other.model_bytes == model.model_bytes
    assert other.card.features == model.card.features
    assert other.card.metrics != model.card.metrics


def test_the_card_describes_the_training_rows(model):
    """Shares sum to one, quantiles rise, the scores' share of positives is near the labels'."""
    card = model.card
    assert [feature.name for feature in card.features][:4] == ["carrier", "origin", "dest", "distance"]
    for feature in card.features:
        if feature.type == "category":
            assert sum(feature.categories.values()) == pytest.approx(1, abs=1e-4)
        else:
            assert len(feature.quantiles) == 101
            assert feature.quantiles == sorted(feature.quantiles)
    assert card.scores.positive_ratio == pytest.approx(card.training.positive_share, abs=0.01)
    assert set(card.fallback) == {"EWR", "JFK", "LGA"}
    assert card.fallback["EWR"]["wind_gust"] is None
    assert set(card.metrics) == {"2013-10", "2013-11", "2013-12"}


def test_the_card_cuts_the_scores_into_bins_of_equal_size(model):
    """Edges rise, and no bin is far from its share of the scores: their quantiles are the card's own."""
    scores = model.card.scores
    assert 2_000 < len(scores.bins) <= MOST_BINS
    assert scores.bins == sorted(set(scores.bins))
    assert scores.bins[0] == scores.quantiles[0]
    for share in (25, 50, 75):
        assert np.searchsorted(scores.bins, scores.quantiles[share]) == pytest.approx(
            share / 100 * len(scores.bins), rel=0.03
        )


def test_few_different_scores_have_a_bin_each():
    """What is rare is not lost among what is common."""
    assert score_bins(np.array([0.5] * 99_990 + [0.25] * 9 + [0.75])) == [0.25, 0.5, 0.75]


def test_a_card_without_bins_still_loads(model, tmp_path):
    """A version that was stored before there were bins is what its hash says."""
    scores = model.card.scores.model_copy(update={"bins": None})
    content = model.card.model_copy(update={"scores": scores}).model_dump(mode="json", exclude={"version"})
    del content["scores"]["bins"]
    digest = hashlib.sha256(model.model_bytes)
    digest.update(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    version = digest.hexdigest()[:12]
    folder = tmp_path / MODEL_NAME / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.model_bytes)
    (folder / "card.json").write_text(json.dumps(content | {"version": version}))
    assert ModelStore(tmp_path).load(version).card.scores.bins is None


def test_the_model_is_better_than_chance(model):
    """Even from a fortieth of the data the late flights score higher in every month that it never saw."""
    assert all(month.roc_auc > 0.6 for month in model.card.metrics.values())


def test_a_wrong_export_is_refused(dataset, monkeypatch):
    """Training fails when the exported model does not score as the fitted one does."""

    def other(_model, **arguments):
        rng = np.random.default_rng(0)
        noise = HistGradientBoostingClassifier(max_iter=2).fit(rng.normal(size=(500, 13)), rng.integers(0, 2, 500))
        return export(noise, **arguments)

    monkeypatch.setattr(training, "export", other)
    with pytest.raises(TrainingError, match="differs"):
        train(dataset, every=200)


def test_export_equals_scikit_learn_on_awkward_rows():
    """Nulls on either side, unknown categories and values at a threshold take the same branch in both."""
    rng = np.random.default_rng(7)
    rows = 4000
    codes = rng.integers(-1, 3, size=rows).astype(np.float32)
    numbers = rng.choice(np.round(rng.normal(size=50), 1), size=(rows, 2)).astype(np.float32)
    numbers[rng.random((rows, 2)) < 0.2] = np.nan
    target = ((codes == 1) ^ (np.nan_to_num(numbers[:, 0], nan=2) > 0.3)).astype(int)
    matrix = np.column_stack([codes, numbers])
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(matrix, target)
    exported = export(model, name="test", categories={"colour": ["red", "green", "blue"]}, numbers=2)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    names = np.array(["red", "green", "blue", "never seen"], dtype=object)[codes.astype(int)]
    scores = session.run(["positive"], {"colour": names[:, None], "numbers": numbers})[0][:, 0]
    assert np.abs(scores - model.predict_proba(matrix)[:, 1]).max() < 1e-5
