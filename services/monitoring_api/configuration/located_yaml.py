"""YAML with the line of every value, and pydantic validation that reports all errors with file, line and field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

MAXIMUM_BYTES = 1_000_000
MAXIMUM_NODES = 100_000

Key = str | int
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FileError:
    """One thing wrong with a file.

    Attributes:
        path: The file as the caller named it.
        line: Its line, from 1.
        field: Where in the document, like `groups[0].rules[2].window`; empty for the file as a whole.
        message: What is wrong and what would be right.
    """

    path: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{self.path}:{self.line}: {where}{self.message}"


class InvalidFileError(Exception):
    """A file that can't be used; carries every error found."""

    def __init__(self, errors: list[FileError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))


@dataclass(frozen=True)
class LocatedDocument:
    """A parsed YAML document that knows where each of its values stands."""

    path: str
    data: Any
    lines: Mapping[tuple[Key, ...], int] = field(repr=False)

    def error(self, where: tuple[Key, ...], message: str, *, missing: bool = False) -> FileError:
        """An error at a place.

        Args:
            where: The place; elements that aren't in the document (a union's tag) are skipped.
            message: What is wrong.
            missing: Whether the last element is a key that should be there.
        """
        known: tuple[Key, ...] = ()
        unknown: Key | None = None
        for part in where:
            if (*known, part) in self.lines:
                known, unknown = (*known, part), None
            else:
                unknown = part
        shown = _dotted(known)
        # A missing field has no line of its own: name it at its parent's line.
        if missing and isinstance(unknown, str):
            shown = f"{shown}.{unknown}" if shown else unknown
        return FileError(self.path, self.lines.get(known, 1), shown, message)

    def validate(self, model: type[M], *, context: object = None) -> M:
        """The document as a model.

        Args:
            model: The model.
            context: Handed to its validators.

        Raises:
            InvalidFileError: With every error, in the order of their lines.
        """
        try:
            return model.model_validate(self.data, context=context)
        except ValidationError as error:
            found = {
                self.error(item["loc"], _explain(item["type"], item["msg"]), missing=item["type"] == "missing")
                for item in error.errors(include_url=False, include_input=False, include_context=False)
            }
            raise InvalidFileError(sorted(found, key=lambda e: (e.line, e.field, e.message))) from None


def read_yaml(path: Path) -> LocatedDocument:
    """Read and parse a file.

    Raises:
        InvalidFileError: When it can't be read, is no YAML, is too large or names a key twice.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > MAXIMUM_BYTES:
            raise InvalidFileError([FileError(str(path), 1, "", f"the file is larger than {MAXIMUM_BYTES:,} bytes")])
        text = raw.decode()
    except OSError as error:
        raise InvalidFileError([FileError(str(path), 1, "", f"can't be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise InvalidFileError([FileError(str(path), 1, "", "is not UTF-8 text")]) from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, path: str) -> LocatedDocument:
    """Parse a text; see read_yaml."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[tuple[Key, ...], int] = {(): 1}
        errors: list[FileError] = []
        if node is not None:
            _locate(node, (), path, lines, errors)
        if errors:
            raise InvalidFileError(errors)
        return LocatedDocument(path, yaml.safe_load(text), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not valid YAML: {error.problem or error.context}"
        raise InvalidFileError([FileError(path, mark.line + 1 if mark else 1, "", message)]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidFileError([FileError(path, 1, "", f"not valid YAML: {error}")]) from None


def _locate(
    node: yaml.Node, where: tuple[Key, ...], path: str, lines: dict[tuple[Key, ...], int], errors: list[FileError]
) -> None:
    if len(lines) > MAXIMUM_NODES:
        raise InvalidFileError([FileError(path, 1, "", f"more than {MAXIMUM_NODES:,} values")])
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            place = (*where, name)
            if name in seen:
                errors.append(FileError(path, key.start_mark.line + 1, _dotted(place), "the key is given twice"))
            seen.add(name)
            lines[place] = key.start_mark.line + 1
            _locate(value, place, path, lines, errors)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*where, index)] = value.start_mark.line + 1
            _locate(value, (*where, index), path, lines, errors)


def _dotted(where: tuple[Key, ...]) -> str:
    shown = ""
    for part in where:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            shown += f".{part}" if shown else part
    return shown


def _explain(kind: str, message: str) -> str:
    """Pydantic's message in the words of someone who writes a file."""
    if kind == "missing":
        return "missing: this key is required"
    if kind == "extra_forbidden":
        return "unknown key"
    return message.removeprefix("Value error, ")
