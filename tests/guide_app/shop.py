"""A model service: how likely is it that an order comes back?"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Body, FastAPI
from pydantic import BaseModel

import sightglass

app = FastAPI(title="shop", version="1.4.0")
sightglass.instrument(app, service_name="shop", model=sightglass.Model("returns", version="2026-11-01", task="binary"))


class Order(BaseModel):
    """What the model looks at, and whose order it is."""

    price: float
    quantity: int
    country: str
    customer: str


class Risk(BaseModel):
    """The answer; whoever learns what became of the order quotes the id."""

    prediction_id: str
    probability: float


def probability_of_return(order: Order) -> float:
    """Stand for your model."""
    return min(0.95, 0.1 + order.price / 1000)


@app.post("/orders/risk")
def risk(order: Order) -> Risk:
    """Say how likely it is that the order comes back."""
    with sightglass.model_call() as call:
        probability = probability_of_return(order)
    prediction_id = sightglass.record_prediction(
        order.model_dump(exclude={"customer"}),
        score=probability,
        label="returned" if probability > 0.5 else "kept",
        positive=probability > 0.5,
        entity_id=order.customer,
        duration_seconds=call.seconds,
    )
    return Risk(prediction_id=prediction_id, probability=probability)


@app.post("/orders/{prediction_id}/outcome", status_code=202)
def outcome(prediction_id: str, came_back: Annotated[bool, Body(embed=True)]) -> None:
    """Take what became of the order, weeks later."""
    sightglass.record_label(prediction_id, "returned" if came_back else "kept", observed_at=datetime.now(UTC))
