"""The model that this process serves: loaded at the start, as soon as there is one, and whenever another is active."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from services.ml_api.model_store import ModelBrokenError, ModelMissingError, ModelStore
from services.ml_api.scoring import Predictor
from services.web.problems import Unavailable

_logger = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0


class Serving:
    """Holds the predictor of the active version; looks at most once a second whether another one is active now.

    So a model that is made later is served without a restart, and a promotion reaches every worker process.

    Args:
        models_dir: The folder of all models.
        name: The model to serve.
        clock: Monotonic seconds.
    """

    def __init__(self, models_dir: Path, name: str, clock: Callable[[], float] = monotonic) -> None:
        self.models_dir = models_dir
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._predictor: Predictor | None = None
        self._reason = ""
        self._looked_at = float("-inf")

    def load(self) -> Predictor:
        """The predictor.

        Raises:
            Unavailable: There is none; says which command makes one.
        """
        if self._clock() - self._looked_at >= _LOOK_SECONDS:
            with self._lock:
                self._look()
        if self._predictor is None:
            raise Unavailable(self._reason, retry_after_seconds=5)
        return self._predictor

    def promote(self, version: str) -> str | None:
        """Serve `version` from now on, in every worker process within a second; return the version before.

        Raises:
            ModelMissingError: There is no such version.
            ModelBrokenError: It can't be used; the present one goes on.
        """
        with self._lock:
            predictor = Predictor.load(self.models_dir, self.name, version)
            ModelStore(self.models_dir, self.name).activate(version)
            previous = self._predictor.model.version if self._predictor else None
            self._serve(predictor)
        return previous

    def _look(self) -> None:
        if self._clock() - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = self._clock()
        try:
            active = ModelStore(self.models_dir, self.name).active()
            if self._predictor is None or self._predictor.model.version != active:
                self._serve(Predictor.load(self.models_dir, self.name, active))
        except (ModelMissingError, ModelBrokenError) as error:
            if str(error) != self._reason:
                _logger.warning("the active model is not served: %s", error)
            self._reason = str(error)

    def _serve(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._reason = ""
        _logger.info("serving %s %s", predictor.model.name, predictor.model.version)
