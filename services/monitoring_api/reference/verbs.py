"""`sightglass reference`: make what serving is compared with from a file or a model's card, and see what there is."""

import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from services.monitoring_api.database import ClickHouseDatabase
from services.monitoring_api.maintenance.settings import MaintenanceSettings
from services.monitoring_api.queries.timerange import rfc3339
from services.monitoring_api.reference.document import Reference, Task, of_card
from services.monitoring_api.reference.errors import UnusableFileError
from services.monitoring_api.reference.options import FORMATS, BuildOptions
from services.monitoring_api.reference.registration import register_all, run
from services.monitoring_api.reference.store import StoredReference, stored, write
from services.web.access.local_action import audited
from services.web.access.settings import AccessSettings
from services.web.problems import Problem
from sightglass.process_settings import read_settings

Made = TypeVar("Made")
_TASKS = [task for task in get_args(Task) if task]
_json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.group()
def reference() -> None:
    """Make what serving is compared with, and see what there is."""


@reference.command("build")
@click.option("--model", required=True, metavar="NAME", help="The model's name, as its predictions have it.")
@click.option(
    "--version", default="", metavar="VERSION", help="The model's version; without it: every one that has no other."
)
@click.option(
    "--from", "file", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A .parquet or .csv file."
)
@click.option("--score", metavar="COLUMN", help="Column of the scores (of a regression: of the predicted values).")
@click.option("--label", metavar="COLUMN", help="Column of the true labels.")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Column to leave out; may be given several times.")
@click.option(
    "--category", multiple=True, metavar="COLUMN", help="Column of numbers that are names; may be given several times."
)
@click.option("--task", type=click.Choice(_TASKS), help="What the model does, where labels or scores don't say it.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Where the file's ending does not say it.")
@click.option("--delimiter", default=",", show_default=True, metavar="CHARACTER", help="Of a CSV file; or tab.")
@click.option("--dry-run", is_flag=True, help="Read the file and show what is found, and store nothing.")
@_json
def build_from_file(
    *,
    model: str,
    version: str,
    file: Path,
    score: str | None,
    label: str | None,
    ignore: tuple[str, ...],
    category: tuple[str, ...],
    task: Task | None,
    format_: Any,
    delimiter: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a model's reference from the file it was trained on, and say what is wrong with that file.

    The file may be larger than memory. All columns count as features but the score, the label and what is ignored.
    Whatever the model and version had before is replaced; a file that can't be used changes nothing.
    """
    try:
        from services.monitoring_api.reference.build import build  # noqa: PLC0415  (numpy, which only this needs)
    except ImportError as error:
        raise click.ClickException(
            f"Building a reference needs numpy and pyarrow (the dependency group `reference`): {error}."
        ) from None
    options = BuildOptions(
        file=file,
        score=score,
        label=label,
        ignore=frozenset(ignore),
        category=frozenset(category),
        task=task or "",
        format=format_,
        delimiter=_delimiter(delimiter),
    )
    if not model.strip():
        raise click.BadParameter("Name the model.", param_hint="--model")
    try:
        with _bar(visible=not as_json) as shown:
            made = build(options, model, version, shown)
    except UnusableFileError as error:
        raise click.ClickException(str(error)) from None
    if not dry_run:
        with audited(read_settings(AccessSettings), "reference.build", f"{model}/{version or 'every version'}"):
            _run(lambda database: write(database, made))
    if as_json:
        click.echo(
            json.dumps(made.model_dump(mode="json") | {"score_edges": len(made.score_edges), "stored": not dry_run})
        )
    else:
        _show(made, stored_now=not dry_run)


@reference.command("card")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@_json
def register_cards(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Take over the reference in each model card; one made from a file stays. A folder stands for every card in it."""
    found = [card for file in files for card in (sorted(file.rglob("card.json")) if file.is_dir() else [file])]
    if not found:
        raise click.ClickException(f"There is no card.json in {', '.join(map(str, files))}.")
    cards = [_card(file) for file in found]
    with audited(read_settings(AccessSettings), "reference.card", ", ".join(f"{c.model}/{c.version}" for c in cards)):
        done = _run(lambda database: register_all(database, cards))
    if as_json:
        told = [{"model": card.model, "version": card.version, "stored": card in done} for card in cards]
        click.echo(json.dumps({"references": told}))
        return
    for card in cards:
        click.echo(f"{card.model} {card.version}: {'stored' if card in done else 'there already'}")


@reference.command("list")
@_json
def list_references(*, as_json: bool) -> None:
    """Every reference: model, version, rows, and what it is made from."""
    found = _run(stored)
    if as_json:
        click.echo(json.dumps({"references": [_as_json(each) for each in found]}))
        return
    if not found:
        click.echo("No reference yet: `sightglass reference build --help` says how to make one.")
    for each in found:
        it = each.reference
        click.echo(
            f"{it.model} {it.version or '(every version)'}  {it.task or 'no task'}  {it.rows:,} rows, "
            f"{len(it.features)} features, {each.edges:,} score bins, {len(it.findings)} findings; "
            f"{it.source.kind} {it.source.file}, {rfc3339(_nanoseconds(each))}"
        )


def _show(made: Reference, *, stored_now: bool) -> None:
    click.echo(
        f"{made.model} {made.version or '(every version)'}: {made.rows:,} rows, {len(made.features)} features, "
        f"{len(made.score_edges):,} score bins, task {made.task or 'unknown (say --task)'}"
    )
    if made.source.sampled_rows is not None:
        click.echo(f"  quantiles are of {made.source.sampled_rows:,} rows, drawn uniformly")
    if made.labels is not None and made.labels.classes is not None:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in list(made.labels.classes.items())[:10])
        click.echo(f"  labels: {shares}")
    for finding in made.findings:
        click.echo(f"  {finding.kind}: {finding.message}")
    if not made.findings:
        click.echo("  nothing to complain of: no constant, copied, leaking or empty column, no row twice")
    click.echo("Stored." if stored_now else "Nothing was stored (--dry-run).")


