"""The OTEL_* variables: what OpenTelemetry could not use is put right, or taken away, before it is read.

Some of them OpenTelemetry reads when it is imported, and refuses with an exception, so nothing here may import it.
"""

import logging
import math
import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import unquote, urlsplit

Environment = Mapping[str, str]
Keep = Callable[[str, Environment], str | None]

_logger = logging.getLogger("sightglass.startup")

_SIGNALS: Final = ("", "_TRACES", "_METRICS", "_LOGS")
QUEUE_SIZE: Final = 16_384
"""Spans or log records that wait at most, unless OTEL_BSP_MAX_QUEUE_SIZE or OTEL_BLRP_MAX_QUEUE_SIZE says otherwise."""

_PROCESSORS: Final = ("OTEL_BSP", "OTEL_BLRP")
_SAMPLERS: Final = ("always_on", "always_off", "parentbased_always_on", "parentbased_always_off")
_RATIO_SAMPLERS: Final = ("traceidratio", "parentbased_traceidratio")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LONGEST_SHOWN: Final = 40
# Waiting longer than 30 years overflows in the operating system.
_LARGEST: Final = 1e9
_STATUS_CODES: Final = frozenset(
    {
        *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
        *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
        *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
    }
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one variable may be.

    Args:
        expected: Ends the sentence "it is not ...".
        keep: What can be used of a value: all, a part, or None.
        secret: Whether the value may hold one, and is not to be logged.
        blank: Whether a blank value means something; that of the others counts as none, as OpenTelemetry has it.
    """

    expected: str
    keep: Keep
    secret: bool = False
    blank: bool = False


def settle(environ: MutableMapping[str, str] = os.environ, *, importing: bool = False) -> list[str]:
    """Replace what can't be used in the OTEL_* variables by what can, or by nothing, with a warning for each.

    Args:
        environ: The variables; they are changed, also for child processes.
        importing: Look only at those that OpenTelemetry reads when it is imported.

    Returns:
        The names of the variables that were changed.
    """
    changed = []
    for name, rule in _READ_ON_IMPORT.items() if importing else _RULES.items():
        if (text := environ.get(name)) is None or (rule.blank and not text.strip()):
            continue
        kept = _what_can_be_used(rule, text.strip(), environ)
        if text.strip().lower() not in ("", (kept or "").lower()):
            changed.append(name)
            _warn(name, text, rule, kept)
        if not kept:
            del environ[name]
        elif kept != text.strip():
            environ[name] = kept
    return changed


def _what_can_be_used(rule: Rule, text: str, environ: Environment) -> str | None:
    if not text:
        return None
    try:
        return rule.keep(text, environ)
    except Exception:
        return None


def _warn(name: str, text: str, rule: Rule, kept: str | None) -> None:
    shown = name if rule.secret else f"{name}={text[:_LONGEST_SHOWN]}"
    done = "what can be used of it is" if kept else "it is left out and its default"
    _logger.warning("%s is not %s; %s used. Correct the variable, or remove it.", shown, rule.expected, done)


def _whole(least: int) -> Rule:
    def keep(text: str, _: Environment) -> str | None:
        return text if least <= int(text) < _LARGEST else None

    return Rule(f"a whole number of {least} or more", keep, blank=least == 0)


def _positive(unit: str) -> Rule:
    def keep(text: str, _: Environment) -> str | None:
        return text if math.isfinite(float(text)) and 0 < float(text) < _LARGEST else None

    return Rule(f"a number of {unit} above 0", keep)


def _batch(prefix: str) -> Rule:
    def keep(text: str, environ: Environment) -> str | None:
        return text if 1 <= int(text) <= int(environ.get(f"{prefix}_MAX_QUEUE_SIZE") or QUEUE_SIZE) else None

    return Rule(f"a whole number from 1 to {prefix}_MAX_QUEUE_SIZE", keep)


def _one_of(*words: str) -> Rule:
    return Rule(f"one of {', '.join(words)}", lambda text, _: text.lower() if text.lower() in words else None)


def _status_codes(text: str, _: Environment) -> str | None:
    return text if all(code.strip().upper() in _STATUS_CODES for code in text.split(",") if code.strip()) else None


def _file() -> Rule:
    def keep(text: str, _: Environment) -> str | None:
        with open(text, "rb"):  # noqa: PTH123  # a path that can't be one raises here, and not in pathlib
            return text

    return Rule("a file that can be read", keep)


def _provided(group: str) -> Rule:
    def keep(text: str, _: Environment) -> str | None:
        return text if entry_points(group=group, name=text) else None

    return Rule(f"the name of an installed {group}", keep)


def _expressions() -> Rule:
    def keep(text: str, _: Environment) -> str:
        re.compile("|".join(part.strip() for part in text.split(",")))
        return text

    return Rule("a comma-separated list of regular expressions", keep)


def _propagators(text: str, _: Environment) -> str | None:
    kept = [name.strip() for name in text.split(",") if _is_propagator(name.strip())]
    return text if len(kept) == text.count(",") + 1 else ",".join(kept)


def _is_propagator(name: str) -> bool:
    if name.lower() == "none":
        return True
    try:
        return any(point.load()() is not None for point in entry_points(group="opentelemetry_propagator", name=name))
    except Exception:
        return False


def _sampler(text: str, _: Environment) -> str | None:
    known = text.lower() in (*_SAMPLERS, *_RATIO_SAMPLERS)
    return text if known or entry_points(group="opentelemetry_traces_sampler", name=text) else None


def _sampler_argument(text: str, environ: Environment) -> str | None:
    if environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() not in _RATIO_SAMPLERS:
        return text
    return text if 0 <= float(text) <= 1 else None


def _endpoint(signal: str) -> Rule:
    def keep(text: str, environ: Environment) -> str | None:
        url = urlsplit(text)
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        # gRPC takes names of its own, as `collector:4317`, `unix:/path` and `dns:///name`.
        is_name = _is_grpc(signal, environ) and not url.scheme.startswith("http") and not re.search(r"\s", text)
        return text if is_url or is_name else None

    return Rule("a URL such as http://127.0.0.1:4318", keep, secret=True)


def _is_grpc(signal: str, environ: Environment) -> bool:
    names = ("OTEL_EXPORTER_OTLP_PROTOCOL", f"OTEL_EXPORTER_OTLP{signal}_PROTOCOL")
    return any(environ.get(name, "").strip().lower() == "grpc" for name in names)


def _headers(text: str, _: Environment) -> str:
    parts = [part for part in text.split(",") if part.strip()]
    kept = [part for part in parts if _is_header(part)]
    return text if len(kept) == len(parts) else ",".join(kept)


def _is_header(part: str) -> bool:
    name, equals, value = part.partition("=")
    plain = unquote(value).strip()
    printable = all(" " <= letter <= "~" or "\xa0" <= letter <= "\xff" for letter in plain)
    # What is not ASCII has to be URL-encoded.
    return bool(equals and _HEADER_NAME.fullmatch(unquote(name).strip()) and printable and value.isascii())


def _resource(text: str, _: Environment) -> str:
    parts = [part for part in text.split(",") if part.strip()]
    kept = [part for part in parts if part.partition("=")[0].strip() and "=" in part]
    return text if len(kept) == len(parts) else ",".join(kept)


_READ_ON_IMPORT: Final[dict[str, Rule]] = {
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": _whole(0),
    "OTEL_PROPAGATORS": Rule("a comma-separated list of installed propagators", _propagators),
}
_RULES: Final[dict[str, Rule]] = {
    **_READ_ON_IMPORT,
    **{f"{prefix}_MAX_QUEUE_SIZE": _whole(1) for prefix in _PROCESSORS},
    **{f"{prefix}_MAX_EXPORT_BATCH_SIZE": _batch(prefix) for prefix in _PROCESSORS},
    **{f"{prefix}_SCHEDULE_DELAY": _whole(1) for prefix in _PROCESSORS},
    **{f"{prefix}_EXPORT_TIMEOUT": _whole(1) for prefix in _PROCESSORS},
    **{
        f"OTEL_{limit}_LIMIT": _whole(0)
        for limit in (
            *("ATTRIBUTE_COUNT", "ATTRIBUTE_VALUE_LENGTH", "SPAN_ATTRIBUTE_VALUE_LENGTH", "SPAN_EVENT_COUNT"),
            *("SPAN_LINK_COUNT", "EVENT_ATTRIBUTE_COUNT", "LINK_ATTRIBUTE_COUNT"),
            *("LOGRECORD_ATTRIBUTE_COUNT", "LOGRECORD_ATTRIBUTE_VALUE_LENGTH"),
        )
    },
    "OTEL_METRIC_EXPORT_INTERVAL": _positive("milliseconds"),
    "OTEL_METRIC_EXPORT_TIMEOUT": _positive("milliseconds"),
    "OTEL_METRICS_EXEMPLAR_FILTER": _one_of("trace_based", "always_on", "always_off"),
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": _one_of("cumulative", "delta", "lowmemory"),
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": _one_of(
        "explicit_bucket_histogram", "base2_exponential_bucket_histogram"
    ),
    "OTEL_TRACES_SAMPLER": Rule("the name of an installed sampler", _sampler),
    "OTEL_TRACES_SAMPLER_ARG": Rule("a ratio from 0 to 1", _sampler_argument),
    **{f"OTEL_EXPORTER_OTLP{signal}_PROTOCOL": _one_of("grpc", "http/protobuf") for signal in _SIGNALS},
    **{f"OTEL_EXPORTER_OTLP{signal}_ENDPOINT": _endpoint(signal) for signal in _SIGNALS},
    **{f"OTEL_EXPORTER_OTLP{signal}_TIMEOUT": _positive("seconds") for signal in _SIGNALS},
    **{f"OTEL_EXPORTER_OTLP{signal}_COMPRESSION": _one_of("gzip", "deflate", "none") for signal in _SIGNALS},
    **{
        f"OTEL_EXPORTER_OTLP{signal}_HEADERS": Rule("a comma-separated list of name=value", _headers, secret=True)
        for signal in _SIGNALS
    },
    **{
        f"OTEL_EXPORTER_OTLP{signal}_{file}": _file()
        for signal in _SIGNALS
        for file in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
    },
    "OTEL_RESOURCE_ATTRIBUTES": Rule("a comma-separated list of name=value", _resource),
    "OTEL_PYTHON_TRACER_PROVIDER": _provided("opentelemetry_tracer_provider"),
    "OTEL_PYTHON_METER_PROVIDER": _provided("opentelemetry_meter_provider"),
    "OTEL_PYTHON_LOGGER_PROVIDER": _provided("opentelemetry_logger_provider"),
    **{
        f"OTEL_PYTHON_EXPORTER_OTLP_{protocol}{signal}_CREDENTIAL_PROVIDER": _provided(
            "opentelemetry_otlp_credential_provider"
        )
        for protocol in ("HTTP", "GRPC")
        for signal in _SIGNALS
    },
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES": Rule(
        "a comma-separated list of gRPC status codes", _status_codes
    ),
    **{f"OTEL_PYTHON{which}_EXCLUDED_URLS": _expressions() for which in ("", "_FASTAPI", "_ASGI")},
    **{
        f"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_{which}": _expressions()
        for which in ("SERVER_REQUEST", "SERVER_RESPONSE", "SANITIZE_FIELDS")
    },
}
