"""Binary figures against scikit-learn and statsmodels, on any rows."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from services.monitoring_api.errors import BadInput
from services.monitoring_api.queries.performance.measure import measure
from tests.monitoring_api.queries.performance.any_rows import SCORES, SOME, labelled
from tests.monitoring_api.queries.performance.outcome_rows import as_rows, binary_outcome, many_binary

pytestmark = pytest.mark.anyio


async def _measured(store, labels: Sequence[bool | None], scores: Sequence[float | None], **more):
    rows = as_rows(binary_outcome(*row) for row in zip(labels, scores, strict=True))
    [found] = await measure(store, rows, {}, "binary", **({"least": 1} | more))
    return found


def _near(found, expected):
    assert found.value == pytest.approx(expected, rel=1e-9, abs=1e-12), found


def _both(labels) -> bool:
    return len(set(labels)) == 2


@SOME
@given(labelled())
async def test_decisions_equal_scikit_learn(store, rows):
    """Accuracy, balanced accuracy, precision, recall, F1 and MCC of any rows; undefined ones say why."""
    labels, scores = rows
    found = await _measured(store, labels, scores)
    assert (found.predictions, found.labels) == (len(labels), len(labels))
    decided = [score >= 0.5 for score in scores]
    if not labels:
        assert {figure.reason for figure in found.figures.values()} == {"no label"}
        return
    _near(found.figures["accuracy"], metrics.accuracy_score(labels, decided))
    names = ["balanced_accuracy", "recall", "f1"] + ["precision"] * any(decided) + ["mcc"] * _both(decided)
    named = {"mcc": "matthews_corrcoef", "balanced_accuracy": "balanced_accuracy_score"}
    for name in names:
        if _both(labels):
            _near(found.figures[name], getattr(metrics, named.get(name, f"{name}_score"))(labels, decided))
        else:
            assert found.figures[name].value is None
            assert found.figures[name].reason == "only one class among the labels"
    if _both(labels) and not any(decided):
        assert found.figures["precision"].reason == "nothing was decided to be of the positive class"


@SOME
@given(labelled())
async def test_probabilities_equal_scikit_learn(store, rows):
    """Log loss, clipped as there, and the Brier score of any probabilities from 0 to 1."""
    labels, scores = rows
    found = await _measured(store, labels, scores, wanted=frozenset({"log_loss", "brier"}))
    if labels:
        _near(found.figures["log_loss"], metrics.log_loss(labels, scores, labels=[False, True]))
        _near(found.figures["brier"], metrics.brier_score_loss(labels, scores, labels=[False, True], pos_label=True))


@SOME
@given(labelled(SCORES), st.booleans())
async def test_ranking_equals_scikit_learn(store, rows, intervals):
    """The areas under the ROC and precision-recall curves, with any ties and any finite scores, either way."""
    labels, scores = rows
    found = await _measured(store, labels, scores, intervals=intervals, wanted=frozenset({"roc_auc", "pr_auc"}))
    if _both(labels):
        _near(found.figures["roc_auc"], metrics.roc_auc_score(labels, scores))
        _near(found.figures["pr_auc"], metrics.average_precision_score(labels, scores))
    elif labels:
        assert {figure.reason for figure in found.figures.values()} == {"only one class among the labels"}


async def test_the_rarest_class_is_ranked(store):
    """One positive among ten thousand rows of four distinct scores."""
    labels = [number == 17 for number in range(10_000)]
    scores = [(number % 4) / 4 for number in range(10_000)]
    [found] = await measure(store, many_binary(10_000, "number = 17", "number % 4 / 4"), {}, "binary")
    _near(found.figures["roc_auc"], metrics.roc_auc_score(labels, scores))
    _near(found.figures["pr_auc"], metrics.average_precision_score(labels, scores))
    _near(found.figures["log_loss"], metrics.log_loss(labels, scores))


async def test_one_prediction_says_nothing_but_how_many_there_are(store):
    """Below the fewest labels there is no value, and the reason has the numbers."""
    found = await _measured(store, [True], [0.7], least=20)
    assert {figure.reason for figure in found.figures.values()} == {"1 label; 20 are the fewest that say anything"}
    assert {figure.value for figure in found.figures.values()} == {None}


async def test_what_has_no_probability_still_decided(store):
    """A score beyond 0 to 1 and one that is missing leave log loss, but the decisions that were stored count."""
    rows = as_rows(
        [
            *(binary_outcome(number % 2 == 0, 0.25 + number % 2 / 2) for number in range(4)),
            binary_outcome(True, 7.5, positive=True),
            binary_outcome(True, None, positive=True),
            binary_outcome(True, None),
            binary_outcome(None, 0.5),
        ]
    )
    [found] = await measure(store, rows, {}, "binary", least=1)
    counted = {name: figure.n for name, figure in found.figures.items()}
    assert (found.predictions, found.labels) == (8, 7)
    assert (counted["accuracy"], counted["f1"], counted["roc_auc"], counted["log_loss"]) == (6, 6, 5, 4)
    assert found.figures["accuracy"].value == pytest.approx(2 / 6)


async def test_groups_are_measured_apart(store):
    """Each combination of values is a group, in their order; a group without labels says so."""
    rows = as_rows(
        [
            *(binary_outcome(number % 3 == 0, number / 30, segment="b") for number in range(30)),
            *(binary_outcome(number % 3 == 0, 1 - number / 30, segment="a") for number in range(30)),
            binary_outcome(None, 0.5, segment="c"),
        ]
    )
    found = await measure(store, rows, {"word": "w"}, "binary", ["Segment", "{word:String}"])
    assert [each.group for each in found] == [("a", "w"), ("b", "w"), ("c", "w")]
    labels = [number % 3 == 0 for number in range(30)]
    for each, scores in zip(found, ([1 - n / 30 for n in range(30)], [n / 30 for n in range(30)]), strict=False):
        _near(each.figures["roc_auc"], metrics.roc_auc_score(labels, scores))
        _near(each.figures["pr_auc"], metrics.average_precision_score(labels, scores))
    assert (found[2].predictions, found[2].labels) == (1, 0)
    assert {figure.reason for figure in found[2].figures.values()} == {"no label"}


async def test_proportions_have_wilsons_interval(store):
    """Accuracy, precision and recall: statsmodels' Wilson interval, at the ends too."""
    labels, scores = [True] * 13 + [False] * 27, [0.9] * 13 + [0.1] * 20 + [0.8] * 7
    found = (await _measured(store, labels, scores)).figures
    for name, hits, n in (("accuracy", 33, 40), ("precision", 13, 20), ("recall", 13, 13)):
        low, high = proportion_confint(hits, n, method="wilson")
        assert (found[name].low, found[name].high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))


