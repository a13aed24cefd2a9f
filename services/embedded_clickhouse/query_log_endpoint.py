"""`GET /query_log`: which statements ran, as JSON."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from services.embedded_clickhouse.errors import ClickHouseError, access_denied, bad_arguments
from services.embedded_clickhouse.parts import Parts

_FIELDS = frozenset({"query_id", "user", "kind", "fingerprint", "exception_code", "since"})
_READERS = frozenset({"reader", "maintainer", "migrator"})


async def query_log(request: Request, *, parts: Parts) -> Response:
    """Answer with the newest statements first; the URL's parameters are conditions, and `limit` (1000)."""
    try:
        # `user` in the URL is a condition here, so the password comes in a header.
        user = parts.accounts.authenticate(request.headers, {})
        if user not in _READERS:
            raise access_denied(f"{user}: Not enough privileges to read the query log.")
        conditions, limit = _conditions(request.query_params)
        return JSONResponse(parts.query_log.answer(conditions, limit))
    except ClickHouseError as error:
        return PlainTextResponse(
            error.message(parts.engine.version),
            error.http_status,
            headers={"X-ClickHouse-Exception-Code": str(error.code)},
        )


def _conditions(parameters: Mapping[str, str]) -> tuple[Mapping[str, str], int]:
    conditions = {name: value for name, value in parameters.items() if name != "limit"}
    unknown = sorted(conditions.keys() - _FIELDS)
    if unknown:
        raise bad_arguments(f"The query log has no field {unknown[0]}.")
    limit = parameters.get("limit", "1000")
    since = conditions.get("since", "0")
    if not limit.isdecimal() or not since.replace(".", "", 1).isdecimal():
        raise bad_arguments("limit must be a whole number, since epoch seconds.")
    return conditions, int(limit)
