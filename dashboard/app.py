"""The script that Streamlit runs for each look at a page: the frame and the navigation."""

from pathlib import Path

import streamlit as st

from dashboard.identity import Identity
from dashboard.session import identity
from dashboard.views import account, alerts, history, overview, sign_in

HERE = Path(__file__).parent


def main() -> None:
    """Draw the frame and the page that was asked for, or the one that asks to sign in."""
    st.set_page_config(page_title="Sightglass", page_icon=str(HERE / "logo_mark.svg"), layout="wide", menu_items={})
    st.logo(str(HERE / "logo.svg"), size="large")
    history_page = st.Page(history.render, title="History", url_path="history", icon=":material/show_chart:")

    def draw_alerts() -> None:
        alerts.render(history_page)

    alerts_page = st.Page(draw_alerts, title="Alerts", url_path="alerts", icon=":material/notifications:")

    def draw_overview() -> None:
        overview.render(history_page, alerts_page)

    overview_page = st.Page(
        draw_overview, title="Overview", url_path="overview", icon=":material/dashboard:", default=True
    )
    somebody = identity()
    # Also hidden, the navigation keeps the address that was asked for: signing in leads to it.
    pages = [overview_page, history_page, alerts_page]
    page = st.navigation(pages, position="top" if isinstance(somebody, Identity) else "hidden")
    if not isinstance(somebody, Identity):
        sign_in.render(somebody)
        return
    account.render(somebody)
    page.run()


main()
