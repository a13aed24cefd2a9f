"""`sightglass models`: train, list, and choose which version answers and which is its shadow."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from services.ml_api.card import ModelCard
from services.ml_api.model_store import MODEL_NAME, ModelBrokenError, ModelMissingError, ModelStore
from services.ml_api.settings import MlApiSettings
from services.web.access.local_action import audited


@click.group("models")
def models() -> None:
    """Train models, see which there are, and choose which one answers."""


@models.command("train")
@click.option("--activate/--no-activate", default=True, show_default=True, help="Let it answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train_command(*, activate: bool, as_json: bool) -> None:
    """Train the flight-delay model on New York's flights of January to September 2013."""
    # Only training needs these; `list` starts without them.
    from services.ml_api.dataset import DatasetMissingError  # noqa: PLC0415
    from services.ml_api.making import make_model  # noqa: PLC0415
    from services.ml_api.training import TrainingError  # noqa: PLC0415

    settings = MlApiSettings()
    try:
        with audited(settings, "model.train", f"{MODEL_NAME}/{'active' if activate else 'stored'}"):
            made = make_model(settings.models_folder(), cache_folder=_cache_folder(), activate=activate)
    except (DatasetMissingError, TrainingError, OSError) as error:
        raise click.ClickException(str(error)) from error
    card = made.card
    if as_json:
        shown = card.model_dump(mode="json", include={"name", "version", "threshold", "training", "metrics"})
        click.echo(json.dumps({**shown, "path": str(made.folder), "active": activate, "seconds": made.seconds}))
        return
    click.echo(f"{card.name} {card.version}: {card.training.rows:,} flights, {made.seconds:.1f} s")
    click.echo(_metrics_table(card))
    click.echo(f"Exported model equals the fitted one on every held-out row. Stored in {made.folder}")


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(*, as_json: bool) -> None:
    """Every stored version: `*` marks the active one, `s` its shadow."""
    store = _store()
    active, shadow = store.chosen()
    versions: list[dict[str, Any]] = []
    for version in store.versions():
        parts = {"version": version, "active": version == active, "shadow": version == shadow}
        try:
            versions.append({**parts, **_summary(store.card(version))})
        except ModelBrokenError as error:
            versions.append({**parts, "error": str(error)})
    if as_json:
        entries = [{"name": store.name, "active": active, "shadow": shadow, "versions": versions}] if versions else []
        click.echo(json.dumps({"models": entries}))
    elif not versions:
        click.echo(f"No model in {store.folder}: run `sightglass models train`.")
    else:
        for entry in versions:
            mark = "*" if entry["active"] else "s" if entry["shadow"] else " "
            aucs = " ".join(f"{month} {auc:.3f}" for month, auc in entry.get("roc_auc", {}).items())
            click.echo(f"{mark} {store.name} {entry['version']}  {entry.get('error') or 'ROC AUC ' + aucs}")


@models.command("promote")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def promote_command(version: str, *, as_json: bool) -> None:
    """Let VERSION answer; every serving process follows within a second."""
    from services.ml_api.scoring import Predictor  # noqa: PLC0415  (heavy, and only this needs it)
    from services.ml_api.warm_up import warm_up  # noqa: PLC0415

    settings = MlApiSettings()
    store = _store()
    with audited(settings, "model.promote", f"{store.name}/{version}"), _errors_for_people():
        previous, _ = store.chosen()
        warm_up(Predictor.load(settings.models_folder(), store.name, version, {}))
        store.activate(version)
    _report_active(store.name, version, previous, as_json=as_json)


@models.command("rollback")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rollback_command(*, as_json: bool) -> None:
    """Let the version answer that did before the present one; again goes back one more."""
    settings = MlApiSettings()
    store = _store()
    with audited(settings, "model.rollback", store.name), _errors_for_people():
        now = store.roll_back()
    _report_active(store.name, str(now.version), now.previous, as_json=as_json)


@models.command("shadow")
@click.argument("version", required=False)
@click.option("--off", is_flag=True, help="Score no version in the shadow any more.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def shadow_command(version: str | None, *, off: bool, as_json: bool) -> None:
    """Score VERSION in the shadow: it judges what is asked too, after the answer, and is never answered with."""
    if off == (version is not None):
        raise click.UsageError("Name the version, or say --off.")
    settings = MlApiSettings()
    store = _store()
    with audited(settings, "model.shadow", f"{store.name}/{version or 'none'}"), _errors_for_people():
        if version is not None:
            store.load(version)
        if version is not None and version == store.chosen()[0]:
            raise click.ClickException(f"{version} is the version that answers; it can't be its own shadow.")
        store.set_shadow(version)
    if as_json:
        click.echo(json.dumps({"name": store.name, "shadow": version}))
    else:
        click.echo(f"{store.name}: no shadow any more" if version is None else f"{store.name}: {version} is the shadow")


def _store() -> ModelStore:
    settings = MlApiSettings()
    return ModelStore(settings.models_folder(), settings.model_name)


@contextmanager
def _errors_for_people() -> Iterator[None]:
    try:
        yield
    except (ModelMissingError, ModelBrokenError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _report_active(name: str, active: str, previous: str | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"name": name, "active": active, "previous": previous}))
    elif active == previous:
        click.echo(f"{name}: {active} answers already")
    else:
        click.echo(f"{name}: {active} answers now" + (f", and {previous} did before" if previous else ""))


def _summary(card: ModelCard) -> dict[str, Any]:
    return {
        "task": card.task,
        "threshold": card.threshold,
        "training": card.training.model_dump(),
        "roc_auc": {month: metrics.roc_auc for month, metrics in card.metrics.items()},
    }


def _metrics_table(card: ModelCard) -> str:
    lines = [f"{'month':8} {'flights':>8} {'late':>7} {'score':>7} {'ROC AUC':>8} {'log loss':>9} {'Brier':>7}"]
    lines += [
        f"{month:8} {row.rows:>8,} {row.positive_share:>7.3f} {row.mean_score:>7.3f} "
        f"{row.roc_auc:>8.3f} {row.log_loss:>9.3f} {row.brier:>7.3f}"
        for month, row in card.metrics.items()
    ]
    return "\n".join(lines)


def _cache_folder() -> Path:
    from platformdirs import user_cache_path  # noqa: PLC0415  (comes with the cli, not with the service)

    return user_cache_path("sightglass")


commands: list[click.Command] = [models]
