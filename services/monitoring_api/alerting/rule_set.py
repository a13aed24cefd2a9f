"""All rules of all files, checked together, all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.monitoring_api.alerting.metric_shapes import Catalogue
from services.monitoring_api.alerting.rules import Rule, RuleFile, RuleGroup
from services.monitoring_api.configuration.located_yaml import (
    FileError,
    InvalidFileError,
    Key,
    LocatedDocument,
    read_yaml,
)


@dataclass(frozen=True, slots=True)
class RuleSource:
    """One rule as people wrote it.

    Attributes:
        group: The name of its group.
        position: Its number in the group.
        definition: Its keys and values.
    """

    group: str
    position: int
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules in force.

    Attributes:
        groups: What is looked at: the rules of objectives in place of objectives.
        sources: What people wrote.
    """

    groups: tuple[RuleGroup, ...] = ()
    sources: tuple[RuleSource, ...] = ()

    def rules(self) -> Iterable[Rule]:
        """Every rule of every group."""
        return (rule for group in self.groups for rule in group.rules)

    def keys(self) -> frozenset[str]:
        """The identity of every rule."""
        return frozenset(rule.key for rule in self.rules())


def load_rules(paths: Sequence[Path], catalogue: Catalogue | None) -> RuleSet:
    """Read rule files.

    Args:
        paths: The files.
        catalogue: The metrics there are; None to take metric names on trust.

    Raises:
        InvalidFileError: With every error of every file.
    """
    errors: list[FileError] = []
    documents: list[LocatedDocument] = []
    files: list[RuleFile] = []
    rules: list[tuple[LocatedDocument, tuple[Key, ...], Rule]] = []
    for path in paths:
        try:
            document = read_yaml(path)
        except InvalidFileError as error:
            errors.extend(error.errors)
            continue
        documents.append(document)
        try:
            files.append(document.validate(RuleFile, context=catalogue))
        except InvalidFileError as error:
            errors.extend(error.errors)
            rules.extend((document, where, rule) for where, rule in _right_rules(document, catalogue))
        else:
            rules.extend((document, where, rule) for where, rule in _rules(files[-1]))
    errors.extend(_duplicates(documents))
    said = {(error.path, error.line, error.field) for error in errors}
    errors.extend(error for error in _shared_states(rules) if (error.path, error.line, error.field) not in said)
    if errors:
        raise InvalidFileError(sorted(errors, key=lambda error: (error.path, error.line, error.field)))
    sources = tuple(source for document in documents for source in _sources(document))
    return RuleSet(tuple(group.expanded() for file in files for group in file.groups), sources)


def _sources(document: LocatedDocument) -> Iterable[RuleSource]:
    for _, group in _mappings(document.data, "groups"):
        for position, rule in _mappings(group, "rules"):
            yield RuleSource(str(group.get("name")), position, rule)


def _duplicates(documents: Iterable[LocatedDocument]) -> Iterable[FileError]:
    """Names given twice, found in the raw documents so that other errors don't hide them."""
    groups: dict[str, FileError] = {}
    rules: dict[tuple[str, str], FileError] = {}
    for document in documents:
        for i, group in _mappings(document.data, "groups"):
            place: tuple[Key, ...] = ("groups", i)
            if name := group.get("name"):
                first = groups.setdefault(str(name), document.error((*place, "name"), ""))
                yield from _again(document, (*place, "name"), first, "the group's name is taken")
            for j, rule in _mappings(group, "rules"):
                if not rule.get("alert"):
                    continue
                labels = rule.get("labels")
                key = (str(rule["alert"]), str(sorted(labels.items())) if isinstance(labels, dict) else "")
                first = rules.setdefault(key, document.error((*place, "rules", j, "alert"), ""))
                where = (*place, "rules", j, "alert")
                yield from _again(document, where, first, "another rule has the same name and labels")


def _rules(file: RuleFile) -> Iterable[tuple[tuple[Key, ...], Rule]]:
    for i, group in enumerate(file.groups):
        for j, rule in enumerate(group.rules):
            yield ("groups", i, "rules", j), rule


def _right_rules(document: LocatedDocument, catalogue: Catalogue | None) -> Iterable[tuple[tuple[Key, ...], Rule]]:
    """The rules of a wrong file that are right by themselves."""
    for i, group in _mappings(document.data, "groups"):
        for j, rule in _mappings(group, "rules"):
            with suppress(ValidationError):
                yield ("groups", i, "rules", j), Rule.model_validate(rule, context=catalogue)


def _shared_states(rules: Iterable[tuple[LocatedDocument, tuple[Key, ...], Rule]]) -> Iterable[FileError]:
    """Rules that an objective already brings, by name and labels."""
    keys: dict[str, FileError] = {}
    for document, rule_at, rule in rules:
        where = (*rule_at, "alert")
        for each in rule.expanded():
            first = keys.setdefault(each.key, document.error(where, ""))
            yield from _again(document, where, first, "an objective's rule has the same name and labels")


def _again(document: LocatedDocument, where: tuple[Key, ...], first: FileError, message: str) -> Iterable[FileError]:
    here = document.error(where, f"{message}: {first.path}:{first.line}")
    if (here.path, here.line, here.field) != (first.path, first.line, first.field):
        yield here


def _mappings(holder: Any, key: str) -> Iterable[tuple[int, dict[str, Any]]]:
    items = holder.get(key) if isinstance(holder, dict) else None
    return ((i, item) for i, item in enumerate(items if isinstance(items, list) else []) if isinstance(item, dict))
