"""Making a model from nothing: data, training, storing, and the weather table beside it."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from services.ml_api.card import ModelCard
from services.ml_api.dataset import load_dataset
from services.ml_api.model_store import ModelStore
from services.ml_api.training import train, weather_rows
from services.ml_api.weather import write_weather


@dataclass(frozen=True, slots=True)
class MadeModel:
    """What was made, where it lies, and how long it took."""

    card: ModelCard
    folder: Path
    seconds: float


def make_model(
    models_dir: Path, *, cache_folder: Path | None = None, activate: bool = True, every: int = 1
) -> MadeModel:
    """Train the flight-delay model and store it with the hourly weather it is served with.

    Args:
        models_dir: The folder of all models.
        cache_folder: Where the parsed data set is kept between runs; None to parse it anew.
        activate: Whether to serve it from the next start on.
        every: Train on each n-th flight only.

    Raises:
        DatasetMissingError: The data package is not installed.
        TrainingError: The exported model is not what was fitted.
    """
    started = perf_counter()
    dataset = load_dataset(cache_folder)
    model = train(dataset, every=every)
    store = ModelStore(models_dir)
    store.save(model)
    with tempfile.TemporaryDirectory(dir=store.folder, prefix=".partial-") as folder:
        partial = Path(folder) / "weather.sqlite"
        write_weather(partial, weather_rows(dataset))
        os.replace(partial, store.weather_path)  # noqa: PTH105  (atomic: a service may be reading the old one)
    if activate:
        store.activate(model.card.version, reason="train")
    return MadeModel(model.card, store.folder / model.card.version, perf_counter() - started)
