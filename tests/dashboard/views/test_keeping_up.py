"""Which pages ask again by themselves, how soon, and what of them is drawn anew then."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]
OVER = "2026-07-02T00:00:00Z"


@pytest.mark.parametrize(
    ("page", "query", "seconds"),
    [
        ("history", {"metric": "request_rate", "from": "now-1h"}, 15),
        ("history", {"metric": "request_rate", "from": "now-6h", "step": "15m"}, 60),
        ("history", {"metric": "request_rate", "from": "now-24h"}, 60),
        ("history", {"metric": "request_rate", "from": "2026-07-01T00:00:00Z", "to": OVER}, None),
        ("models", {"from": "now-7d"}, 60),
        ("models", {"from": "2026-07-01T00:00:00Z", "to": OVER}, None),
        ("logs", {"from": "now-1h"}, None),
        ("predictions", {"from": "now-24h"}, None),
    ],
)
def test_a_part_asks_again_while_its_range_moves_on(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str, query: dict[str, str], seconds: float | None
) -> None:
    """The answers, not the page with its choices; lists that somebody reads stand still."""
    paces: dict[str, float | None] = {}
    fragment = st.fragment

    def noted(part: Callable[..., None], *, run_every: float | None = None) -> Callable[..., None]:
        paces[part.__module__.rpartition(".")[2] + part.__name__] = run_every
        return fragment(part, run_every=run_every)

    monkeypatch.setattr(st, "fragment", noted)
    assert not open_page(page, **query).exception
    whole = {name: pace for name, pace in paces.items() if not name.startswith("account")}
    assert list(whole.values()) == [seconds], whole
