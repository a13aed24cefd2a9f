"""What the demo's labels say of its model in the winter's storms, and where weather was missing.

New York's flights of October to December 2013 are replayed into a stack of its own, as `sightglass demo` does, with the
demo's clock set so that December has passed; a flight day is an hour of its clock. Then the monitoring API is asked how
the model did, by day, by month and by where features came from, and every figure is held against scikit-learn on the
same flights, predicted and labelled without the pipeline.

    python -m benchmarks.winter [--from 2013-10-01]
"""

import argparse
import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import platformdirs
from sklearn import metrics as sklearn_metrics

from benchmarks import report
from services.cli.demo.clock import ANCHOR, COMPRESSION, SERVING_END, FlightClock
from services.cli.demo.ledger import Ledger
from services.ml_api.dataset import load_dataset
from services.ml_api.flights import LATE, FlightTable
from services.ml_api.scoring import Predictor
from tests.integration.stack import Stack

_HOUR: Final = 3_600
# A day begins when no flight departs: a prediction is stored when it is made, which is a moment after its flight.
_NIGHT: Final = timedelta(hours=3)
_STORMS: Final = ("2013-12-09", "2013-12-10", "2013-12-17")
_METRICS: Final = ("accuracy", "roc_auc", "log_loss", "brier")
_PATH: Final = "/api/v1/models/flight-delay/performance"
_LONGEST_BACKFILL_SECONDS: Final = 3_600
_PATIENCE_SECONDS: Final = 600.0
# For what passes until the demo looks at the clock itself.
_MARGIN_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Truth:
    """One flight as the model and the timetable have it, without the pipeline."""

    departure: datetime
    score: float
    positive: bool
    source: str
    late: bool | None


def main() -> None:
    """Replay, ask, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="start", type=datetime.fromisoformat, default=datetime(2013, 10, 1))  # noqa: DTZ001
    parser.add_argument("--folder", type=Path, help="Where the stack lives, and stays; asked again without a replay.")
    given = parser.parse_args()
    on = report.machine()
    with tempfile.TemporaryDirectory(prefix="sightglass-winter-") as folder:
        months, days, sources, truths = _measure(given.folder or Path(folder), given.start)
    text, figures = _told(months, days, sources, truths)
    report.keep("winter", text, figures, on)


def _measure(folder: Path, start: datetime) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[Truth]]:
    stack = Stack(folder)
    stack.prepare()
    # Each flight day is a whole hour; the last ended an hour ago or more, and its flights have landed.
    now = math.floor(time.time() / _HOUR) * _HOUR
    ledger = Ledger(stack.data_dir / "demo" / "ledger.sqlite")
    clock = FlightClock(ledger.first_start(now - _HOUR - (SERVING_END + _NIGHT - ANCHOR).total_seconds() / COMPRESSION))
    try:
        stack.start()
        if ledger.covered_until() is None:
            _replay(stack, time.time() - clock.real_time(start, 0))
        return *_ask(stack, clock, start), _truths(stack, start)
    finally:
        stack.stop()


def _replay(stack: Stack, seconds: float) -> None:
    """Backfill so many seconds of the demo's clock and a bit more, checked count by count."""
    days = (seconds + _MARGIN_SECONDS) / 86_400
    done = stack.cli("demo", "--check", "--json", "--days", f"{days:.6f}", timeout=_LONGEST_BACKFILL_SECONDS)
    try:
        rows = json.loads(done.stdout)["rows"]
    except (ValueError, KeyError):
        raise SystemExit(done.stdout + done.stderr) from None
    # How soon a live prediction is seen says nothing here, but all must be there.
    if lost := [row for row in rows if not row["agrees"]]:
        raise SystemExit(f"what was sent is not what is stored: {lost}")
    print(", ".join(f"{row['sent']:,} {row['what']}" for row in rows), flush=True)


def _ask(stack: Stack, clock: FlightClock, start: datetime) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The API's answers by month, by day and by source of the features."""

    def answer(begin: datetime, end: datetime, **more: str) -> dict[str, Any]:
        span = {"from": str(clock.real_time(begin + _NIGHT, 0)), "to": str(clock.real_time(end + _NIGHT, 0))}
        asked = span | {"metrics": ",".join(_METRICS), "exact": "true"} | more
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            response = httpx.get(stack.url("monitoring-api") + _PATH, params=asked, timeout=60, trust_env=False)
            if response.status_code == httpx.codes.OK:
                document: dict[str, Any] = response.json()
                return document
            # On a busy machine the rows that came just now are still being worked on.
            if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR or time.monotonic() > deadline:
                raise SystemExit(response.text)
            time.sleep(float(response.headers.get("Retry-After", 1)))

    months, days = {}, {}
    begin = start
    while begin < SERVING_END:
        end = (begin.replace(day=1) + timedelta(days=32)).replace(day=1)
        months[f"{begin:%Y-%m}"] = month = answer(begin, end, step="1h")
        days |= {f"{clock.flight_time(bucket['time'] + 1)[0]:%Y-%m-%d}": bucket for bucket in month["series"]}
        begin = end
    whole = answer(start, SERVING_END, step="1d", segment="features_source")
    return months, days, {each["segment"]["value"]: each for each in whole["segments"]}


