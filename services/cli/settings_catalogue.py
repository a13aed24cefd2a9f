"""Every settings class of every process, found by convention: it lives in a module named `settings`."""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, SettingsError

from sightglass.process_settings import Field, fields, is_secret, is_secret_file, value_problems

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("services", "dashboard")
# The supervisor derives it for the Collector, whose configuration reads it.
_QUEUE_DIR = "SIGHTGLASS_COLLECTOR_QUEUE_DIR"


@dataclass(frozen=True)
class Setting:
    """One setting, as `sightglass settings` lists it.

    Attributes:
        secret: whether its value is never shown.
    """

    name: str
    type: str
    default: str | int | float | bool | None
    meaning: str
    secret: bool = False

    @property
    def secret_file(self) -> bool:
        """Whether it names a file that holds a secret."""
        return is_secret_file(self.name)

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
        secret=is_secret("SIGHTGLASS_ENTITY_SALT"),
    ),
    Setting(
        "SIGHTGLASS_ENTITY_SALT_FILE",
        "Path",
        None,
        "File with that secret, instead of the secret itself; under `sightglass up` by default secrets/entity.salt in "
        "the data folder.",
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
        for field in fields(cls):
            setting = _setting(cls, field)
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


def settings_problems(error: ValueError) -> list[str]:
    """What pydantic found wrong with the settings of some process, for people."""
    title = getattr(error, "title", "")
    named = [cls for cls in settings_classes() if cls.__name__ == title or _is_about(error, cls)]
    return value_problems(named[0] if named else BaseSettings, error)


def known_names() -> frozenset[str]:
    """Every variable that some process reads, in capitals; also the one that follows from the data folder."""
    of_classes = {name for cls in settings_classes() for field in fields(cls) for name in field.names}
    return frozenset(of_classes | {setting.name for setting in LIBRARY_SETTINGS} | {_QUEUE_DIR})


def _classes() -> Iterator[type[BaseSettings]]:
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("settings.py")):
            relative = file.relative_to(_ROOT).with_suffix("")
            module = importlib.import_module(".".join(relative.parts))
            for _, cls in inspect.getmembers(module, inspect.isclass):
                if issubclass(cls, BaseSettings) and cls.__module__ == module.__name__:
                    yield cls


def _is_about(error: ValueError, cls: type[BaseSettings]) -> bool:
    """Whether a value that is no JSON, of which only the field is told, can be this class's."""
    return isinstance(error, SettingsError) and any(f'"{field.field_name}"' in str(error) for field in fields(cls))


def _setting(cls: type[BaseSettings], field: Field) -> Setting:
    info = cls.model_fields[field.field_name]
    return Setting(
        name=field.variable,
        type=_type_name(info.annotation),
        default=_default(info),
        meaning=info.description or "",
        secret=field.secret,
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
