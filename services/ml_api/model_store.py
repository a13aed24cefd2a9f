"""Where models lie: ``<models>/<name>/<version>/{model.onnx,card.json}``, and which version has which part."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from services.ml_api.assignment import Assignment, AssignmentBrokenError, AssignmentFile
from services.ml_api.card import ModelCard, content_version

MODEL_NAME: Final = "flight-delay"
TRAIN_COMMAND: Final = "sightglass models train"
_MODEL_FILE: Final = "model.onnx"
_CARD_FILE: Final = "card.json"
_WEATHER_FILE: Final = "weather.sqlite"
_CLAIMS_FOLDER: Final = "recorded"

Part = Literal["champion", "shadow"]
FileStamp = tuple[int, int, int]
Stamp = tuple[FileStamp, FileStamp, FileStamp]
_PART_FILES: Final[dict[Part, str]] = {"champion": "active.json", "shadow": "shadow.json"}
REPAIR_COMMANDS: Final[dict[Part, str]] = {"champion": TRAIN_COMMAND, "shadow": "sightglass models shadow --off"}


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

    def assignment(self, part: Part) -> Assignment | None:
        """Which version has `part`; None when none ever had it.

        Raises:
            ModelBrokenError: The file that says so is damaged.
        """
        try:
            return self._file(part).read()
        except AssignmentBrokenError as error:
            raise ModelBrokenError(f"{error}: run `{REPAIR_COMMANDS[part]}`.") from None

    def active(self) -> str:
        """The active version.

        Raises:
            ModelMissingError: None is active.
            ModelBrokenError: The file that says so is damaged.
        """
        assignment = self.assignment("champion")
        if assignment is None or assignment.version is None:
            raise no_model(self.folder)
        return assignment.version

    def shadow(self) -> str | None:
        """The version that is scored beside the active one, if any; a version can't be its own shadow.

        Raises:
            ModelBrokenError: The file that says so is damaged.
        """
        assignment = self.assignment("shadow")
        champion = self.assignment("champion")
        if assignment is None or (champion is not None and assignment.version == champion.version):
            return None
        return assignment.version

    def chosen(self) -> tuple[str | None, str | None]:
        """The active version and its shadow; None where there is none, or the file that says so is damaged."""
        try:
            active: str | None = self.active()
        except (ModelMissingError, ModelBrokenError):
            active = None
        try:
            return active, self.shadow()
        except ModelBrokenError:
            return active, None

    def stamp(self, version: str) -> Stamp:
        """What changes whenever a file that `version` is made of is replaced."""
        folder = self.folder / version
        return (_file_stamp(folder / _CARD_FILE), _file_stamp(folder / _MODEL_FILE), self.weather_stamp())

    def weather_stamp(self) -> FileStamp:
        """What changes whenever the weather table is replaced."""
        return _file_stamp(self.weather_path)

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
            raise ModelMissingError(
                f"No version {version} of {self.name}: `sightglass models list` shows which there are, "
                f"`{TRAIN_COMMAND}` makes one."
            ) from None
        except ValidationError as error:
            raise ModelBrokenError(f"{path} is not a model card: {error.error_count()} errors.") from error

    def load(self, version: str | None = None) -> StoredModel:
        """A version (the active one unless named), checked against its content hash.

        Raises:
            ModelMissingError: There is no such version.
            ModelBrokenError: It is not what its version says.
        """
        version = version or self.active()
        card = self.card(version)
        path = self.folder / version / _MODEL_FILE
        try:
            model_bytes = path.read_bytes()
        except OSError as error:
            raise ModelBrokenError(f"{path} can't be read: {error}.") from error
        if not content_version(card, model_bytes) == card.version == version:
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

    def activate(self, version: str, reason: str = "promote") -> Assignment:
        """Make `version` the one that answers, in every process that serves this model.

        Args:
            version: A stored version.
            reason: Why, for the event that marks the switch.

        Raises:
            ModelMissingError: There is no such version.
        """
        self.card(version)
        try:
            return self._file("champion").change(
                lambda old: self._first("champion", version) if old is None else old.switched_to(version, reason)
            )
        except AssignmentBrokenError:
            # What was active is lost, and this is the way out.
            return self._file("champion").overwrite(self._first("champion", version))

    def roll_back(self) -> Assignment:
        """Make the version before the active one answer again.

        Raises:
            ModelMissingError: None was active before, or it is no longer stored.
            ModelBrokenError: The version before can't be used; the present one goes on.
        """
        self._check_folder()

        def back(old: Assignment | None) -> Assignment:
            new = None if old is None else old.rolled_back()
            if new is None:
                raise ModelMissingError(f"No version of {self.name} was active before this one.")
            self.load(new.version)
            return new

        try:
            return self._file("champion").change(back)
        except AssignmentBrokenError as error:
            raise ModelBrokenError(f"{error}: run `{REPAIR_COMMANDS['champion']}`.") from None

    def set_shadow(self, version: str | None) -> Assignment:
        """Score `version` beside the active one from now on; None ends it.

        Raises:
            ModelMissingError: There is no such version.
        """
        self._check_folder()
        if version is not None:
            self.card(version)
        try:
            return self._file("shadow").change(
                lambda old: (old or self._first("shadow", None)).switched_to(version, "shadow")
            )
        except AssignmentBrokenError:
            return self._file("shadow").overwrite(self._first("shadow", version))

    def claim(self, part: Part, number: int) -> bool:
        """Whether the caller is the first of all processes to ask for the right to record this switch.

        Raises:
            OSError: The folder can't be written.
        """
        folder = self.folder / _CLAIMS_FOLDER
        folder.mkdir(exist_ok=True)
        try:
            (folder / f"{part}-{number}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _check_folder(self) -> None:
        if not self.folder.is_dir():
            raise no_model(self.folder)

    def _first(self, part: Part, version: str | None) -> Assignment:
        # Numbers are never used twice, also when the file that counted them is gone.
        claimed = (path.name.rpartition("-")[2] for path in (self.folder / _CLAIMS_FOLDER).glob(f"{part}-*"))
        return Assignment(version=version, number=max((int(number) for number in claimed), default=0))

    def _file(self, part: Part) -> AssignmentFile:
        return AssignmentFile(self.folder / _PART_FILES[part])


def no_model(folder: Path) -> ModelMissingError:
    """What to say when no version is active."""
    return ModelMissingError(f"No model in {folder}: run `{TRAIN_COMMAND}`.")


def _file_stamp(path: Path) -> FileStamp:
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)
