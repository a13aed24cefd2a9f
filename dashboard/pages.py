"""Every page of the dashboard: its address, title, icon and what draws it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from dashboard.views import alerts, history, logs, models, overview, pipeline, predictions, traces


@dataclass(frozen=True)
class PageOf:
    """One page.

    Attributes:
        title: in the navigation.
        icon: a Material symbol.
        render: draws it.
    """

    title: str
    icon: str
    render: Callable[[], None]


FIRST: Final = "overview"
PAGES: Final = {
    "overview": PageOf("Overview", ":material/dashboard:", overview.render),
    "history": PageOf("History", ":material/show_chart:", history.render),
    "models": PageOf("Models", ":material/model_training:", models.render),
    "predictions": PageOf("Predictions", ":material/online_prediction:", predictions.render),
    "traces": PageOf("Traces", ":material/account_tree:", traces.render),
    "logs": PageOf("Logs", ":material/subject:", logs.render),
    "alerts": PageOf("Alerts", ":material/notifications:", alerts.render),
    "pipeline": PageOf("Pipeline", ":material/valve:", pipeline.render),
}


def streamlit_pages(first: str = FIRST) -> dict[str, Any]:
    """Streamlit's page objects by name, in the order of the navigation.

    Args:
        first: the page that is shown when the address names none.
    """
    return {
        name: st.Page(page.render, title=page.title, icon=page.icon, url_path=name, default=name == first)
        for name, page in PAGES.items()
    }
