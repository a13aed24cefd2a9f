"""The verdict of `demo --check`."""

import math

from services.cli.demo import check
from services.cli.demo.check import Row
from services.cli.demo.ledger import Sent
from services.cli.demo.session import CheckResult


class _Store:
    """Answers the counts it is given, one answer after the other, the last for ever."""

    def __init__(self, *answers):
        self._answers = list(answers)

    def rows(self, *_):
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def _answer(requests, spans, predictions, labels):
    names = ("requests", "spans", "predictions", "labels")
    return [[name, count, count] for name, count in zip(names, (requests, spans, predictions, labels), strict=True)]


def test_equal_counts_agree():
    """Sent, stored and distinct the same in each row is agreement."""
    rows = check.backfilled(_Store(_answer(4, 12, 2, 2)), Sent(4, 12, 2, 2), patience_seconds=0)
    assert all(row.agrees for row in rows)


def test_a_lost_row_is_a_difference():
    """One prediction fewer than sent is shown as such, and only that row differs."""
    rows = check.backfilled(_Store(_answer(4, 12, 1, 2)), Sent(4, 12, 2, 2), patience_seconds=0)
    assert [row.what for row in rows if not row.agrees] == ["predictions"]


def test_a_duplicate_that_shows_is_a_difference():
    """More rows than identities would be counted twice by users, so it differs."""
    assert not Row("predictions", sent=2, stored=3, distinct=2).agrees


def test_rows_on_their_way_are_waited_for():
    """A first count that is short is asked again within the patience."""
    store = _Store(_answer(4, 12, 1, 2), _answer(4, 12, 2, 2))
    assert all(row.agrees for row in check.backfilled(store, Sent(4, 12, 2, 2), patience_seconds=5))


def test_the_delay_of_a_request_that_never_shows_is_infinite():
    """Infinity stays in the percentile, so that it cannot hide."""
    delays = check.Delays.of([1.0] * 18 + [math.inf] * 2)
    assert delays.p50 == 1.0
    assert delays.p95 == math.inf
    assert delays.unseen == 2


def test_a_prediction_that_never_shows_is_no_agreement():
    """Equal counts are not enough: what cannot be seen in time is a failure of the check."""
    rows = (Row("predictions", 1, 1, 1),)
    assert CheckResult(rows, check.Delays(2, 0, 1.0, 1.0), 0.0).agrees
    assert not CheckResult(rows, check.Delays(2, 1, 1.0, math.inf), 0.0).agrees
