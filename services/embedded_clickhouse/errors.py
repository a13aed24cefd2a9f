"""What goes wrong, in ClickHouse's own terms: a code, a name and a text that clients understand."""

import re

_CODE = re.compile(r"Code:\s*(\d+)\.\s*(?:DB::Exception:\s*)?", re.ASCII)
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]{2,})\)")
_VERSION = re.compile(r"\s*\(version [^)]*\)")

_HTTP_STATUS = {
    60: 404,  # UNKNOWN_TABLE
    81: 404,  # UNKNOWN_DATABASE
    46: 404,  # UNKNOWN_FUNCTION
    47: 404,  # UNKNOWN_IDENTIFIER
    50: 404,  # UNKNOWN_TYPE
    16: 404,  # NO_SUCH_COLUMN_IN_TABLE
    27: 400,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
    36: 400,  # BAD_ARGUMENTS
    48: 501,  # NOT_IMPLEMENTED
    62: 400,  # SYNTAX_ERROR
    73: 400,  # UNKNOWN_FORMAT
    108: 400,  # NO_DATA_TO_INSERT
    115: 400,  # UNKNOWN_SETTING
    117: 400,  # INCORRECT_DATA
    159: 408,  # TIMEOUT_EXCEEDED
    160: 408,  # TOO_SLOW
    164: 403,  # READONLY
    192: 403,  # UNKNOWN_USER
    194: 401,  # REQUIRED_PASSWORD
    202: 503,  # TOO_MANY_SIMULTANEOUS_QUERIES
    216: 409,  # QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING
    307: 413,  # TOO_MANY_BYTES
    394: 499,  # QUERY_WAS_CANCELLED
    452: 400,  # SETTING_CONSTRAINT_VIOLATION
    456: 400,  # UNKNOWN_QUERY_PARAMETER
    457: 400,  # BAD_QUERY_PARAMETER
    497: 403,  # ACCESS_DENIED
    516: 403,  # AUTHENTICATION_FAILED
}


class ClickHouseError(Exception):
    """An error as ClickHouse tells it.

    Args:
        code: ClickHouse's error code.
        name: its symbolic name, such as `SYNTAX_ERROR`.
        text: what happened, without the code and the name.
    """

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.name = name
        self.text = text

    @classmethod
    def of(cls, cause: BaseException) -> "ClickHouseError":
        """Read the engine's exception text; what has no code is ClickHouse's own code for the unknown, 1002."""
        if isinstance(cause, cls):
            return cause
        text = _VERSION.sub("", str(cause)).strip()
        codes = list(_CODE.finditer(text))
        if not codes:
            return cls(1002, "UNKNOWN_EXCEPTION", text or type(cause).__name__)
        body = text[codes[-1].end() :].strip()
        names = _NAME.findall(body)
        name = names[-1] if names else "UNKNOWN_EXCEPTION"
        while body.endswith(f"({name})"):
            body = body[: -len(name) - 2].rstrip()
        return cls(int(codes[0].group(1)), name, body)

    @property
    def http_status(self) -> int:
        """The status that ClickHouse's HTTP interface gives this code."""
        return _HTTP_STATUS.get(self.code, 500)

    def message(self, version: str) -> str:
        """The line a client reads in the body of the answer."""
        return f"Code: {self.code}. DB::Exception: {self.text} ({self.name}) (version {version} (official build))\n"


def access_denied(text: str) -> ClickHouseError:
    """The user may not do this at all."""
    return ClickHouseError(497, "ACCESS_DENIED", text)


def bad_arguments(text: str) -> ClickHouseError:
    """The request cannot be understood."""
    return ClickHouseError(36, "BAD_ARGUMENTS", text)


def not_implemented(text: str) -> ClickHouseError:
    """ClickHouse can do this and the embedded one cannot."""
    return ClickHouseError(48, "NOT_IMPLEMENTED", text)


def setting_refused(text: str) -> ClickHouseError:
    """A setting, or its value, is not for this user to choose."""
    return ClickHouseError(452, "SETTING_CONSTRAINT_VIOLATION", text)