def _of_counts(tp, fp, fn, tn) -> dict[str, float]:
    """Figures of the four counts by their definitions."""
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "f1": 2 * tp / (2 * tp + fp + fn),
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
        "mcc": (tp * tn - fp * fn) / spread,
    }


async def test_other_decisions_have_a_bootstraps_interval(store):
    """F1, balanced accuracy and MCC: as wide as those of 4,000 resamples, within a tenth, and about where they lie."""
    counts = np.array([180, 70, 40, 710])
    labels = [True] * 180 + [False] * 70 + [True] * 40 + [False] * 710
    found = (await _measured(store, labels, [0.9] * 250 + [0.1] * 750)).figures
    drawn = [
        _of_counts(*map(float, each)) for each in np.random.default_rng(2).multinomial(1_000, counts / 1_000, 4_000)
    ]
    for name in drawn[0]:
        low, high = np.quantile([each[name] for each in drawn], [0.025, 0.975])
        assert found[name].high - found[name].low == pytest.approx(high - low, rel=0.1), name
        assert (found[name].high + found[name].low) / 2 == pytest.approx((high + low) / 2, abs=0.01), name


async def test_losses_have_the_interval_of_a_mean(store):
    """Log loss and Brier score: statsmodels' normal interval of the rows' losses."""
    random = np.random.default_rng(7)
    scores = random.beta(2, 3, 500)
    labels = random.random(500) < scores
    found = (await _measured(store, labels.tolist(), scores.tolist())).figures
    of_class = np.where(labels, scores, 1 - scores)
    for name, losses in (("log_loss", -np.log(of_class)), ("brier", (scores - labels) ** 2)):
        low, high = DescrStatsW(losses).zconfint_mean()
        assert (found[name].low, found[name].high) == (pytest.approx(low, rel=1e-9), pytest.approx(high, rel=1e-9))
    plain = (await _measured(store, labels.tolist(), scores.tolist(), intervals=False)).figures
    assert {(figure.low, figure.high) for figure in plain.values()} == {(None, None)}
    assert plain["log_loss"].value == pytest.approx(found["log_loss"].value, rel=1e-12)


async def test_only_what_is_wanted_is_asked(store):
    """Without the areas no scores are gathered and one statement does; an unknown name is refused with the others."""
    store.asked.clear()
    found = await _measured(store, [True, False], [0.7, 0.2], wanted=frozenset({"accuracy"}))
    assert list(found.figures) == ["accuracy"]
    assert len(store.asked) == 1
    assert "groupArray" not in store.asked[0].sql
    with pytest.raises(BadInput, match="'r2'"):
        await _measured(store, [True], [0.7], wanted=frozenset({"r2"}))
    with pytest.raises(BadInput, match="task"):
        await measure(store, as_rows([]), {}, "ranking")


async def test_no_rows_are_one_group(store):
    """Without groups there is one answer, also of nothing; with groups there is none."""
    [found] = await measure(store, as_rows([]), {}, "binary")
    assert (found.predictions, found.labels) == (0, 0)
    assert all(math.isnan(figure.value or math.nan) for figure in found.figures.values())
    assert await measure(store, as_rows([]), {}, "binary", ["Segment"]) == []
