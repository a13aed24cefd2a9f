"""Scores a file of orders, once a night: `score_file.py orders.csv`."""

import csv
import sys
from pathlib import Path

import sightglass

MODEL = sightglass.Model("returns", version="2026-11-01", task="binary")


def main() -> int:
    """Score every line, and succeed only when all of it was delivered."""
    with (
        sightglass.start("nightly-scores", model=MODEL, lossless=True) as telemetry,
        Path(sys.argv[1]).open(newline="") as file,
    ):
        with telemetry.tracer.start_as_current_span("score file"):
            for row in csv.DictReader(file):
                price = float(row["price"])
                sightglass.record_prediction(
                    {"price": price, "country": row["country"]},
                    score=min(0.95, price / 1000),
                    prediction_id=row["prediction_id"],
                )
        return 0 if sightglass.flush(60) else 1


if __name__ == "__main__":
    sys.exit(main())