def _delimiter(text: str) -> str:
    character = "\t" if text in {"tab", "\\t"} else text
    if len(character) != 1 or character in '"\r\n' or not character.isascii():
        raise click.BadParameter("It must be one character, or the word tab.", param_hint="--delimiter")
    return character


def _card(file: Path) -> Reference:
    try:
        return of_card(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise click.ClickException(f"{file} can't be read: {error.strerror}.") from None
    except (ValidationError, ValueError, AttributeError, TypeError):
        raise click.ClickException(
            f"{file} is no model card: JSON with name, version, task, features, training and scores."
        ) from None


def _as_json(each: StoredReference) -> dict[str, Any]:
    it = each.reference
    return {
        "model": it.model,
        "version": it.version or None,
        "task": it.task or None,
        "rows": it.rows,
        "features": len(it.features),
        "score_bins": each.edges,
        "source": it.source.model_dump(mode="json"),
        "findings": [finding.model_dump(mode="json") for finding in it.findings],
        "created_at": rfc3339(_nanoseconds(each)),
    }


def _nanoseconds(each: StoredReference) -> int:
    return round(each.created_at.timestamp() * 1_000_000) * 1_000


@contextmanager
def _bar(*, visible: bool) -> Iterator[Callable[[str, float], None]]:
    with Progress(console=Console(stderr=True), disable=not visible, transient=True) as shown:
        task = shown.add_task("", total=1.0)

        def tell(what: str, share: float) -> None:
            shown.update(task, description=what, completed=share)

        yield tell


def _run(work: Callable[[ClickHouseDatabase], Coroutine[Any, Any, Made]]) -> Made:
    try:
        return run(read_settings(MaintenanceSettings), work)
    except Problem as problem:
        raise click.ClickException(problem.detail) from None


commands: list[click.Command] = [reference]
