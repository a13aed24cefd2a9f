"""Every settings class of every process, found by convention: it lives in a module named `settings`."""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("services", "dashboard")


@dataclass(frozen=True)
class Setting:
    """One setting, as `sightglass settings` lists it."""

    name: str
    type: str
    default: str | int | float | bool | None
    meaning: str

    def describe(self) -> dict[str, Any]:
        """Give the JSON form."""
        return asdict(self)


# The library depends on OpenTelemetry alone, so it reads its variables itself. A test holds this list against its code.
LIBRARY_SETTINGS: Final = (
    Setting(
        "SIGHTGLASS_ALLOWED_FEATURES",
        "str",
        "",
        "Strict mode: names of the only features that are recorded, comma-separated; none named means all.",
    ),
    Setting(
        "SIGHTGLASS_DENIED_FEATURES",
        "str",
        "",
        "Names of features that are never recorded, comma-separated, besides the built-in ones such as passwords.",
    ),
    Setting(
        "SIGHTGLASS_ENTITY_SALT",
        "str",
        "",
        "Secret with which entity ids are hashed; the same for all services whose entities shall match.",
    ),
    Setting(
        "SIGHTGLASS_OTLP_TOKEN_FILE",
        "Path",
        None,
        "File with the bearer token that OTLP is sent with, read again when it changes: its first word.",
    ),
    Setting(
        "SIGHTGLASS_SPOOL_DIR",
        "str",
        "",
        "Folder on a local disk where an instrumented service's predictions, labels and logs wait for the Collector, "
        "so that they outlive its outage and a kill of the service; empty: in memory.",
    ),
    Setting(
        "SIGHTGLASS_SPOOL_MAX_BYTES",
        "int",
        1 << 30,
        "What may wait there for one process; then its oldest records are dropped, and counted.",
    ),
    Setting(
        "SIGHTGLASS_TRACE_HEADERS",
        "bool",
        True,  # noqa: FBT003  # a default, not a switch
        "Whether an instrumented service names the trace of an answer in its headers X-Trace-Id and traceresponse.",
    ),
)


def settings_classes() -> list[type[BaseSettings]]:
    """Find the settings class of each process, in the order of their modules."""
    return list(_classes())


def all_settings() -> list[Setting]:
    """List every setting once, sorted by name."""
    found = {setting.name: setting for setting in LIBRARY_SETTINGS}
    for cls in settings_classes():
        for field_name, field in cls.model_fields.items():
            setting = _setting(cls, field_name, field)
            found.setdefault(setting.name, setting)
    return [found[name] for name in sorted(found)]


def read_settings(prefix: str) -> Any:
    """Build the settings whose variables begin with `prefix`, from the environment and `.env`.

    Raises:
        LookupError: no class has this prefix.
        pydantic.ValidationError: a variable has a value that its setting refuses.
    """
    for cls in settings_classes():
        if cls.model_config.get("env_prefix") == prefix:
            return cls()
    raise LookupError(f"no settings class has the prefix {prefix}")


def variable_name(cls: type[BaseSettings], field_name: str, field: FieldInfo) -> str:
    """Name the environment variable of a field."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        alias = next(choice for choice in alias.choices if isinstance(choice, str))
    if isinstance(alias, str):
        return alias
    return f"{cls.model_config.get('env_prefix', '')}{field_name}".upper()


def _classes() -> Iterator[type[BaseSettings]]:
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("settings.py")):
            relative = file.relative_to(_ROOT).with_suffix("")
            module = importlib.import_module(".".join(relative.parts))
            for _, cls in inspect.getmembers(module, inspect.isclass):
                if issubclass(cls, BaseSettings) and cls.__module__ == module.__name__:
                    yield cls


def _setting(cls: type[BaseSettings], field_name: str, field: FieldInfo) -> Setting:
    return Setting(
        name=variable_name(cls, field_name, field),
        type=_type_name(field.annotation),
        default=_default(field),
        meaning=field.description or "",
    )


def _type_name(annotation: Any) -> str:
    arguments = get_args(annotation)
    if not arguments:
        return getattr(annotation, "__name__", str(annotation))
    names = [_type_name(argument) for argument in arguments if argument is not type(None) and argument is not ...]
    origin = getattr(annotation, "__name__", "")
    if origin in {"tuple", "list", "dict", "set", "frozenset"}:
        return f"{origin}[{', '.join(names)}]"
    return " | ".join(dict.fromkeys(name.strip("'") for name in names))


def _default(field: FieldInfo) -> str | int | float | bool | None:
    value = field.default
    if value is PydanticUndefined:
        # A factory that looks at other fields has no value of its own; its description says what it follows.
        value = field.get_default(call_default_factory=True) if not field.default_factory_takes_validated_data else None
    if value is PydanticUndefined or isinstance(value, SecretStr):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Path) and value.is_relative_to(_ROOT):
        return str(value.relative_to(_ROOT))  # shipped with the code, wherever that lies
    return str(value)
