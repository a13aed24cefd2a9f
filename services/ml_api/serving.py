"""What this process serves: the version that answers and the one in its shadow, as the model store says."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from services.ml_api.model_store import FileStamp, ModelStore
from services.ml_api.scoring import Predictor
from services.ml_api.seat import Seat
from services.ml_api.warm_up import warm_up
from services.ml_api.weather import WeatherValues, read_weather_if_any
from services.web.problems import Unavailable

_logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS: Final = 5
_LOOK_SECONDS: Final = 0.5


class Serving:
    """Holds the loaded versions, and looks into the model store when it is told to: `StoreWatch` does, all the time.

    So a model that is made later is served without a restart, and a switch reaches every worker process.

    Args:
        models_dir: The folder of all models.
        name: The model to serve.
        shadow_taken: Told of the shadow's predictor whenever it is another one, or None when there is none.
    """

    def __init__(
        self,
        models_dir: Path,
        name: str,
        shadow_taken: Callable[[Predictor | None], None] = lambda _: None,
    ) -> None:
        self.models_dir = models_dir
        self.name = name
        self._store = ModelStore(models_dir, name)
        self._lock = threading.Lock()
        self._champion = Seat(self._store, "champion", self._make_ready)
        self._shadow = Seat(self._store, "shadow", self._make_ready_in_shadow, shadow_taken)
        self._hours: Mapping[tuple[str, int], WeatherValues] = {}
        self._hours_stamp: FileStamp | None = None

    def load(self) -> Predictor:
        """The predictor that answers.

        Raises:
            Unavailable: There is none; says which command makes one.
        """
        predictor = self._champion.predictor
        if predictor is None:
            raise Unavailable(self._champion.problem, retry_after_seconds=_RETRY_AFTER_SECONDS)
        return predictor

    def problems(self) -> list[str]:
        """Why this process does not serve what the store says; empty when it does."""
        return [seat.problem for seat in (self._champion, self._shadow) if seat.problem]

    def look(self) -> None:
        """Serve what the store says now; what can't be used changes nothing."""
        with self._lock:
            self._champion.follow()
            champion = self._champion.predictor
            # A version can't be its own shadow.
            self._shadow.follow(barred=champion.model.version if champion else None)

    def promote(self, version: str) -> str | None:
        """Serve `version` from now on, in every worker process within a second; return the version before.

        Raises:
            ModelMissingError: There is no such version.
            ModelBrokenError: It can't be used; the present one goes on.
        """
        with self._lock:
            champion = self._champion.predictor
            previous = champion.model.version if champion else None
            predictor = self._make_ready(version)
            self._champion.take(predictor, self._store.activate(version))
            self._shadow.follow(barred=version)
        return previous

    def _make_ready(self, version: str) -> Predictor:
        predictor = Predictor.load(self.models_dir, self.name, version, self._weather_hours())
        warm_up(predictor)
        return predictor

    def _make_ready_in_shadow(self, version: str) -> Predictor:
        # It scores the rows that the champion saw, and needs no weather of its own. Nor is it called here: it may hang.
        return Predictor.load(self.models_dir, self.name, version, {})

    def _weather_hours(self) -> Mapping[tuple[str, int], WeatherValues]:
        """The weather table, read again when its file is another one."""
        stamp = self._store.weather_stamp()
        if stamp != self._hours_stamp:
            self._hours = read_weather_if_any(self._store.weather_path)
            self._hours_stamp = stamp
        return self._hours


class StoreWatch:
    """Calls `look` every half second until it is stopped.

    Args:
        look: What is called; what it raises is logged, and the next look is made all the same.
        every_seconds: The pause between two looks.
    """

    def __init__(self, look: Callable[[], None], every_seconds: float = _LOOK_SECONDS) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._stopped = threading.Event()

    def start(self) -> None:
        """Look from now on."""
        self._stopped.clear()
        threading.Thread(target=self._run, name="model-store-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more; a look under way is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        failure = ""
        while not self._stopped.wait(self._every_seconds):
            try:
                self._look()
                failure = ""
            except Exception as error:  # the watch goes on whatever a file system may do
                if str(error) != failure:
                    _logger.exception("the model store can't be looked into")
                failure = str(error)
