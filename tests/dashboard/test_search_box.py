"""Where a pasted id leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.search_box import LONGEST, Candidate, Destination, Kind, best_guess, candidates, destination, not_found

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
UUID = "0198f1c2-7d3e-7c55-9c9a-2f4f6a3b9f10"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (TRACE, [Kind.TRACE, Kind.PREDICTION, Kind.ENTITY]),
        (f'  "{TRACE.upper()}",\n', [Kind.TRACE, Kind.PREDICTION, Kind.ENTITY]),
        (SPAN, [Kind.SPAN, Kind.ALERT, Kind.PREDICTION, Kind.ENTITY]),
        (UUID, [Kind.PREDICTION, Kind.ENTITY]),
        ("order-17", [Kind.PREDICTION, Kind.ENTITY]),
        (f"00-{TRACE}-{SPAN}-01", [Kind.TRACE]),
        ("", []),
        ("  ' ", []),
        ("x" * (LONGEST + 1), []),
    ],
)
def test_a_text_is_taken_for_what_it_looks_like(text: str, kinds: list[Kind]) -> None:
    """The likeliest comes first; quotes and spaces around it are no part of it."""
    assert [candidate.kind for candidate in candidates(text)] == kinds


def test_each_id_lands_on_its_page() -> None:
    """With the parameters that the page's address takes."""
    assert destination(candidates(TRACE.upper())[0]) == Destination("traces", {"trace": [TRACE]})
    assert destination(candidates(f"00-{TRACE}-{SPAN}-01")[0]).query == {"trace": [TRACE], "span": [SPAN]}
    assert destination(Candidate(Kind.PREDICTION, UUID)) == Destination("predictions", {"prediction": [UUID]})
    assert destination(Candidate(Kind.ALERT, SPAN)).query == {"section": ["alerts"], "alert": [SPAN]}
    assert destination(Candidate(Kind.ENTITY, "e1")).page == "predictions"


@given(st.text(max_size=300))
def test_any_text_is_at_least_somebodys_id_or_nothing(text: str) -> None:
    """Nothing that is pasted fails."""
    kinds = [candidate.kind for candidate in candidates(text)]
    assert kinds == [] or kinds[-1] == Kind.ENTITY or kinds == [Kind.TRACE]


def test_what_was_looked_for_is_said() -> None:
    """And what could not be."""
    assert not_found("x", candidates("x")) == (
        "Nothing is stored under x: looked for a prediction or an entity with predictions in the last 7 days."
    )
    said = not_found(SPAN, candidates(SPAN), [Kind.SPAN])
    assert "an alert, a prediction or an entity" in said
    assert "did not say whether it is a span" in said
    assert "Paste the id" in not_found("", [])


def test_while_nobody_answers_the_form_decides() -> None:
    """The page of a trace or of a prediction keeps asking; other texts stay where they are, and say so."""
    everything = list(Kind)
    assert best_guess(candidates(TRACE), everything) == Candidate(Kind.TRACE, TRACE)
    assert best_guess(candidates(UUID), everything) == Candidate(Kind.PREDICTION, UUID)
    assert best_guess(candidates(SPAN), everything) is None
    assert best_guess(candidates("order-17"), everything) is None
    assert best_guess(candidates(TRACE), [Kind.ENTITY]) is None
    assert best_guess([], everything) is None
