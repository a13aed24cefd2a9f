"""The place that is kept for what a page asks for first."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("overview", {}),
        ("history", {}),
        ("models", {"model": "flight-delay"}),
        ("traces", {"section": "heatmap"}),
        ("alerts", {}),
        ("alerts", {"section": "notifications"}),
        ("pipeline", {}),
        ("pipeline", {"section": "map"}),
    ],
)
def test_the_first_answer_has_its_place_kept(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str, query: dict[str, str]
) -> None:
    """About as high as what is drawn then; a later one comes while the earlier stands, which keeps the place itself."""
    kept: list[int] = []
    skeleton = st.skeleton

    def watched(height: int) -> object:
        kept.append(height)
        return skeleton(height)

    monkeypatch.setattr(st, "skeleton", watched)
    opened = open_page(page, **query)
    assert not opened.exception
    assert len(kept) == 1
    assert 300 < kept[0] < 1000
    opened.run()
    assert not opened.exception
    assert len(kept) == 1
