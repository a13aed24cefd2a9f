"""Sightglass: OpenTelemetry for machine-learning services.

Three lines join a service: import, `instrument(app, service_name=..., model=...)`, and `record_prediction(...)`
where it predicts.
"""

from sightglass.environment import settle

# Before anything imports OpenTelemetry, which would raise for these.
settle(importing=True)

from sightglass.fastapi_application import instrument
from sightglass.logs import configure_logging
from sightglass.predictions.decorator import last_prediction_id, predicts
from sightglass.predictions.identifiers import new_prediction_id
from sightglass.predictions.label import record_label
from sightglass.predictions.model import Model
from sightglass.predictions.model_call import model_call
from sightglass.predictions.model_switch import record_model_switch
from sightglass.predictions.prediction import record_prediction
from sightglass.startup import flush, start
from sightglass.telemetry import Telemetry

__all__ = [
    "Model",
    "Telemetry",
    "configure_logging",
    "flush",
    "instrument",
    "last_prediction_id",
    "model_call",
    "new_prediction_id",
    "predicts",
    "record_label",
    "record_model_switch",
    "record_prediction",
    "start",
]
