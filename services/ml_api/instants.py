"""Moments as people send them: RFC 3339 text with an offset, or seconds since 1970."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def parse_instant(value: Any) -> datetime:
    """The moment that `value` means, in UTC.

    Raises:
        ValueError: It is neither form, has no offset, or lies outside of 2000 to 2099.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("not an RFC 3339 time such as 2013-12-08T12:15:00Z") from None
        if moment.tzinfo is None:
            raise ValueError("has no offset; write it as 2013-12-08T12:15:00Z")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not EARLIEST.timestamp() <= value < LATEST.timestamp():
            raise ValueError("not seconds since 1970 within the years 2000 to 2099")
        moment = datetime.fromtimestamp(value, UTC)
    else:
        raise ValueError("neither an RFC 3339 time nor seconds since 1970")  # noqa: TRY004  (pydantic wants ValueError)
    if not EARLIEST <= moment < LATEST:
        raise ValueError("outside of the years 2000 to 2099")
    return moment.astimezone(UTC)


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(lambda moment: moment.isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]}),
]
