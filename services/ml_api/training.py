"""Training the flight-delay model: rows, fit, export, comparison, card."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from services.ml_api.card import ModelCard, MonthMetrics, TrainingWindow
from services.ml_api.dataset import PACKAGE, Dataset
from services.ml_api.features import CATEGORIES, FEATURES, NUMBERS, WEATHER
from services.ml_api.flights import LATE, ON_TIME
from services.ml_api.model_store import MODEL_NAME, StoredModel
from services.ml_api.onnx_export import UNKNOWN_CODE, export
from services.ml_api.reference import describe_category, describe_number, describe_scores

TRAINING_START: Final = datetime(2013, 1, 1)  # noqa: DTZ001  (New York's local time without zone, as in the data)
TRAINING_END: Final = datetime(2013, 10, 1)  # noqa: DTZ001
HELD_OUT_MONTHS: Final = ("2013-10", "2013-11", "2013-12")
MOST_DIFFERENCE: Final = 1e-5
_DIGITS: Final = 6
_WEATHER_DIGITS: Final = 3
_ITERATIONS: Final = 150

Array = npt.NDArray[Any]


class TrainingError(Exception):
    """The model could not be made, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Feature columns of some flights, and whether each was late."""

    categories: dict[str, Array]
    numbers: Array
    late: Array

    def __getitem__(self, chosen: Array | slice) -> "_Rows":
        categories = {name: column[chosen] for name, column in self.categories.items()}
        return _Rows(categories, self.numbers[chosen], self.late[chosen])

    def __len__(self) -> int:
        return len(self.late)


def train(dataset: Dataset, *, every: int = 1) -> StoredModel:
    """Train on January to September 2013 and measure on October, November and December.

    The label is known only for flights that arrived; the rest is left out. Weather counts as known at departure: the
    hour's measurement stands in for the forecast of it.

    Args:
        dataset: The flights and the weather.
        every: Take each n-th flight only, for a quick run.

    Raises:
        TrainingError: The exported model differs from the fitted one by more than 1e-5 on held-out rows.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (seconds that serving never needs)

    # One thread: sums then don't depend on the number of cores, and threads don't wait for each other on busy ones.
    with threadpool_limits(limits=1, user_api="openmp"):
        return _train(dataset, every)


