"""A model service as a user would write it, served by uvicorn in the integration tests."""

from fastapi import FastAPI

import sightglass

app = FastAPI(title="served")
sightglass.instrument(app, service_name="served", model=sightglass.Model("m", "1"))


@app.get("/predict/{number}")
def predict(number: int) -> dict[str, str]:
    """Predict something about a number."""
    return {"prediction_id": sightglass.record_prediction({"number": number}, score=0.5, label="odd")}
