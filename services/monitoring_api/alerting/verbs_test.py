"""`sightglass rules test`: run tests of rules against given series."""

import json
from pathlib import Path
from typing import Any

import click

from services.monitoring_api.alerting.catalogue import metric_catalogue
from services.monitoring_api.alerting.rule_set import load_rules
from services.monitoring_api.alerting.rule_tests import Outcome, RuleTestFile, run_tests
from services.monitoring_api.configuration.located_yaml import FileError, InvalidFileError, LocatedDocument, read_yaml


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Print {"ok", "passed", "failed", "failures": [{file, line, test, alertname, eval_time, expected, found}], '
    '"errors": [...]}.',
)
def test(file: Path, *, as_json: bool) -> None:
    """Run the tests of a file: rules against given series, without any service.

    Each test gives what rules read at each moment, and says which alerts are to be pending or firing when. The exit
    code is 0 only when all are.
    """
    try:
        document = read_yaml(file)
        tests = document.validate(RuleTestFile)
        rules = load_rules([file.parent / name for name in tests.rule_files], metric_catalogue())
        outcomes = _run(document, tests, rules)
    except InvalidFileError as error:
        _tell_errors(error, as_json=as_json)
        raise SystemExit(1) from None
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if as_json:
        passed = len(outcomes) - len(failed)
        failures = [_described(document, outcome) for outcome in failed]
        click.echo(
            json.dumps({"ok": not failed, "passed": passed, "failed": len(failed), "failures": failures}, indent=1)
        )
    else:
        for outcome in failed:
            title, *lines = outcome.lines()
            click.echo(f"{file}:{_line(document, outcome)}: {title}", err=True)
            click.echo("\n".join(lines), err=True)
        click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} expectations hold.", err=bool(failed))
    if failed:
        raise SystemExit(1)


def _run(document: LocatedDocument, tests: RuleTestFile, rules: Any) -> list[Outcome]:
    try:
        return run_tests(tests, rules)
    except ValueError as error:
        names = [test.name for test in tests.tests]
        place = next((n for n, name in enumerate(names) if repr(name) in str(error)), 0)
        raise InvalidFileError([document.error(("tests", place), str(error))]) from None


def _line(document: LocatedDocument, outcome: Outcome) -> int:
    number, place = outcome.place
    return document.error(("tests", number, "alerts", place), "").line


def _described(document: LocatedDocument, outcome: Outcome) -> dict[str, Any]:
    return {
        "file": document.path,
        "line": _line(document, outcome),
        "test": outcome.test,
        "alertname": outcome.alertname,
        "eval_time": outcome.at,
        "expected": list(outcome.expected),
        "found": list(outcome.found),
    }


def _tell_errors(error: InvalidFileError, *, as_json: bool) -> None:
    if not as_json:
        click.echo(str(error), err=True)
        return
    errors = [_error(each) for each in error.errors]
    click.echo(json.dumps({"ok": False, "passed": 0, "failed": 0, "failures": [], "errors": errors}, indent=1))


def _error(error: FileError) -> dict[str, Any]:
    return {"file": error.path, "line": error.line, "field": error.field, "message": error.message}
