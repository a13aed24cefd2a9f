"""The other shapes of a model service; the guide shows each of them."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from opentelemetry import propagate
from pydantic import BaseModel

import sightglass

RETURNS = sightglass.Model("returns", version="2026-11-01", task="binary")
CANDIDATE = sightglass.Model("returns", version="2026-11-20", task="binary")
DELIVERY = sightglass.Model("delivery-days", version="7", task="regression")

app = FastAPI(title="shapes")
sightglass.instrument(app, service_name="shapes", model=RETURNS, excluded_urls="healthz,metrics")


class Order(BaseModel):
    """What the models look at, and whose order it is."""

    price: float
    country: str
    customer: str = "unknown"

    def features(self) -> dict[str, object]:
        """Everything but the customer."""
        return self.model_dump(exclude={"customer"})


@app.get("/healthz")
def healthz() -> str:
    """Say that it runs."""
    return "ok"


# Several models in one process: every prediction names its own.
@app.post("/quote")
def quote(order: Order) -> list[str]:
    """Ask two models about one order."""
    return [
        sightglass.record_prediction(order.features(), model=RETURNS, score=0.25),
        sightglass.record_prediction(order.features(), model=DELIVERY, value=2.5),
    ]


# A batch: one span, one event per item.
@app.post("/batch")
def batch(orders: list[Order]) -> list[str]:
    """Ask about many orders at once."""
    scores = [min(0.95, order.price / 1000) for order in orders]
    return [
        sightglass.record_prediction(order.features(), score=score, entity_id=order.customer)
        for order, score in zip(orders, scores, strict=True)
    ]


# A decorator instead of a call.
@sightglass.predicts(features=lambda order: order.features(), entity_id=lambda order: order.customer)
async def risk(order: Order) -> dict[str, object]:
    """Say how likely it is that the order comes back; its id is known within."""
    await asyncio.sleep(0)
    probability = min(0.95, order.price / 1000)
    return {"score": probability, "label": probability > 0.5, "prediction_id": sightglass.last_prediction_id()}


@app.post("/risk")
async def answer(order: Order) -> dict[str, object]:
    """Call the decorated function."""
    return await risk(order)


# After the answer, in the same trace.
@app.post("/later")
def later(order: Order, tasks: BackgroundTasks) -> None:
    """Answer first, and predict then."""
    tasks.add_task(sightglass.record_prediction, order.features(), score=0.5)


# While the answer is under way: the span lasts until its last part.
@app.get("/stream")
def stream(parts: int) -> StreamingResponse:
    """Predict for each part."""

    async def body() -> AsyncIterator[str]:
        for part in range(parts):
            yield sightglass.record_prediction({"part": part}, score=0.5) + "\n"

    return StreamingResponse(body(), media_type="text/plain")


# A connection is one span, and every message of it an event.
@app.websocket("/orders")
async def orders(websocket: WebSocket) -> None:
    """Predict for each message."""
    await websocket.accept()
    async for order in websocket.iter_json():
        await websocket.send_text(sightglass.record_prediction(order, score=0.5))


# A candidate beside the champion: the same prediction id, another version and variant.
@app.post("/shadowed")
def shadowed(order: Order) -> str:
    """Answer with the champion; the candidate is only recorded."""
    prediction_id = sightglass.record_prediction(order.features(), score=0.25, label="kept")
    sightglass.record_prediction(
        order.features(), model=CANDIDATE, variant="shadow", score=0.75, label="returned", prediction_id=prediction_id
    )
    return prediction_id


# What is sent to another service goes on in this trace.
@app.get("/headers")
def headers() -> dict[str, str]:
    """Make the headers of an outgoing request."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier
