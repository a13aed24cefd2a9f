"""Multi-class figures against scikit-learn, on any rows."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from services.monitoring_api.errors import BadInput
from services.monitoring_api.queries.performance import multiclass
from services.monitoring_api.queries.performance.intervals import Z
from services.monitoring_api.queries.performance.measure import measure
from tests.monitoring_api.queries.performance.any_rows import SOME
from tests.monitoring_api.queries.performance.outcome_rows import as_rows

pytestmark = pytest.mark.anyio

_CLASSES = ["cancelled", "it's late", "on time"]


@st.composite
def _classified(draw):
    """Labels, decisions and scores of three classes, of which one may be rare, or the only one."""
    size = draw(st.integers(0, 200))
    random = Random(draw(st.integers(0, 2**32)))
    weights = draw(st.sampled_from([(1, 1, 1), (1, 10_000, 100), (0, 0, 1), (0, 1, 1)]))
    digits = draw(st.sampled_from([0, 1, 2, 17]))
    labels = random.choices(_CLASSES, weights, k=size)
    scores = [_probabilities(random, digits) for _ in range(size)]
    return labels, scores


def _probabilities(random: Random, digits: int) -> dict[str, float]:
    """Scores that sum to 1; the fewer digits, the more ties."""
    first = round(random.random(), digits)
    second = round((1 - first) * random.random(), digits)
    second = min(second, 1 - first)
    return dict(zip(_CLASSES, (first, second, 1 - first - second), strict=True))


def _decided(scores) -> list[str]:
    return [max(_CLASSES, key=each.__getitem__) for each in scores]


def _rows(labels, scores, decided=None) -> str:
    return as_rows(
        {"Labelled": True, "LabelValue": label, "Label": decision, "Scores": each, "Correct": label == decision}
        for label, each, decision in zip(labels, scores, decided or _decided(scores), strict=True)
    )


async def _measured(store, rows: str, **more):
    [found] = await measure(store, rows, {}, "multiclass", **({"least": 1} | more))
    return found


def _near(figure, expected):
    assert figure.value == pytest.approx(expected, rel=1e-9, abs=1e-12), figure


@SOME
@given(_classified())
async def test_decisions_equal_scikit_learn(store, rows):
    """Accuracy, balanced accuracy, MCC, and precision, recall and F1 by class, macro and weighted."""
    labels, scores = rows
    decided = _decided(scores)
    found = await _measured(store, _rows(labels, scores))
    if not labels:
        assert {figure.reason for figure in found.figures.values()} == {"no label"}
        return
    _near(found.figures["accuracy"], metrics.accuracy_score(labels, decided))
    if len(set(labels)) == 1:
        assert found.figures["f1_macro"].reason == "only one class among the labels"
        return
    _near(
        found.figures["balanced_accuracy"],
        metrics.recall_score(labels, decided, average="macro", labels=sorted(set(labels))),
    )
    if len(set(decided)) > 1:
        _near(found.figures["mcc"], metrics.matthews_corrcoef(labels, decided))
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        for average in ("macro", "weighted"):
            _near(found.figures[f"{name}_{average}"], score(labels, decided, average=average, zero_division=0))
        known = sorted(set(labels) | set(decided))
        for each, value in zip(known, score(labels, decided, average=None, zero_division=0), strict=True):
            figure = found.classes[each][name]
            assert figure.value == pytest.approx(value, rel=1e-9) if figure.n else figure.reason


@SOME
@given(_classified())
async def test_scores_equal_scikit_learn(store, rows):
    """Log loss, and ROC AUC of each class against the rest, macro and weighted."""
    labels, scores = rows
    found = await _measured(
        store, _rows(labels, scores), wanted=frozenset({"log_loss", "roc_auc", "roc_auc_macro", "roc_auc_weighted"})
    )
    if not labels:
        return
    matrix = np.array([[each[name] for name in _CLASSES] for each in scores])
    _near(found.figures["log_loss"], metrics.log_loss(labels, matrix, labels=_CLASSES))
    for column, name in enumerate(_CLASSES):
        hits = [label == name for label in labels]
        if len(set(hits)) == 2:
            _near(found.classes[name]["roc_auc"], metrics.roc_auc_score(hits, matrix[:, column]))
        else:
            assert found.classes[name]["roc_auc"].reason == "only one class among the labels"
    if len(set(labels)) == 3:
        for average in ("macro", "weighted"):
            expected = metrics.roc_auc_score(labels, matrix, multi_class="ovr", average=average, labels=_CLASSES)
            _near(found.figures[f"roc_auc_{average}"], expected)
    elif len(set(labels)) == 2:
        missing = next(name for name in _CLASSES if name not in labels)
        assert found.figures["roc_auc_macro"].reason == f"no label is of the class {missing!r}"
        assert found.figures["roc_auc_weighted"].value is not None


def _of_table(table) -> dict[str, float]:
    """Figures of a table of three classes by their definitions."""
    hits, true, decided, n = np.diag(table), table.sum(axis=1), table.sum(axis=0), table.sum()
    f1 = 2 * hits / (true + decided)
    spread = np.sqrt((n**2 - (true**2).sum()) * (n**2 - (decided**2).sum()))
    return {
        "f1_macro": f1.mean(),
        "f1_weighted": (true * f1).sum() / n,
        "precision_macro": (hits / decided).mean(),
        "precision_weighted": (true * hits / decided).sum() / n,
        "recall_weighted": hits.sum() / n,
        "balanced_accuracy": (hits / true).mean(),
        "mcc": (n * hits.sum() - (true * decided).sum()) / spread,
    }


def _drawn(random, truths, matrix) -> dict[str, list[float]]:
    """What the figures are over resamples."""
    drawn: dict[str, list[float]] = {}
    table = metrics.confusion_matrix(truths, matrix.argmax(axis=1))
    for shares in random.multinomial(len(truths), table.ravel() / len(truths), 2_000):
        for name, value in _of_table(shares.reshape(3, 3)).items():
            drawn.setdefault(name, []).append(value)
    for _ in range(150):
        rows = random.integers(0, len(truths), len(truths))
        hits = np.eye(3, dtype=bool)[truths[rows]]
        ranks = rankdata(matrix[rows], axis=0)
        below = (ranks * hits).sum(axis=0) - hits.sum(axis=0) * (hits.sum(axis=0) + 1) / 2
        areas = below / (hits.sum(axis=0) * (~hits).sum(axis=0))
        drawn.setdefault("roc_auc_macro", []).append(areas.mean())
        drawn.setdefault("roc_auc_weighted", []).append((areas * hits.mean(axis=0)).sum())
    return drawn


async def test_intervals_are_a_bootstraps(store):
    """They are as wide as those of resamples, within a tenth; those of areas over classes are no narrower."""
    random = np.random.default_rng(8)
    truths = random.choice(3, 1_000, p=[0.2, 0.5, 0.3])
    matrix = random.dirichlet([1, 1, 1], 1_000) + 0.5 * np.eye(3)[truths]
    matrix /= matrix.sum(axis=1, keepdims=True)
    scores = [dict(zip(_CLASSES, map(float, row), strict=True)) for row in matrix]
    found = (await _measured(store, _rows([_CLASSES[true] for true in truths], scores))).figures
    for name, values in _drawn(random, truths, matrix).items():
        ratio = (found[name].high - found[name].low) / 2 / (Z * np.std(values))
        assert 0.9 < ratio < (2 if name.startswith("roc_auc") else 1.1), name
    right = int((truths == matrix.argmax(axis=1)).sum())
    low, high = proportion_confint(right, 1_000, method="wilson")
    assert (found["accuracy"].low, found["accuracy"].high) == (pytest.approx(low), pytest.approx(high))


async def test_what_was_never_scored_is_left_out_of_scores(store):
    """A label beyond the scored classes is a wrong decision, but of no rank; scores beyond 0 to 1 have no log loss."""
    scores = [{"a": 0.7, "b": 0.3}] * 2 + [{"a": 7.0, "b": 0.3}] + [{"a": 0.2, "b": 0.8}] * 2
    rows = _rows(["a", "c", "a", "b", "b"], scores, ["a", "a", "a", "b", "a"])
    found = await _measured(store, rows)
    counted = {name: figure.n for name, figure in found.figures.items()}
    assert (counted["accuracy"], counted["mcc"], counted["roc_auc_macro"], counted["log_loss"]) == (5, 5, 4, 3)
    assert (found.figures["accuracy"].value, found.figures["roc_auc_macro"].value) == (0.6, 1.0)
    assert found.classes["c"]["precision"].reason == "nothing was decided to be of this class"
    assert found.classes["c"]["recall"].value == 0


async def test_groups_have_their_own_classes(store):
    """Each group's figures are of its rows alone; a small class says how few it is, a group without labels so."""
    rows = as_rows(
        [
            *(
                {
                    "Segment": "xy"[number % 2],
                    "Labelled": True,
                    "LabelValue": "ab"[number % 6 < 2],
                    "Label": "a",
                    "Scores": {"a": 0.5, "b": 0.5},
                    "Correct": number % 6 >= 2,
                }
                for number in range(60)
            ),
            {"Segment": "z", "Labelled": False, "Label": "a", "Scores": {"a": 1.0}},
        ]
    )
    found = await measure(store, rows, {}, "multiclass", ["Segment"])
    assert [(each.group, each.predictions, each.labels) for each in found] == [
        (("x",), 30, 30),
        (("y",), 30, 30),
        (("z",), 1, 0),
    ]
    assert found[0].classes["b"]["recall"].reason == "10 labels; 20 are the fewest that say anything"
    assert found[0].classes["a"]["recall"].value == 1.0
    assert found[0].figures["roc_auc_macro"].value == 0.5
    assert (found[2].classes, found[2].figures["accuracy"].reason) == ({}, "no label")


async def test_labels_that_are_no_classes_are_refused(store, monkeypatch):
    """More combinations of label, decision and group than can be told are a clear error."""
    monkeypatch.setattr(multiclass, "MOST_CELLS", 3)
    rows = _rows(list("abcd"), [{"a": 1.0}] * 4, list("aaaa"))
    with pytest.raises(BadInput, match="more than 3 ways"):
        await _measured(store, rows)
