"""The page that asks who somebody is, and says why it does not let them in."""

from dataclasses import replace
from typing import Final

import streamlit as st

from dashboard.api_client import ApiClient, caller
from dashboard.api_errors import ApiDeniedError, ApiError
from dashboard.identity import bearer
from dashboard.members import Refusal, address_of
from dashboard.oidc_file import DEFAULT, providers
from dashboard.plain_text import plain
from dashboard.session import connection, settings, sign_in, sign_out, why_signed_out
from dashboard.settings import SignIn
from dashboard.views.notices import failure_notice

_WIDTH: Final = 480
_NEEDED: Final = "read"
_WRONG: Final = (
    "**This token is not accepted.** It is not known, was revoked, or has expired. Check that all of it was copied; it "
    "begins with sgt\\_."
)
_WEAK: Final = "**This token may not look at the dashboard.** It needs the scope `read`, which the role `viewer` has."
_OPEN_API: Final = (
    "**Nobody can sign in, for the monitoring API asks nobody for a token.** So it cannot say whether yours is good. "
    "Set SIGHTGLASS_AUTH=on for the monitoring API and restart it."
)


def render(refusal: Refusal | None) -> None:
    """Draw the page.

    Args:
        refusal: why somebody who signed in may not look; None when nobody has.
    """
    with st.container(horizontal_alignment="center"), st.container(width=_WIDTH):
        st.title("Sign in", anchor=False)
        if refusal is not None and refusal is not Refusal.TOO_OLD:
            _refused(refusal)
            return
        if refusal is Refusal.TOO_OLD:
            st.info("Your sign-in has ended. Please sign in again.", icon=":material/schedule:")
        elif why := why_signed_out():
            st.info(why, icon=":material/lock:")
        if settings().way is SignIn.OIDC:
            _by_oidc()
        else:
            _by_token()


def _by_token() -> None:
    # Cleared on sending, so that the token stays nowhere but in the session's identity.
    with st.form("sign_in", clear_on_submit=True):
        token = st.text_input(
            "Token",
            type="password",
            autocomplete="off",
            key="sign_in.token",
            help="`sightglass tokens create NAME --role viewer` makes one. It is kept for this visit only.",
        )
        sent = st.form_submit_button("Sign in", type="primary")
    if sent:
        _try(token or "")
    st.caption(f"No token? {_ask_whom()}")


def _try(token: str) -> None:
    somebody = bearer(token)
    if somebody is None:
        st.error("Paste a token." if not token.strip() else _WRONG, icon=":material/key_off:")
        return
    try:
        with st.spinner("Asking the monitoring API …"):
            known = ApiClient(connection(), somebody).ask(caller())
    except ApiDeniedError:
        st.error(_WRONG, icon=":material/key_off:")
    except ApiError as error:
        failure_notice(error)
    else:
        if not known.authenticated:
            # It answers to any token, also to a made-up one.
            st.error(_OPEN_API, icon=":material/lock_open:")
        elif _NEEDED not in known.scopes:
            st.error(f"{_WEAK}  \n{plain(known.name)} has {plain(known.may)}.", icon=":material/block:")
        else:
            sign_in(replace(somebody, name=known.name, role=known.may))
            st.rerun()


def _by_oidc() -> None:
    for name in _providers():
        label = "Sign in" if name == DEFAULT else f"Sign in with {plain(name, 40)}"
        if st.button(label, type="primary", key=f"sign_in.{name}"):
            st.login(None if name == DEFAULT else name)
    st.caption("You will be asked by your organisation's identity provider, and come back here.")


@st.cache_resource(show_spinner=False)
def _providers() -> tuple[str, ...]:
    path = settings().oidc_file
    return providers(path) if path else ()


def _refused(refusal: Refusal) -> None:
    address = plain(address_of(st.user.to_dict()))
    reasons = {
        Refusal.NO_ADDRESS: "Your identity provider named no e-mail address that can be used.",
        Refusal.NOT_VERIFIED: f"Your identity provider has not verified the address {address}.",
        Refusal.NOT_LISTED: f"You are signed in as {address}, which is not among those who may look.",
    }
    st.error(f"**You may not see this dashboard.**  \n{reasons[refusal]}  \n{_ask_whom()}", icon=":material/block:")
    st.button("Sign in as somebody else", on_click=sign_out, key="sign_in.other")


def _ask_whom() -> str:
    contact = settings().contact
    whom = plain(contact, 200) if contact else "whoever runs this dashboard"
    return f"Ask {whom}."
