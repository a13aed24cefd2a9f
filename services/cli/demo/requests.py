"""The demo's HTTP requests to the ML API: the same for calibration and for live traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from services.ml_api.flights import Flight

PREDICT_PATH = "/v1/predict"
LABELS_PATH = "/v1/labels"
_USER_AGENT = "sightglass-demo"


@dataclass(frozen=True)
class ApiRequest:
    """One POST with a JSON body."""

    path: str
    body: Mapping[str, Any]

    def post(self, client: httpx.Client, *, traceparent: str | None = None) -> httpx.Response:
        """Send it; with a W3C `traceparent` the trace id is the sender's choice."""
        return client.post(self.path, json=self.body, headers=self.headers(traceparent))

    @staticmethod
    def headers(traceparent: str | None) -> dict[str, str]:
        """Name the demo as the sender, and the trace where one is given."""
        named = {"User-Agent": _USER_AGENT}
        return {**named, "traceparent": traceparent} if traceparent else named


def predict_request(flight: Flight) -> ApiRequest:
    """Ask whether `flight` will be late."""
    return ApiRequest(PREDICT_PATH, flight.request_body())


def label_request(prediction_id: str, label: str, observed_at: float) -> ApiRequest:
    """Tell how a flight turned out, `observed_at` in epoch seconds."""
    observed = datetime.fromtimestamp(observed_at, UTC).isoformat()
    return ApiRequest(
        LABELS_PATH, {"labels": [{"prediction_id": prediction_id, "label": label, "observed_at": observed}]}
    )
