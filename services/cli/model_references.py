"""Hands every model's card to the store, so that what is served has something to be compared with."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from services.cli.settings_catalogue import read_settings
from services.cli.supervisor.wiring import Endpoints
from services.ml_api.card import ModelCard
from services.ml_api.model_store import ModelBrokenError, ModelStore

_SHOWN_BY: Final = "monitoring-api"
_DEADLINE_SECONDS: Final = 5.0
_LATER: Final = "`sightglass up` tries again, and `sightglass reference card` takes a card's file."


def register_references(data_dir: Path, state: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    """Store the reference of every known version that is not stored yet; what goes wrong is told, and stops nobody.

    Args:
        data_dir: The data folder, as an absolute path.
        state: What runs, as the supervisor says.
        tell: Is told what went wrong.
    """
    if _SHOWN_BY not in {entry["name"] for entry in state.get("processes", ())}:
        return
    endpoints = Endpoints.read(data_dir)
    cards = list(known_cards(endpoints.ml_api.models_dir or data_dir / "models"))
    if not cards:
        return
    # Seconds that most verbs never need.
    from services.monitoring_api.reference.document import of_card  # noqa: PLC0415
    from services.monitoring_api.reference.registration import register_all, run  # noqa: PLC0415
    from services.web.problems import Problem  # noqa: PLC0415

    references = [of_card(card.model_dump(mode="json")) for card in cards]
    try:
        run(_settings(endpoints, data_dir), lambda database: register_all(database, references))
    except Problem as problem:
        tell(f"What the models were trained on is not stored: {problem.detail} {_LATER}")
    except Exception as error:  # everything is up, and that is what was asked for
        tell(f"What the models were trained on is not stored: {error!r}. {_LATER}")


def known_cards(models_dir: Path) -> Iterator[ModelCard]:
    """Every stored version's card; of each model the active version's last, for its bins are to hold."""
    for name in sorted({path.parent.parent.name for path in models_dir.glob("*/*/card.json")}):
        store = ModelStore(models_dir, name)
        active, _ = store.chosen()
        for version in sorted(store.versions(), key=lambda each: each == active):
            try:
                yield store.card(version)
            except ModelBrokenError:
                continue  # `sightglass models list` tells of it


def _settings(endpoints: Endpoints, data_dir: Path) -> Any:
    """The maintainer's, with what follows from where ClickHouse listens."""
    settings = read_settings("SIGHTGLASS_MAINTENANCE_")
    wired = {
        "clickhouse_url": endpoints.clickhouse_url,
        "clickhouse_database": endpoints.clickhouse.database,
    }
    unset = {name: value for name, value in wired.items() if name not in settings.model_fields_set}
    return settings.model_copy(update={**unset, "data_dir": data_dir, "deadline_seconds": _DEADLINE_SECONDS})