def _truths(stack: Stack, start: datetime) -> list[Truth]:
    """Every flight, predicted here and labelled by the timetable."""
    table = FlightTable(load_dataset(Path(platformdirs.user_cache_dir("sightglass"))))
    predictor = Predictor.load(stack.data_dir / "models")
    flights = list(table.between(start, SERVING_END))
    results = predictor.predict_many([flight.plan for flight in flights])
    return [
        Truth(
            flight.scheduled_departure,
            result.score,
            result.positive,
            result.features_source,
            None if flight.label is None else flight.label == LATE,
        )
        for flight, result in zip(flights, results, strict=True)
    ]


def expected(truths: Iterable[Truth]) -> dict[str, float]:
    """What scikit-learn says of these flights, besides their counts, mean score and share of late ones."""
    flights = list(truths)
    known = [flight for flight in flights if flight.late is not None]
    late = np.array([flight.late for flight in known], dtype=bool)
    scores = np.array([flight.score for flight in known])
    return {
        "predictions": len(flights),
        "labels": len(known),
        "late": float(late.mean()),
        "score": float(scores.mean()),
        "accuracy": float(np.mean([flight.positive == flight.late for flight in known])),
        "roc_auc": float(sklearn_metrics.roc_auc_score(late, scores)),
        "log_loss": float(sklearn_metrics.log_loss(late, scores)),
        "brier": float(sklearn_metrics.brier_score_loss(late, scores)),
    }


def _told(
    months: Mapping[str, Any], days: Mapping[str, Any], sources: Mapping[str, Any], truths: Sequence[Truth]
) -> tuple[str, dict[str, Any]]:
    """The tables, and every figure."""
    by_month, by_day, by_source = defaultdict(list), defaultdict(list), defaultdict(list)
    for each in truths:
        by_month[f"{each.departure - _NIGHT:%Y-%m}"].append(each)
        by_day[f"{each.departure - _NIGHT:%Y-%m-%d}"].append(each)
        by_source[each.source].append(each)
    worst = sorted(days, key=lambda day: -days[day]["metrics"]["log_loss"]["value"])[:5]
    rows: dict[str, dict[str, Any]] = {}
    lines = [
        f"{'':<12}{'flights':>9}{'labels':>9}{'late':>7}{'score':>7}   accuracy  ROC AUC               log loss  Brier"
    ]
    differences = [_difference(name, answer, expected(by_day[name])) for name, answer in days.items()]
    for title, answers, expectations, shown in (
        ("by month", months, by_month, sorted(months)),
        ("in the storms", days, by_day, [day for day in _STORMS if day in days]),
        ("worst days", days, by_day, worst),
        ("by features", sources, by_source, sorted(sources, reverse=True)),
    ):
        lines += ["", title]
        for name in shown:
            answer, should_be = answers[name], expected(expectations[name])
            differences.append(_difference(name, answer, should_be))
            rows[f"{title}: {name}"] = _figures(answer, should_be)
            lines.append(_line(name, answer, should_be))
    largest, where = max(differences)
    lines += ["", f"{len(days)} days and all above against scikit-learn on the same flights:"]
    lines += [f"largest relative difference {largest:.1e} ({where})"]
    return "\n".join(lines), {
        "rows": rows,
        "largest_difference": largest,
        "largest_difference_at": where,
        "days": len(days),
    }


def _figures(answer: Mapping[str, Any], should_be: Mapping[str, float]) -> dict[str, Any]:
    return {
        "predictions": answer["predictions"],
        "labels": answer["labels"],
        "mature": answer["mature"],
        "late": should_be["late"],
        "score": should_be["score"],
        "metrics": {name: answer["metrics"][name] for name in _METRICS},
    }


def _line(name: str, answer: Mapping[str, Any], should_be: Mapping[str, float]) -> str:
    figure = answer["metrics"]
    auc = figure["roc_auc"]
    return (
        f"{name:<12}{answer['predictions']:>9,}{answer['labels']:>9,}{should_be['late']:>7.2f}{should_be['score']:>7.2f}"
        f"   {figure['accuracy']['value']:>8.3f}  {auc['value']:.3f} [{auc['low']:.3f} .. {auc['high']:.3f}]"
        f"{figure['log_loss']['value']:>10.3f}{figure['brier']['value']:>7.3f}"
    )


def _difference(name: str, answer: Mapping[str, Any], should_be: Mapping[str, float]) -> tuple[float, str]:
    """The largest relative one, of counts, too, and where it is."""
    pairs = {figure: (answer[figure], should_be[figure]) for figure in ("predictions", "labels")}
    pairs |= {figure: (answer["metrics"][figure]["value"], should_be[figure]) for figure in _METRICS}
    return max((abs(ours - theirs) / abs(theirs), f"{name} {figure}") for figure, (ours, theirs) in pairs.items())


if __name__ == "__main__":
    main()