def _train(dataset: Dataset, every: int) -> StoredModel:
    import sklearn  # noqa: PLC0415  (as above)
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415  (as above)

    labelled = np.flatnonzero(dataset.late >= 0)[::every]
    departure = dataset.scheduled_departure[labelled]
    rows = _rows(dataset, labelled)
    inside = (departure >= np.datetime64(TRAINING_START)) & (departure < np.datetime64(TRAINING_END))
    fitted = rows[inside]
    codes = {name: _by_late_share(column, fitted.late) for name, column in fitted.categories.items()}
    model = HistGradientBoostingClassifier(
        max_iter=_ITERATIONS,
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=200,
        early_stopping=False,
        random_state=0,
    )
    model.fit(_matrix(fitted, codes), fitted.late)
    model_bytes = export(model, name=MODEL_NAME, categories=codes, numbers=len(NUMBERS))

    scores = model.predict_proba(_matrix(fitted, codes))[:, 1]
    threshold = round(float(np.quantile(scores, 1.0 - fitted.late.mean())), 4)
    months = departure.astype("datetime64[M]").astype(str)
    held_out = {month: rows[months == month] for month in HELD_OUT_MONTHS}
    metrics = {}
    for month, part in held_out.items():
        expected = model.predict_proba(_matrix(part, codes))[:, 1]
        _compare(model_bytes, part, expected)
        metrics[month] = _metrics(part.late, expected)
    card = ModelCard(
        name=MODEL_NAME,
        version="",
        task="binary",
        description="Whether a flight from New York arrives 15 or more minutes late, from what is known at its "
        "scheduled departure.",
        labels=[LATE, ON_TIME],
        positive_label=LATE,
        threshold=threshold,
        threshold_reason="calls as many of the training flights late as were late",
        features=[
            describe_category(feature, fitted.categories[feature.name], codes[feature.name])
            if feature.type == "category"
            else describe_number(feature, fitted.numbers[:, NUMBERS.index(feature.name)])
            for feature in FEATURES
        ],
        fallback=_medians(fitted),
        training=TrainingWindow(
            start=TRAINING_START.date().isoformat(),
            end=TRAINING_END.date().isoformat(),
            rows=len(fitted),
            positive_share=round(float(fitted.late.mean()), _DIGITS),
            data=PACKAGE,
        ),
        scores=describe_scores(scores, threshold),
        metrics=metrics,
        software={"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    )
    return StoredModel(card.with_version(model_bytes), model_bytes)


def weather_rows(dataset: Dataset) -> Iterator[tuple[str, int, tuple[float | None, ...]]]:
    """The hourly table as `write_weather` takes it: null where nothing was measured."""
    columns = zip(dataset.weather_origin.tolist(), dataset.weather_hour.tolist(), dataset.weather.tolist(), strict=True)
    for origin, hour, values in columns:
        yield origin, hour, tuple(None if value != value else value for value in values)  # noqa: PLR0124  (NaN)


def _rows(dataset: Dataset, chosen: Array) -> _Rows:
    departure = dataset.scheduled_departure[chosen]
    days = departure.astype("datetime64[D]").astype(np.int64)
    hours = departure.astype("datetime64[h]").astype(np.int64) % 24
    request = {
        "distance": dataset.distance[chosen],
        "departure_hour": hours,
        # 1970-01-01 was a Thursday.
        "weekday": (days + 3) % 7 + 1,
    }
    weather = _weather_of(dataset, chosen)
    columns = [weather[:, WEATHER.index(name)] if name in WEATHER else request[name] for name in NUMBERS]
    return _Rows(
        categories={name: getattr(dataset, name)[chosen] for name in CATEGORIES},
        # The model serves float32, so it learns from float32: then no row changes its branch by rounding.
        numbers=np.column_stack(columns).astype(np.float32),
        late=dataset.late[chosen],
    )


def _weather_of(dataset: Dataset, chosen: Array) -> Array:
    """The weather at each flight's origin in its scheduled hour; NaN where the hour is missing."""
    keys = {
        key: row
        for row, key in enumerate(zip(dataset.weather_origin.tolist(), dataset.weather_hour.tolist(), strict=True))
    }
    flights = zip(dataset.origin[chosen].tolist(), dataset.scheduled_hour[chosen].tolist(), strict=True)
    found = np.array([keys.get(key, -1) for key in flights])
    return np.where((found >= 0)[:, None], dataset.weather[found], np.nan)


def _by_late_share(column: Array, late: Array) -> list[str]:
    """The categories from the most punctual to the latest: an order that trees can split."""
    names = np.unique(column).tolist()
    return sorted(names, key=lambda name: (float(late[column == name].mean()), name))


def _matrix(rows: _Rows, codes: dict[str, list[str]]) -> Array:
    coded: list[Array] = []
    for name, values in codes.items():
        known, inverse = np.unique(rows.categories[name], return_inverse=True)
        code = np.array([values.index(value) if value in values else UNKNOWN_CODE for value in known.tolist()])
        coded.append(code[inverse])
    return np.column_stack([*coded, rows.numbers]).astype(np.float32)


def _medians(rows: _Rows) -> dict[str, dict[str, float | None]]:
    """Origin -> median of each weather feature; null where that is what the training rows mostly have (gusts)."""
    medians: dict[str, dict[str, float | None]] = {}
    for origin in np.unique(rows.categories["origin"]).tolist():
        values = rows.numbers[rows.categories["origin"] == origin].astype(np.float64)
        medians[origin] = {}
        for name in WEATHER:
            column = values[:, NUMBERS.index(name)]
            mostly_null = np.isnan(column).mean() > 0.5  # noqa: PLR2004  (more null than not)
            medians[origin][name] = None if mostly_null else round(float(np.nanmedian(column)), _WEATHER_DIGITS)
    return medians


def _compare(model_bytes: bytes, rows: _Rows, expected: Array) -> None:
    import onnxruntime  # noqa: PLC0415  (the other half of a comparison only training makes)

    session = onnxruntime.InferenceSession(model_bytes, providers=["CPUExecutionProvider"])
    feeds: dict[str, Any] = {name: rows.categories[name].astype(object)[:, None] for name in CATEGORIES}
    feeds["numbers"] = rows.numbers
    difference = float(np.abs(session.run(["positive"], feeds)[0][:, 0] - expected).max())
    if not difference <= MOST_DIFFERENCE:
        raise TrainingError(f"The exported model differs from the fitted one by {difference:.2g} on held-out rows.")


def _metrics(late: Array, scores: Array) -> MonthMetrics:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score  # noqa: PLC0415  (as scikit-learn above)

    def rounded(value: Any) -> float:
        return round(float(value), _DIGITS)

    return MonthMetrics(
        rows=len(late),
        positive_share=rounded(late.mean()),
        mean_score=rounded(scores.mean()),
        roc_auc=rounded(roc_auc_score(late, scores)),
        log_loss=rounded(log_loss(late, scores)),
        brier=rounded(brier_score_loss(late, scores)),
    )
