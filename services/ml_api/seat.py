"""One part of a model's versions in this process, champion or shadow: whoever has it by the store, loaded."""

import logging
from collections.abc import Callable
from typing import Protocol

from services.ml_api.assignment import Assignment
from services.ml_api.model_store import ModelBrokenError, ModelMissingError, ModelStore, Part, Stamp, no_model
from services.ml_api.scoring import Predictor
from sightglass import record_model_switch

_logger = logging.getLogger(__name__)


class Load(Protocol):
    """Makes a version ready to answer."""

    def __call__(self, version: str) -> Predictor:
        """The version, loaded and warm."""


class Seat:
    """Follows the store: loads the version that has the part, and again when its files are replaced.

    What can't be used changes nothing here: the present one goes on, and `problem` says why.

    Args:
        store: The model's versions.
        part: Which part.
        load: Makes a version ready to answer.
        taken: Told of the predictor whenever another one has the part, or None when nobody has it.

    Attributes:
        predictor: Who has the part here, loaded.
        problem: Why the store's choice does not have it; empty when it does.
    """

    def __init__(
        self,
        store: ModelStore,
        part: Part,
        load: Load,
        taken: Callable[[Predictor | None], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._part = part
        self._load = load
        self._taken = taken
        self._stamp: Stamp | None = None
        self._number = -1
        self.predictor: Predictor | None = None
        self.problem = ""

    def follow(self, barred: str | None = None) -> None:
        """Do as the store says now.

        Args:
            barred: A version that may not have this part.
        """
        try:
            assignment = self._store.assignment(self._part)
            version = None if assignment is None else assignment.version
            if assignment is not None and version is not None and version != barred:
                self._hold(assignment, version)
            elif self._part == "champion":
                raise no_model(self._store.folder)
            else:
                self._vacate(assignment)
        except (ModelMissingError, ModelBrokenError) as error:
            if str(error) != self.problem:
                _logger.warning("the %s of the model store is not used: %s", self._part, error)
            self.problem = str(error)
        else:
            self.problem = ""

    def take(self, predictor: Predictor, assignment: Assignment) -> None:
        """Give the part to a predictor that was loaded before the store was told."""
        self._give(predictor, self._store.stamp(predictor.model.version))
        self._record(assignment, predictor, None)
        self.problem = ""

    def _hold(self, assignment: Assignment, version: str) -> None:
        # Taken first: a file that is replaced while it is read is read again.
        stamp = self._store.stamp(version)
        held = self.predictor
        before = held.model.version if held else None
        if held is None or before != version or stamp != self._stamp:
            held = self._load(version)
            self._give(held, stamp)
        self._record(assignment, held, before)

    def _give(self, predictor: Predictor, stamp: Stamp) -> None:
        self.predictor = predictor
        self._stamp = stamp
        self._taken(predictor)
        _logger.info("%s %s is %s", predictor.model.name, predictor.model.version, self._part)

    def _vacate(self, assignment: Assignment | None) -> None:
        self._number = assignment.number if assignment else -1
        if self.predictor is not None:
            self.predictor = None
            self._taken(None)
            _logger.info("nobody is %s any more", self._part)

    def _record(self, assignment: Assignment, predictor: Predictor, before: str | None) -> None:
        """Record a switch once, whichever of the processes that follow the store sees it first."""
        if assignment.number == self._number:
            return
        self._number = assignment.number
        if assignment.number == 0:
            return
        try:
            first = self._store.claim(self._part, assignment.number)
        except OSError as error:
            _logger.warning("a switch is not recorded, for the model store can't be written: %s", error)
            return
        if first:
            version = predictor.model.version
            previous = assignment.previous if before in {None, version} else before
            record_model_switch(
                predictor.model, previous_version=previous, reason=assignment.reason, variant=self._part
            )
