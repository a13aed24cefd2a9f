"""A rule that somebody sends instead of writing it into a file, checked as the worker checks its files."""

from collections.abc import Sequence
from typing import Any, Final

from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.rules import Rule
from services.monitoring_api.configuration.located_yaml import FileError, InvalidFileError, LocatedDocument, parse_yaml
from services.monitoring_api.errors import bad_field
from services.web.problems import BadInput, FieldError

_FIELD: Final = "rule"
_NOT_TAKEN: Final = (
    "a statement is not taken over HTTP, for whoever may only look would choose it; `sightglass backtest FILE` runs it"
)


def read_given_rule(text: str) -> Rule:
    """Read one rule, given as a mapping or as a list of one, which is how it stands in a file.

    Raises:
        BadInput: With every error, each with its line.
    """
    try:
        document = _one(parse_yaml(text, _FIELD))
        if "sql" in document.data:
            raise _refused([document.error(("sql",), _NOT_TAKEN)])
        rule = document.validate(Rule, context=metric_catalogue())
    except InvalidFileError as error:
        raise _refused(error.errors) from None
    if any(
        "\0" in text for _, value in rule.filter.items() for text in ((value,) if isinstance(value, str) else value)
    ):
        raise _refused([document.error(("filter",), "holds a NUL character")])
    return rule


def _one(document: LocatedDocument) -> LocatedDocument:
    given: Any = document.data
    if isinstance(given, list) and len(given) == 1:
        lines = {place[1:]: line for place, line in document.lines.items() if place and place[0] == 0}
        document = LocatedDocument(_FIELD, given[0], {(): 1, **lines})
    if not isinstance(document.data, dict):
        raise bad_field(_FIELD, "is not one rule: give the keys of one, such as `alert:` and `metric:`")
    return document


def _refused(errors: Sequence[FileError]) -> BadInput:
    said = [FieldError(_FIELD, _said(each)) for each in errors]
    return BadInput(f"The rule is not right: {said[0].message}.", errors=said)


def _said(error: FileError) -> str:
    where = f"{error.field}: " if error.field else ""
    return f"line {error.line}: {where}{error.message}"
