"""Bodies of requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, NaiveDatetime, Strict

from services.ml_api.features import FlightPlan
from services.ml_api.instants import Instant

MOST_ITEMS: Final = 1000
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2099

_FLIGHT: Final[dict[str, Any]] = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "ORD",
    "distance": 719,
    "sched_dep": "2013-12-08T07:15",
}
_OTHER_FLIGHT: Final[dict[str, Any]] = {**_FLIGHT, "dest": "SFO", "distance": 2565}
_PREDICTION_ID: Final = "01936b0e-7c4a-7d3f-9a51-0c2f6f1f8a10"


def _served_year(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def _local_time(value: Any) -> Any:
    # pydantic would also take a bare date, for midnight, and numbers, for moments in UTC.
    if not isinstance(value, str) or len(value) < len("2013-12-08T07:15"):
        raise ValueError("not a local time such as 2013-12-08T07:15")
    return value


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FlightFeatures(_Body):
    """A flight from New York, as known when it is scheduled to leave. The weather is looked up, not sent."""

    carrier: str = Field(
        pattern=r"^[A-Z0-9]{2}$",
        description="Airline, two-letter code. One that the model never saw is scored as unknown.",
    )
    origin: Literal["EWR", "JFK", "LGA"] = Field(description="Airport of departure.")
    dest: str = Field(
        pattern=r"^[A-Z]{3}$",
        description="Airport of arrival, three-letter code. One that the model never saw is scored as unknown.",
    )
    distance: Annotated[float, Strict(), Field(gt=0, le=12_000, allow_inf_nan=False, description="Miles.")]
    sched_dep: Annotated[
        NaiveDatetime,
        BeforeValidator(_local_time),
        AfterValidator(_served_year),
        Field(description="Scheduled departure, New York's local time without offset, years 2000 to 2099."),
    ]

    def plan(self) -> FlightPlan:
        """The flight as the model takes it."""
        return FlightPlan(self.carrier, self.origin, self.dest, self.distance, self.sched_dep)


class PredictRequest(_Body):
    """One flight to judge."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"features": _FLIGHT, "entity_id": "N14228"}]})

    features: FlightFeatures
    entity_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="What it is about, say the tail number; stored hashed."
    )


class BatchRequest(_Body):
    """Up to 1,000 flights to judge at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"items": [{"features": _FLIGHT}, {"features": {**_FLIGHT, "dest": "SFO", "distance": 2565}}]}]
        }
    )

    items: list[PredictRequest] = Field(min_length=1, max_length=MOST_ITEMS)


class ModelReference(_Body):
    """Which model answered."""

    name: str
    version: str


class PredictResponse(_Body):
    """One prediction."""

    prediction_id: str = Field(description="Name it when the true label is known: POST /v1/labels.")
    model: ModelReference
    label: str
    score: float = Field(description="Probability of the positive label.")
    features_source: Literal["store", "fallback"] = Field(
        description="`fallback`: the hour's weather is missing and medians stood in."
    )


class BatchResponse(_Body):
    """The predictions in the order of the request's items."""

    predictions: list[PredictResponse]


class LabelItem(_Body):
    """What turned out to be true of one prediction."""

    prediction_id: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:-]+$")
    label: str = Field(min_length=1, max_length=100, description="One of the model's labels.")
    observed_at: Instant = Field(description="When it became true: RFC 3339 with offset, or seconds since 1970.")


class LabelsRequest(_Body):
    """Up to 1,000 labels. Sending the same one again changes nothing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"labels": [{"prediction_id": _PREDICTION_ID, "label": "late", "observed_at": "2013-12-08T15:42:00Z"}]}
            ]
        }
    )

    labels: list[LabelItem] = Field(min_length=1, max_length=MOST_ITEMS)


class LabelsResponse(_Body):
    """What became of the labels."""

    accepted: int = Field(description="Labels recorded.")
    duplicates: int = Field(description="Labels that this very request held more than once.")


class ModelVersion(_Body):
    """One stored version with its card."""

    version: str
    active: bool
    shadow: bool
    card: dict[str, Any]


class ModelEntry(_Body):
    """One model."""

    name: str
    active: str | None = Field(description="The version that answers; null before the first training.")
    shadow: str | None = Field(description="The version that is scored beside it without being answered with.")
    problems: list[str] = Field(description="Why the answering process does not do as this says; empty when it does.")
    versions: list[ModelVersion]


class ModelsResponse(_Body):
    """Every model there is."""

    models: list[ModelEntry]


class PromoteRequest(_Body):
    """The version that shall answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "8b95ad93be97"}]})

    version: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")


class PromoteResponse(_Body):
    """What answers now, and what did before."""

    name: str
    active: str
    previous: str | None


class Readiness(_Body):
    """Ready, and with which model."""

    status: Literal["ready"]
    model: ModelReference
    problems: list[str] = Field(description="Why it does not serve what the model store says; empty when it does.")
