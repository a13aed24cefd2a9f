"""How commands ask the APIs of an instance: with its authorities, with the person's token, past any proxy."""

import ssl
from pathlib import Path

import httpx


def api_client(base_url: str, *, ca_file: Path | None, token: str | None, timeout_seconds: float) -> httpx.Client:
    """Open a client; what it is given stays out of its text.

    Args:
        base_url: the API's.
        ca_file: certificates that may vouch for an https URL; None: the system's.
        token: shown to the API; None shows none.
        timeout_seconds: longest wait for an answer.
    """
    return httpx.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=timeout_seconds,
        verify=ssl.create_default_context(cafile=ca_file),
        trust_env=False,
    )
