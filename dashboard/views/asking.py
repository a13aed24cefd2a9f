"""Questions that take long: asked at once, and not again within half a minute."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.api_client import ApiClient, Question
from dashboard.last_known import present_look
from dashboard.recent_answers import RecentAnswers
from dashboard.session import asker, connection


def ask_lately(questions: Sequence[Question[Any]], *, anew: Sequence[Question[Any]] = ()) -> list[Any]:
    """For each question its answer, at most half a minute old, or the `ApiError` that stands for it.

    Args:
        questions: whose answers may be kept.
        anew: more questions, asked at the same time; their answers are of now, and come last. They are kept for others.
    """
    somebody = asker()
    # Everybody with the same rights is given what is kept here: nothing old may come among it.
    client = ApiClient(connection(), somebody)
    found = _recent().ask_all(client, _rights(), questions, anew=anew)
    look = present_look()
    if look is None:
        return found
    return [look.settle(question, answer) for question, answer in zip([*questions, *anew], found, strict=True)]


def known_lately(questions: Sequence[Question[Any]]) -> bool:
    """Whether the answers to all of these are there, so that `ask_lately` gives them at once."""
    return _recent().knows(_rights(), questions)


def _rights() -> str:
    somebody = asker()
    return f"{somebody.rights} {somebody.name}"


@st.cache_resource(show_spinner=False)
def _recent() -> RecentAnswers:
    return RecentAnswers()
