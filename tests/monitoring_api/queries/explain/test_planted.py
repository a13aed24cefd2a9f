"""Planted causes come first, and nothing where nothing was planted: a few seeds of what `make explain-check` proves."""

import pytest

from tests.monitoring_api.queries.explain.planted import NULL, SIZES, Cause, Planted, Question, run

pytestmark = pytest.mark.anyio
_PLANTED = [cause for cause in Cause if cause is not Cause.NOTHING]
EVEN, UNEQUAL = SIZES


@pytest.mark.parametrize("cause", _PLANTED)
@pytest.mark.parametrize(
    ("question", "size"), [(Question.WRONG, EVEN), (Question.WRONG, UNEQUAL), (Question.SLOW, EVEN)]
)
async def test_the_planted_cause_comes_first(store, question, cause, size):
    """Whatever it is, of wrong predictions and slow requests, also where one row in a hundred is selected."""
    ranked = await run(store, Planted(question, cause, size, seed=101))
    assert ranked.hit, ranked.explained.findings[:2]


@pytest.mark.parametrize("question", list(Question))
async def test_nothing_comes_where_nothing_was_planted(store, question):
    """Of four runs none reports anything; the full count is 16 of 200 at most."""
    ranked = [await run(store, Planted(question, Cause.NOTHING, NULL, seed)) for seed in range(101, 105)]
    assert sum(bool(each.explained.findings) for each in ranked) == 0


async def test_a_proxy_is_told_with_its_cause(store):
    """An attribute that mostly goes with the cause is no finding of its own, but one of the cause's other names."""
    ranked = await run(store, Planted(Question.WRONG, Cause.CATEGORY, EVEN, seed=1))
    first, *others = ranked.explained.findings
    fields = {part.field for each in others for part in each.candidate.parts}
    assert "proxy" not in fields
    assert "proxy" in {part.field for each in first.candidate.same for part in each.parts}
