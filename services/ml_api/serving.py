"""The model that this process serves: loaded at the start, or as soon as there is one."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from services.ml_api.model_store import ModelBrokenError, ModelMissingError
from services.ml_api.scoring import Predictor
from services.web.problems import Unavailable

_logger = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0


class Serving:
    """Holds the predictor; without one, looks again at most once a second.

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
        self._tried_at = float("-inf")

    def load(self) -> Predictor:
        """The predictor.

        Raises:
            Unavailable: There is none; says which command makes one.
        """
        if self._predictor is None:
            with self._lock:
                self._try()
        if self._predictor is None:
            raise Unavailable(self._reason, retry_after_seconds=5)
        return self._predictor

    def _try(self) -> None:
        if self._predictor is not None or self._clock() - self._tried_at < _RETRY_SECONDS:
            return
        self._tried_at = self._clock()
        try:
            self._predictor = Predictor.load(self.models_dir, self.name)
        except (ModelMissingError, ModelBrokenError) as error:
            if str(error) != self._reason:
                _logger.warning("no model to serve: %s", error)
            self._reason = str(error)
        else:
            _logger.info("serving %s %s", self._predictor.model.name, self._predictor.model.version)
