"""What the URL (and the fields of a form) say: the protocol's own parameters, bound values and settings."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.embedded_clickhouse.errors import bad_arguments, not_implemented

# Words of the protocol itself: everything else in the URL is a setting.
_PROTOCOL = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "user",
        "password",
        "quota_key",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "compress",
        "decompress",
        "role",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "http_wait_end_of_query",
        "http_response_buffer_size",
        "http_write_exception_in_output_format",
        # What HyperDX writes on its questions; the adapter's own mark stands there, so it is taken and not used.
        "log_comment",
    }
)
# Both go into headers, and a format's name into the statement.
_FORMAT = re.compile(r"^\w{1,64}$", re.ASCII)
_QUERY_ID = re.compile(r"^[\x21-\x7e]{1,200}$")
_TRUE = frozenset({"1", "true", "True"})


@dataclass(frozen=True)
class RequestParameters:
    """A request's parameters, told apart."""

    query: str = ""
    database: str = ""
    default_format: str = "TabSeparated"
    query_id: str = ""
    protocol_version: int = 0
    wait_end_of_query: bool = False
    compress_answer: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def read_parameters(pairs: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> RequestParameters:
    """Tell a request's parameters apart.

    Raises:
        ClickHouseError: for a part of the protocol that the embedded ClickHouse does not have.
    """
    protocol: dict[str, str] = {}
    values: dict[str, str] = {}
    settings: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith("param_"):
            values[name.removeprefix("param_")] = value
        elif name == "query":
            protocol[name] = protocol.get(name, "") + value
        elif name in _PROTOCOL:
            protocol[name] = value
        else:
            settings[name] = value
    for name in ("compress", "decompress"):
        if protocol.get(name) in _TRUE:
            raise not_implemented(
                f"'{name}=1' asks for ClickHouse's own compressed frames. Use Accept-Encoding and Content-Encoding "
                "with lz4, zstd or gzip, or no compression (clickhouse-go: compress=none)."
            )
    if protocol.get("role"):
        raise not_implemented("The embedded ClickHouse has four fixed users and no roles.")
    _check_words(protocol, headers)
    version = protocol.get("client_protocol_version", "0")
    if not version.isascii() or not version.isdigit():
        raise bad_arguments(f"client_protocol_version must be a number, not '{version}'.")
    wait = protocol.get("wait_end_of_query") in _TRUE or protocol.get("http_wait_end_of_query") in _TRUE
    return RequestParameters(
        query=protocol.get("query", ""),
        database=protocol.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=protocol.get("default_format") or headers.get("x-clickhouse-format", "") or "TabSeparated",
        query_id=protocol.get("query_id", ""),
        protocol_version=int(version),
        wait_end_of_query=wait,
        compress_answer=protocol.get("enable_http_compression") in _TRUE,
        values=values,
        settings=settings,
    )


def _check_words(protocol: Mapping[str, str], headers: Mapping[str, str]) -> None:
    output_format = protocol.get("default_format") or headers.get("x-clickhouse-format", "")
    if output_format and not _FORMAT.match(output_format):
        raise bad_arguments("default_format must be the name of a format.")
    if protocol.get("query_id") and not _QUERY_ID.match(protocol["query_id"]):
        raise bad_arguments("query_id must have at most 200 visible ASCII characters.")
