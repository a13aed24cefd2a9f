"""A feature that tells the label is found, whatever its shape; one that does not is not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from services.monitoring_api.reference.hashing import of_texts
from services.monitoring_api.reference.leakage import (
    SUSPICIOUS_AUC,
    SUSPICIOUS_CORRELATION,
    roc_auc,
    tells_class,
    tells_number,
)

ROWS = 20_000


@pytest.fixture
def label(random):
    """Three in ten are 1."""
    return (random.random(ROWS) < 0.3).astype(np.int64)


def hashed(names):
    """Categories as a sample has them."""
    different, places = np.unique(np.asarray(names), return_inverse=True)
    return of_texts([str(each) for each in different])[places]


def test_the_area_is_scikit_learn_s(random):
    """With ties, few and many."""
    for digits in (0, 1, 3, 12):
        scores, positive = np.round(random.random(5_000), digits), random.random(5_000) < 0.1
        assert roc_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), rel=1e-12)


def test_what_tells_the_label_is_found(random, label):
    """Up, down, in the middle, by category, and by being there at all."""
    noise = random.normal(size=ROWS)
    near = label * 10 + noise
    assert tells_class(near, label).figure > SUSPICIOUS_AUC
    assert tells_class(-near, label).figure > SUSPICIOUS_AUC
    between = np.where(label == 1, random.uniform(0.4, 0.6, ROWS), random.choice([0.1, 0.9], ROWS) + noise * 0.01)
    assert tells_class(between, label).figure > SUSPICIOUS_AUC
    names = np.where(label == 1, random.choice(["a", "b"], ROWS), random.choice(["c", "d"], ROWS))
    assert tells_class(hashed(names), label).figure > SUSPICIOUS_AUC
    there = np.where(label == 1, noise, np.nan)
    assert tells_class(there, label).figure > SUSPICIOUS_AUC


def test_what_does_not_tell_it_is_not_suspected(random, label):
    """Noise, a good feature, a category that came once, and a null in some rows."""
    noise = random.normal(size=ROWS)
    assert tells_class(noise, label).figure < 0.55
    assert 0.8 < tells_class(label * 1.5 + noise, label).figure < 0.95
    ids = hashed(np.arange(ROWS))
    assert tells_class(ids, label).figure < 0.55
    assert tells_class(np.where(random.random(ROWS) < 0.5, noise, np.nan), label).figure < 0.55


def test_one_class_of_several_is_enough(random):
    """A feature that tells only one of three classes leaks."""
    label = random.integers(0, 3, ROWS)
    told = tells_class((label == 2) * 5 + random.normal(size=ROWS) * 0.1, label)
    assert told.figure > SUSPICIOUS_AUC
    assert told.of_class == 2


def test_too_few_labels_say_nothing():
    """Twenty rows of each class in both halves are the fewest."""
    label = np.zeros(1_000, dtype=np.int64)
    label[:10] = 1
    assert tells_class(label.astype(np.float64), label) is None
    assert tells_class(np.zeros(1_000), np.zeros(1_000, dtype=np.int64)) is None
    assert tells_number(np.arange(30.0), np.arange(30.0)) is None


def test_measured_labels(random):
    """A copy in other units and a curve are found, noise and constants are not."""
    measured = random.lognormal(0, 1, ROWS)
    assert tells_number(measured * 3 + 1, measured).figure > SUSPICIOUS_CORRELATION
    assert tells_number(-np.log(measured), measured).figure > SUSPICIOUS_CORRELATION
    assert tells_number(hashed(np.round(measured, 1)), measured).figure > SUSPICIOUS_CORRELATION
    assert tells_number(random.normal(size=ROWS), measured).figure < 0.1
    assert tells_number(np.zeros(ROWS), measured).figure == 0.0
