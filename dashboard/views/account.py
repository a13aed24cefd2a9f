"""Who is signed in, with the way out."""

import streamlit as st

from dashboard.api_client import catalogue
from dashboard.api_errors import ApiError
from dashboard.identity import Identity
from dashboard.plain_text import plain
from dashboard.session import asker, client, leave_when_denied, settings, sign_out
from dashboard.settings import SignIn


def render(somebody: Identity) -> None:
    """Draw name, role and the button that signs out; nothing where nobody signs in."""
    if settings().way is SignIn.NONE:
        return
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="account"):
        role = f" · {somebody.role}" if somebody.role else ""
        st.markdown(f":gray[:material/account_circle: {plain(somebody.name)}{role}]", width="content")
        st.button("Sign out", type="tertiary", on_click=sign_out, key="account.sign_out")
    st.fragment(_watch, run_every=settings().refresh_seconds)()


def _watch() -> None:
    """See to it that a page which asks nothing by itself also ends with the sign-in."""
    asker()
    if settings().way is SignIn.TOKEN:
        try:
            client().ask(catalogue())
        except ApiError as error:
            leave_when_denied(error)
