"""Where models lie: ``<models>/<name>/<version>/{model.onnx,card.json}``, and which version is active."""

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.ml_api.card import ModelCard, content_version

MODEL_NAME: Final = "flight-delay"
TRAIN_COMMAND: Final = "sightglass models train"
_MODEL_FILE: Final = "model.onnx"
_CARD_FILE: Final = "card.json"
_ACTIVE_FILE: Final = "active.json"
_WEATHER_FILE: Final = "weather.sqlite"


class ModelMissingError(Exception):
    """There is no such model or version, or no version is active."""


class ModelBrokenError(Exception):
    """A stored model can't be used: files missing, unreadable, or not what their version says."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model and its card as read from disk."""

    card: ModelCard
    model_bytes: bytes


class ModelStore:
    """The versions of one model.

    Args:
        models_dir: The folder of all models.
        name: The model's name.
    """

    def __init__(self, models_dir: Path, name: str = MODEL_NAME) -> None:
        self.name = name
        self.folder = models_dir / name
        self.weather_path = self.folder / _WEATHER_FILE

    def versions(self) -> list[str]:
        """All versions with a card, in alphabetical order."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{_CARD_FILE}"))

    def active(self) -> str:
        """The active version.

        Raises:
            ModelMissingError: None is active.
        """
        try:
            return str(json.loads((self.folder / _ACTIVE_FILE).read_text())["version"])
        except FileNotFoundError:
            raise ModelMissingError(f"No model in {self.folder}: run `{TRAIN_COMMAND}`.") from None
        except (ValueError, KeyError, TypeError):
            raise ModelBrokenError(f"{self.folder / _ACTIVE_FILE} is damaged: run `{TRAIN_COMMAND}`.") from None

    def card(self, version: str) -> ModelCard:
        """The card of `version`.

        Raises:
            ModelMissingError: There is no such version.
            ModelBrokenError: Its card can't be read.
        """
        path = self.folder / version / _CARD_FILE
        try:
            return ModelCard.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ModelMissingError(f"No version {version} of {self.name}: run `{TRAIN_COMMAND}`.") from None
        except ValidationError as error:
            raise ModelBrokenError(f"{path} is not a model card: {error.error_count()} errors.") from error

    def load(self, version: str | None = None) -> StoredModel:
        """A version (the active one unless named), checked against its content hash.

        Raises:
            ModelMissingError: There is no such version.
            ModelBrokenError: It is not what its version says.
        """
        card = self.card(version or self.active())
        path = self.folder / card.version / _MODEL_FILE
        try:
            model_bytes = path.read_bytes()
        except OSError as error:
            raise ModelBrokenError(f"{path} can't be read: {error}.") from error
        if content_version(card, model_bytes) != card.version:
            raise ModelBrokenError(f"{path.parent} is not what its version says; delete it and train again.")
        return StoredModel(card, model_bytes)

    def save(self, model: StoredModel) -> None:
        """Store a version; storing the same one again changes nothing. Appears whole or not at all."""
        target = self.folder / model.card.version
        if (target / _CARD_FILE).exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=self.folder, prefix=".partial-"))
        (partial / _MODEL_FILE).write_bytes(model.model_bytes)
        (partial / _CARD_FILE).write_text(model.card.model_dump_json(indent=1) + "\n")
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError:
            # Another process stored the same version in the meantime.
            shutil.rmtree(partial)
            if not (target / _CARD_FILE).exists():
                raise

    def activate(self, version: str) -> None:
        """Make `version` the one that is served from the next start on.

        Raises:
            ModelMissingError: There is no such version.
        """
        self.card(version)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".partial", delete=False) as file:
            json.dump({"version": version}, file)
        os.replace(file.name, self.folder / _ACTIVE_FILE)  # noqa: PTH105  (atomic, which is the point)
