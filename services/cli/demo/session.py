"""One run of the demo: the stack, the past, then the present."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import platformdirs

import sightglass
from services.cli.api_client import api_client
from services.cli.api_token import api_token
from services.cli.demo import check
from services.cli.demo.backfill import Backfill
from services.cli.demo.calibration import Calibration, calibrate
from services.cli.demo.clock import HEAD_START_SECONDS, FlightClock
from services.cli.demo.incidents.incident import Scene
from services.cli.demo.ledger import Ledger, Sent
from services.cli.demo.requests import PREDICT_PATH, ApiRequest, label_request, predict_request
from services.cli.demo.sample_mail import send_once
from services.cli.demo.schedule import Departure, Schedule
from services.cli.demo.traffic import Answer, Traffic
from services.cli.settings import SupervisorSettings
from services.cli.supervisor.plan import make_plan
from services.cli.supervisor.wiring import url_of
from services.ml_api.dataset import load_dataset
from services.ml_api.flights import FlightTable
from services.ml_api.scoring import Predictor
from sightglass.process_settings import given_variables

DAY_SECONDS = 86_400.0
_FOR_THE_LIBRARY = (
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    *("SIGHTGLASS_OTLP_TOKEN_FILE", "SIGHTGLASS_ENTITY_SALT", "SIGHTGLASS_ENTITY_SALT_FILE"),
)
_CALIBRATION_REQUESTS = 200
_VISIBLE_FLIGHTS = 40
_VISIBLE_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 60.0
_ASK_SECONDS = 10.0


@dataclass(frozen=True)
class CheckResult:
    """What `demo --check` found."""

    rows: tuple[check.Row, ...]
    delays: check.Delays
    backfill_seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every number of every row is the same, and every live prediction could be seen."""
        return all(row.agrees for row in self.rows) and self.delays.unseen == 0


