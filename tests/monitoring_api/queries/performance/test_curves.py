"""The confusion matrix, and what any threshold would do and cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from services.monitoring_api.errors import BadInput
from services.monitoring_api.queries.performance.confusion import Confusion
from services.monitoring_api.queries.performance.curves import confusion, thresholds
from tests.monitoring_api.queries.performance.any_rows import SCORES, SOME, labelled
from tests.monitoring_api.queries.performance.outcome_rows import as_rows, binary_outcome

pytestmark = pytest.mark.anyio


def _rows(labels, scores) -> str:
    return as_rows(binary_outcome(*row) for row in zip(labels, scores, strict=True))


@SOME
@given(labelled(SCORES), st.lists(SCORES, min_size=1, max_size=12), st.booleans())
async def test_every_threshold_decides_as_scikit_learn(store, rows, at, own):
    """Of any scores and thresholds, also those that are scores: the four counts, precision and recall."""
    labels, scores = rows
    if own and scores:
        at = [*at, *scores[:5]]
    [curve] = await thresholds(store, _rows(labels, scores), {}, at, least=1)
    assert (curve.labels, curve.n) == (len(labels), len(labels))
    if len(set(labels)) < 2:
        assert (curve.points, curve.reason) == ((), "only one class among the labels" if labels else "no label")
        return
    assert [point.threshold for point in curve.points] == sorted(set(at))
    for point in curve.points:
        decided = [score >= point.threshold for score in scores]
        tn, fp, fn, tp = metrics.confusion_matrix(labels, decided, labels=[False, True]).ravel()
        assert point.counts == Confusion(tp, fp, fn, tn)
        assert point.recall.value == pytest.approx(metrics.recall_score(labels, decided))
        if any(decided):
            assert point.precision.value == pytest.approx(metrics.precision_score(labels, decided, zero_division=0))
        else:
            assert point.precision.reason == "nothing was decided to be of the positive class"


async def test_thresholds_cost_what_their_errors_do(store):
    """A miss that costs five false alarms moves the cheapest threshold down; the group's rows alone count."""
    rows = as_rows(
        [
            *(binary_outcome(n > 11, n / 20, segment="a") for n in range(20) if n not in (9, 13)),
            binary_outcome(True, 0.45, segment="a"),
            binary_outcome(False, 0.65, segment="a"),
            *(binary_outcome(n % 2 == 0, 0.5, segment="b") for n in range(30)),
        ]
    )
    at = [n / 20 for n in range(20)]
    even, _ = await thresholds(store, rows, {}, at, ["Segment"])
    dear, other = await thresholds(store, rows, {}, at, ["Segment"], cost_false_negative=5)
    assert (even.cheapest().threshold, even.cheapest().cost) == (0.6, 2)
    assert (dear.cheapest().threshold, dear.cheapest().cost, dear.cheapest().mean_cost) == (0.45, 3, 0.15)
    assert [point.cost for point in other.points] == [15] * 11 + [75] * 9


async def test_thresholds_that_are_none_are_refused(store):
    """No threshold, too many, one that is no number, and a cost below 0 name their field."""
    for at in ([], [0.5] * 1_001, [float("nan")], [float("inf")]):
        with pytest.raises(BadInput, match="thresholds"):
            await thresholds(store, as_rows([]), {}, at)
    with pytest.raises(BadInput, match="cost_false_positive"):
        await thresholds(store, as_rows([]), {}, [0.5], cost_false_positive=-1)
    with pytest.raises(BadInput, match="cost_false_negative"):
        await thresholds(store, as_rows([]), {}, [0.5], cost_false_negative=float("inf"))


async def test_decisions_are_counted_as_they_were_made(store):
    """A binary matrix by class and by the positive class, from the stored decision, whatever the score."""
    made = {"Labelled": True, "Score": 0.1}
    late = made | {"LabelValue": "late", "Actual": True}
    on_time = made | {"LabelValue": "on time", "Actual": False}
    rows = as_rows(
        [
            *[late | {"Label": "late", "Positive": True, "Correct": True}] * 3,
            *[late | {"Label": "on time", "Positive": False, "Correct": False}] * 2,
            on_time | {"Label": "late", "Positive": True, "Correct": False},
            {"Labelled": False, "Label": "late", "Positive": True},
        ]
    )
    [found] = await confusion(store, rows, {}, "binary")
    assert (found.n, found.classes, found.counts) == (6, ["late", "on time"], [[3, 2], [1, 0]])
    assert found.binary == Confusion(3, 1, 2, 0)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), min_size=1, max_size=60))
@SOME
async def test_matrices_of_any_classes_are_scikit_learns(store, pairs):
    """Rows by class, columns by decision, over the classes that occur."""
    rows = as_rows(
        {"Labelled": True, "LabelValue": true, "Label": decided, "Correct": true == decided} for true, decided in pairs
    )
    [found] = await confusion(store, rows, {}, "multiclass")
    true, decided = zip(*pairs, strict=True)
    assert found.classes == sorted({*true, *decided})
    assert found.counts == metrics.confusion_matrix(true, decided).tolist()


async def test_a_matrix_of_nothing(store):
    """Without rows there is one empty matrix; a regression has none."""
    [found] = await confusion(store, as_rows([]), {}, "binary")
    assert (found.n, found.classes, found.counts, found.binary) == (0, [], [], Confusion(0, 0, 0, 0))
    with pytest.raises(BadInput, match="task"):
        await confusion(store, as_rows([]), {}, "regression")
