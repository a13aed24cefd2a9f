"""What one of our own processes is told at its start: a wrong name or value ends it there, in one sentence.

The library itself only warns, for it is a guest in somebody else's service. The settings classes are pydantic's, which
the library does not depend on: here they are only looked at.
"""

import difflib
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from sightglass.entity_salt import ENTITY_SALT_VARIABLE, read_entity_salt
from sightglass.export.bearer_token import read_token, reason_of
from sightglass.process_names import PREFIXES, SHARED
from sightglass.settings import OTLP_TOKEN_FILE_VARIABLE

PREFIX: Final = "SIGHTGLASS_"
MASK: Final = "****"
# The type of a validator's error about a value that must not be told.
NOT_SHOWN: Final = "not_shown"
_ENV_FILE: Final = Path(".env")
_ALIKE: Final = 0.75
_LONGEST_SHOWN: Final = 60
# Of all files that settings name, the ones whose content anybody may read; `TOKENS_FILE` holds hashes.
_OPEN_FILES: Final = re.compile(r"_(CERT|CA|FAULTS|RULES|NOTIFICATIONS|TOKENS)_FILE$")
_SECRET_NAME: Final = re.compile(r"(TOKEN|PASSWORD|SECRET|SALT|_KEY)$")
# Also where the scheme was forgotten. Up to the last @ of the host's part; where a password has an unencoded slash, up
# to the next @.
_URL_PASSWORD: Final = re.compile(r"(^[^:/?#@\s]*:(?!//)|://[^:/?#@\s]*:)(?:[^/?#\s]*|[^@\s]*)@")
_URL_PARAMETER: Final = re.compile(r"(?i)([?&;](?:[a-z_-]*(?:password|token|secret|key))=)[^&\s]+")
_UNPARSED: Final = re.compile(r'for field "(\w+)"')
_OURS: Final = ("value_error", "assertion_error")

Made = TypeVar("Made")


class BadSettingsError(ValueError):
    """Settings that can't be used; the text says which and what to do, and holds no secret."""


def read_settings(cls: type[Made], *, others: Collection[str] = ()) -> Made:
    """Make a process's settings from the environment and `.env`; end the process where they can't be used.

    Args:
        cls: The process's settings class.
        others: Variables of its prefix that another process reads.
    """
    try:
        return checked_settings(cls, others=others)
    except BadSettingsError as error:
        sys.exit(str(error))


def checked_settings(cls: type[Made], *, others: Collection[str] = ()) -> Made:
    """As `read_settings`, but raising.

    Raises:
        BadSettingsError: A variable of the class's prefix, or of no process's, is unknown, or a value can't be used.
    """
    names = frozenset(name for each in fields(cls) for name in each.names)
    prefix = str(getattr(cls, "model_config", {}).get("env_prefix", "")).upper()
    own = [
        name
        for name in given_variables()
        if (len(prefix) > len(PREFIX) and name.upper().startswith(prefix)) or not name.upper().startswith(PREFIXES)
    ]
    problems = [*unknown(own, {*names, *SHARED}, others), *library_problems(os.environ)]
    made: Made | None = None
    try:
        made = cls()
    except ValueError as error:  # pydantic's are
        problems += value_problems(cls, error)
    if problems or made is None:
        raise BadSettingsError(sentence(problems))
    return made


def sentence(problems: Iterable[str]) -> str:
    """Problems as one sentence, and where to look."""
    return f"{'; '.join(problems)}. `sightglass settings` lists every setting."


class Field:
    """One field of a settings class.

    Args:
        cls: The class.
        name: The field's.
        info: What pydantic knows of it.
    """

    def __init__(self, cls: type[Any], name: str, info: Any) -> None:
        alias = info.validation_alias
        choices = [choice for choice in getattr(alias, "choices", [alias]) if isinstance(choice, str)]
        prefix = cls.model_config.get("env_prefix", "")
        self.field_name = name
        self.names = tuple(choice.upper() for choice in choices) or (f"{prefix}{name}".upper(),)
        self.secret = is_secret(self.names[0], info.annotation)

    @property
    def variable(self) -> str:
        """The variable's name, in capitals."""
        return self.names[0]


def fields(cls: type[Any]) -> Iterator[Field]:
    """The fields of a settings class."""
    for name, info in cls.model_fields.items():
        yield Field(cls, name, info)


