"""The script that Streamlit runs for each look at a page: the frame and the navigation."""

from pathlib import Path

import streamlit as st

from dashboard.identity import Identity
from dashboard.navigation import keep_pages
from dashboard.pages import streamlit_pages
from dashboard.session import identity, is_dark
from dashboard.views import account, look, search_box, sign_in

HERE = Path(__file__).parent
# Streamlit shows its menu, where light and dark are chosen, only when it holds something of ours too.
ABOUT = "**Sightglass** watches machine-learning services in production."


def main() -> None:
    """Draw the frame and the page that was asked for, or the one that asks to sign in."""
    st.set_page_config(
        page_title="Sightglass",
        page_icon=str(HERE / "logo_mark.svg"),
        layout="wide",
        menu_items={"About": ABOUT},
    )
    st.logo(str(HERE / ("logo_dark.svg" if is_dark() else "logo.svg")), size="large")
    look.render()
    somebody = identity()
    pages = streamlit_pages()
    # Also hidden, the navigation keeps the address that was asked for: signing in leads to it.
    page = st.navigation(list(pages.values()), position="top" if isinstance(somebody, Identity) else "hidden")
    if not isinstance(somebody, Identity):
        sign_in.render(somebody)
        return
    keep_pages(pages)
    account.render(somebody)
    search_box.render()
    page.run()


main()
