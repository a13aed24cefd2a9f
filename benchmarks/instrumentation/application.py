"""The service: a FastAPI application as a user would write it, and the few lines by which the arms differ."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.instrumentation.arms import BARE, EVENT, LIGHT, NATIVE, OURS, SPOOL, STOCK
from benchmarks.instrumentation.models import Outcome, ServedModel

Predict = Callable[[Mapping[str, Any], str], tuple[Outcome, str | None]]
Flush = Callable[[], bool]

_FLUSH_SECONDS = 60.0


class Answer(BaseModel):
    """One prediction; the id is null where no event is recorded."""

    label: str
    score: float
    prediction_id: str | None


def build(arm: str, model: ServedModel) -> tuple[FastAPI, Flush]:
    """The application of an arm, and what delivers its telemetry."""
    predict, app, flush = _BUILDERS[arm](model)

    # The body's type is the model's own.
    async def answer(body: model.request) -> Answer:  # type: ignore[name-defined]
        outcome, prediction_id = predict(model.features(body), body.entity_id)
        return Answer(label=outcome.label, score=outcome.score, prediction_id=prediction_id)

    app.post("/predict")(answer)
    return app, flush


def _silent(model: ServedModel) -> Predict:
    def predict(features: Mapping[str, Any], entity_id: str) -> tuple[Outcome, str | None]:  # noqa: ARG001  # same call
        return model.predict(features), None

    return predict


def _bare(model: ServedModel) -> tuple[Predict, FastAPI, Flush]:
    return _silent(model), FastAPI(), lambda: True


def _ours(model: ServedModel) -> tuple[Predict, FastAPI, Flush]:
    import sightglass  # noqa: PLC0415  # not in the bare arm

    app = FastAPI()
    telemetry = sightglass.instrument(app, service_name=OURS.name, model=sightglass.Model(model.name, model.version))

    def predict(features: Mapping[str, Any], entity_id: str) -> tuple[Outcome, str | None]:
        with sightglass.model_call() as call:
            outcome = model.predict(features)
        prediction_id = sightglass.record_prediction(
            features,
            score=outcome.score,
            label=outcome.label,
            scores=outcome.scores,
            positive=outcome.positive,
            entity_id=entity_id,
            duration_seconds=call.seconds,
        )
        return outcome, prediction_id

    return predict, app, lambda: telemetry.flush(_FLUSH_SECONDS)


def _stock(name: str, excluded: list[Any] | None) -> Callable[[ServedModel], tuple[Predict, FastAPI, Flush]]:
    def build_stock(model: ServedModel) -> tuple[Predict, FastAPI, Flush]:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415  # not in the bare arm

        from benchmarks.instrumentation.stock import StockTelemetry  # noqa: PLC0415

        telemetry = StockTelemetry(name)
        app = FastAPI()
        FastAPIInstrumentor.instrument_app(app, exclude_spans=excluded)

        def predict(features: Mapping[str, Any], entity_id: str) -> tuple[Outcome, str | None]:
            begun = perf_counter()
            outcome = model.predict(features)
            return outcome, telemetry.emit(model, features, outcome, entity_id, perf_counter() - begun)

        return predict if name == EVENT.name else _silent(model), app, telemetry.flush

    return build_stock


def _native(model: ServedModel) -> tuple[Predict, FastAPI, Flush]:
    from benchmarks.instrumentation.stock import StockTelemetry  # noqa: PLC0415  # not in the bare arm

    # Global providers are what switches it on.
    telemetry = StockTelemetry(NATIVE.name)
    return _silent(model), FastAPI(), telemetry.flush


_BUILDERS: dict[str, Callable[[ServedModel], tuple[Predict, FastAPI, Flush]]] = {
    BARE.name: _bare,
    OURS.name: _ours,
    SPOOL.name: _ours,
    STOCK.name: _stock(STOCK.name, None),
    LIGHT.name: _stock(LIGHT.name, ["receive", "send"]),
    EVENT.name: _stock(EVENT.name, ["receive", "send"]),
    NATIVE.name: _native,
}