def is_secret(variable: str, annotation: Any = None) -> bool:
    """Whether a variable's value is never shown: by its type, or, where it has none, by its name."""
    if variable == ENTITY_SALT_VARIABLE or "Secret" in repr(annotation):
        return True
    return annotation is None and bool(_SECRET_NAME.search(variable))


def is_secret_file(variable: str) -> bool:
    """Whether a variable names a file that holds a secret: all do, but for those known not to."""
    return variable.endswith("_FILE") and not _OPEN_FILES.search(variable)


def shown(text: str) -> str:
    """A value with the passwords of its URLs masked, and nothing else."""
    return _URL_PARAMETER.sub(rf"\1{MASK}", _URL_PASSWORD.sub(rf"\1{MASK}@", text))


def given_variables(environ: Mapping[str, str] = os.environ, env_file: Path = _ENV_FILE) -> dict[str, str]:
    """What the user has set: `.env` and the environment, which wins, as pydantic's settings have it.

    Raises:
        BadSettingsError: `.env` can't be read.
    """
    return {**variables_of(env_file), **environ}


def variables_of(env_file: Path) -> dict[str, str]:
    """The variables of a `.env`; none where there is no such file.

    Raises:
        BadSettingsError: It can't be read.
    """
    from dotenv import dotenv_values  # noqa: PLC0415  # comes with pydantic's settings, so only our own processes have it

    try:
        return {name: value for name, value in dotenv_values(env_file).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadSettingsError(sentence([f"{env_file} can't be read ({reason})"])) from None


def unknown(given: Iterable[str], names: Collection[str], others: Collection[str] = ()) -> list[str]:
    """A part of a sentence for each name that is none, with the nearest one that is; values are never told."""
    known = {*names, *(name.upper() for name in others)}
    return [
        f"{name} is no setting ({f'is {near} meant?' if near else 'and none is like it'})"
        for name in sorted(given)
        if name.upper().startswith(PREFIX) and name.upper() not in known
        for near in [_nearest(name.upper(), known)]
    ]


def _nearest(name: str, known: Iterable[str]) -> str:
    """The name that is most like this one, but for the prefix that all share; empty when none is."""
    ends = {each.removeprefix(PREFIX): each for each in sorted(known)}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), ends, 1, _ALIKE)
    return ends[near[0]] if near else ""


def value_problems(cls: type[Any], error: ValueError) -> list[str]:
    """What pydantic found wrong, by variable, without its own noise and without secrets."""
    by_name = {name: each for each in fields(cls) for name in (each.field_name, *each.names)}
    errors = getattr(error, "errors", None)
    if not callable(errors):
        found = _UNPARSED.search(str(error))
        each = by_name.get(found[1]) if found else None
        if each is None:
            return [f"a setting can't be used ({type(error).__name__})"]
        return [f'{each.variable} is not the JSON that it should be, such as ["a", "b"]']
    return [_problem(item, by_name) for item in errors(include_url=False)]


def _problem(item: Mapping[str, Any], by_name: Mapping[str, Field]) -> str:
    place = [str(part) for part in item["loc"]]
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ").rstrip(".")
    if not place:  # a rule of ours about several
        return shown(message)
    each = by_name.get(place[0]) or by_name.get(place[0].upper())
    name = ".".join([each.variable if each else place[0].upper(), *place[1:]])
    message = message if item["type"] in (*_OURS, NOT_SHOWN) else message[:1].lower() + message[1:]
    if each is not None and each.secret:
        return f"{name} can't be used" + ("" if item["type"] in _OURS else f": {message}")
    if item["type"] == NOT_SHOWN:
        return f"{name} can't be used: {message}"
    value = item.get("input")
    given = f"={shown(value)[:_LONGEST_SHOWN]}" if isinstance(value, str) else ""
    return f"{name}{given} can't be used: {shown(message)}"


def library_problems(given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the secrets that the library reads, of which it would only warn in somebody else's process.

    Args:
        given: The variables that it reads.
    """
    if name := given.get(OTLP_TOKEN_FILE_VARIABLE, "").strip():
        try:
            read_token(Path(name))
        except (OSError, ValueError) as error:
            yield f"{OTLP_TOKEN_FILE_VARIABLE}={name} {reason_of(error)}"
    try:
        read_entity_salt(given)
    except ValueError as error:
        yield str(error)
