"""What the browser may load and run on the dashboard's pages: what Streamlit ships, and nothing else."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_policy(page: str) -> str:
    """The Content-Security-Policy of every answer.

    Args:
        page: Streamlit's index.html. Its own inline scripts are allowed by their hashes, so that an upgrade of
            Streamlit needs no change here and text from anywhere else never runs.
    """
    scripts = " ".join(f"'sha256-{_digest(script)}'" for script in _INLINE_SCRIPT.findall(page))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {scripts}".rstrip(),
            "style-src 'self' 'unsafe-inline'",  # Streamlit's components and charts write their styles at run time
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self'",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def streamlit_page() -> str:
    """The text of the page that the installed Streamlit serves for every address."""
    import streamlit  # noqa: PLC0415  # slow, and only the serving process needs it

    return (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