class DemoSession:
    """The demo on one data folder whose stack is up.

    Args:
        settings: the supervisor's.
        now: the moment of this start (epoch seconds).
    """

    def __init__(self, settings: SupervisorSettings, now: float) -> None:
        plan = make_plan(settings, os.environ, given_variables())
        self.endpoints = plan.endpoints
        self._environment = plan.environment
        data_dir = plan.data_dir
        self._ledger = Ledger(data_dir / "demo" / "ledger.sqlite")
        self.clock = FlightClock(self._ledger.first_start(now - HEAD_START_SECONDS))
        self._table = FlightTable(load_dataset(Path(platformdirs.user_cache_dir("sightglass"))))
        self._schedule = Schedule(self._table, self.clock)
        models_dir = self.endpoints.ml_api.models_dir or data_dir / "models"
        self._scene = Scene(data_dir, models_dir)
        self._predictor = Predictor.load(models_dir)
        clickhouse = plan.clickhouse()
        self._reader = check.ClickHouseReader(
            clickhouse["url"],
            clickhouse["reader_user"],
            Path(clickhouse["reader_password_file"]),
            plan.endpoints.clickhouse.database,
            plan.endpoints.ca_file,
        )
        self._token = api_token(settings)
        if self._token is None and (
            self.endpoints.ml_api.asks_for_token() or self.endpoints.monitoring_api.asks_for_token()
        ):
            raise RuntimeError(
                "The APIs ask for a token: put one into SIGHTGLASS_TOKEN. `sightglass tokens create demo --scope "
                "read --scope "
                "ingest-labels` makes one."
            )

    def client(self, url: str) -> httpx.Client:
        """Open a client of one of the APIs."""
        return api_client(url, ca_file=self.endpoints.ca_file, token=self._token, timeout_seconds=_ASK_SECONDS)

    def covered_until(self) -> float | None:
        """Return up to when this data folder has traffic (epoch seconds), None when it has none."""
        return self._ledger.covered_until()

    def backfill(self, start: float, end: float, *, progress: Callable[[float], None]) -> Sent:
        """Fill `[start, end)` (epoch seconds) with what the ML API would have sent.

        Raises:
            BackfillError: the Collector did not take it.
            RuntimeError: the calibration's ML API did not answer.
        """
        calibration = self._calibrate(start, end)
        os.environ.update({name: self._environment[name] for name in _FOR_THE_LIBRARY if name in self._environment})
        with sightglass.start("ml-api", model=self._predictor.model, lossless=True, replayed=True) as telemetry:
            backfill = Backfill(
                telemetry,
                schedule=self._schedule,
                predictor=self._predictor,
                calibration=calibration,
                ledger=self._ledger,
                ml_api_port=self.endpoints.ml_api.port,
            )
            return backfill.run(start, end, progress=progress)

    @contextmanager
    def traffic(self) -> Iterator[Traffic]:
        """Open live traffic from where the backfill ended."""
        with self.client(self.endpoints.ml_api_url) as client:
            yield Traffic(self._schedule, self._ledger, client)

    def scene(self, traffic: Traffic) -> Scene:
        """Return what an incident in this live traffic may lay hands on."""
        return replace(self._scene, traffic=traffic)

    def sample_mail(self) -> str | None:
        """Send this data folder's test mail, unless it had it; return what to tell, None where no mails are kept."""
        with self.client(self.endpoints.monitoring_api_url) as client:
            return send_once(client, self._ledger)

    def check(self, backfill_seconds: float) -> CheckResult:
        """Send the next flights live, time how soon each can be seen, then hold all counts against the store."""
        predicted: list[str] = []
        labelled: list[str] = []
        with (
            self.traffic() as traffic,
            self.client(self.endpoints.monitoring_api_url) as monitoring,
            ThreadPoolExecutor(_VISIBLE_FLIGHTS) as pool,
        ):
            waiting: list[Future[float]] = []

            def answered(answer: Answer) -> None:
                if answer.path != PREDICT_PATH:
                    labelled.append(answer.prediction_id)
                    return
                predicted.append(answer.prediction_id)
                if len(waiting) < _VISIBLE_FLIGHTS:
                    waiting.append(
                        pool.submit(
                            check.visible_after,
                            monitoring,
                            answer.prediction_id,
                            answer.sent_at,
                            patience_seconds=_PATIENCE_SECONDS,
                        )
                    )
                    time.sleep(_VISIBLE_PAUSE_SECONDS)

            # These flights go ahead of the clock, for at night none would depart; labels never do.
            now = time.time()
            if not traffic.catch_up(traffic.upcoming(_VISIBLE_FLIGHTS, now), labels_until=now, answered=answered):
                raise RuntimeError(f"the ML API did not answer: {traffic.served.last_failure}")
            delays = check.Delays.of([each.result() for each in waiting])
        rows = (
            *check.backfilled(self._reader, self._ledger.sent(), patience_seconds=_PATIENCE_SECONDS),
            *check.live(self._reader, predicted=predicted, labelled=labelled, patience_seconds=_PATIENCE_SECONDS),
        )
        return CheckResult(rows, delays, backfill_seconds)

    def _calibrate(self, start: float, end: float) -> Calibration:
        departures = list(self._schedule.departures(start, end))
        if not departures:
            return Calibration({})
        kinds: dict[str, Sequence[ApiRequest]] = {
            source: [predict_request(departure.flight) for departure in _spread(found, _CALIBRATION_REQUESTS)]
            for source, found in self._by_source(departures).items()
        }
        unknown = "00000000-0000-7000-8000-000000000000"  # never stored: the calibration's telemetry goes nowhere
        kinds["labels"] = [label_request(unknown, "late", end)] * _CALIBRATION_REQUESTS
        port, ml_api = _free_port(), self.endpoints.ml_api
        command = [sys.executable, "-m", "services.ml_api"]
        with self.client(url_of(ml_api.host, port, tls=ml_api.serves_tls())) as client:
            return calibrate(command, self._environment, port=port, client=client, kinds=kinds)

    def _by_source(self, departures: Sequence[Departure]) -> dict[str, list[Departure]]:
        by_source: dict[str, list[Departure]] = {}
        for departure in departures:
            source = self._predictor.look_up_weather(departure.flight.plan).source
            by_source.setdefault(source, []).append(departure)
        return by_source


def _spread(departures: Sequence[Departure], count: int) -> Sequence[Departure]:
    """Return at most `count` of them, from the whole stretch."""
    return departures[:: max(1, len(departures) // count)][:count]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
