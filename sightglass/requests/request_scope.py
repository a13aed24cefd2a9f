"""What has to be right about an ASGI scope before anything else looks at it."""

from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import quote

_NATIVE_TELEMETRY: Final = "fastapi.telemetry"
_ASCII: Final = bytes(range(128))


def prepare_scope(scope: MutableMapping[str, Any]) -> None:
    """Keep FastAPI's own telemetry from doubling ours, and percent-encode stray bytes of the query.

    FastAPI stands back where it sees OpenTelemetry's middleware, but a mounted FastAPI has none of its own and would
    add a second server span. A query that is no UTF-8 makes OpenTelemetry's middleware raise, hence a 500.
    """
    scope.setdefault(_NATIVE_TELEMETRY, None)
    query = scope.get("query_string")
    if query and not query.isascii():
        scope["query_string"] = quote(query, safe=_ASCII).encode()
