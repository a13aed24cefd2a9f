"""`sightglass models`: train and list."""

import json
from pathlib import Path
from typing import Any

import click

from services.ml_api.card import ModelCard
from services.ml_api.model_store import ModelBrokenError, ModelMissingError, ModelStore
from services.ml_api.settings import MlApiSettings


@click.group("models")
def models() -> None:
    """Train models and see which there are."""


@models.command("train")
@click.option("--activate/--no-activate", default=True, show_default=True, help="Serve it from the next start on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train_command(*, activate: bool, as_json: bool) -> None:
    """Train the flight-delay model on New York's flights of January to September 2013."""
    # Only training needs these; `list` starts without them.
    from services.ml_api.dataset import DatasetMissingError  # noqa: PLC0415
    from services.ml_api.making import make_model  # noqa: PLC0415
    from services.ml_api.training import TrainingError  # noqa: PLC0415

    settings = MlApiSettings()
    try:
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
    """Every stored version, the active one marked."""
    settings = MlApiSettings()
    store = ModelStore(settings.models_folder(), settings.model_name)
    try:
        active = store.active()
    except (ModelMissingError, ModelBrokenError):
        active = None
    versions: list[dict[str, Any]] = []
    for version in store.versions():
        try:
            versions.append({"version": version, "active": version == active, **_summary(store.card(version))})
        except ModelBrokenError as error:
            versions.append({"version": version, "active": version == active, "error": str(error)})
    if as_json:
        entries = [{"name": store.name, "active": active, "versions": versions}] if versions else []
        click.echo(json.dumps({"models": entries}))
    elif not versions:
        click.echo(f"No model in {store.folder}: run `sightglass models train`.")
    else:
        for entry in versions:
            mark = "*" if entry["active"] else " "
            aucs = " ".join(f"{month} {auc:.3f}" for month, auc in entry.get("roc_auc", {}).items())
            click.echo(f"{mark} {store.name} {entry['version']}  {entry.get('error') or 'ROC AUC ' + aucs}")


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
