"""Predictions and labels straight into their tables: scores of a model that ranks fairly well, one label for each."""

import sys
from typing import Final

from clickhouse_connect.driver.client import Client

# A prediction of a hash's score; ids are UUIDv7 of its time.
_PREDICTIONS: Final = """INSERT INTO predictions_data
    (PredictionId, Timestamp, ModelName, ModelVersion, Variant, Task, Label, Score, Positive, Features, FeaturesSource,
    TraceId, SpanId, ServiceName, ArrivedAt)
WITH
    {day:Int64} * 86400000 + intDiv(number * 86400000, {count:UInt64}) AS at_ms,
    sipHash64({model:String}, {day:Int64}, number) AS chance,
    pow((chance % 1000003) / 1000003, 2) AS score,
    leftPad(lower(hex(toUInt64(at_ms))), 12, '0') AS moment,
    lower(hex(sipHash128({model:String}, {day:Int64}, number))) AS drawn
SELECT
    concat(substring(moment, 1, 8), '-', substring(moment, 9, 4), '-7', substring(drawn, 1, 3), '-8',
        substring(drawn, 4, 3), '-', substring(drawn, 7, 12)) AS PredictionId,
    fromUnixTimestamp64Milli(at_ms, 'UTC'),
    {model:String}, 'v1', 'champion', 'binary', if(score >= 0.5, 'late', 'on_time'), score, score >= 0.5,
    '{}', 'store', drawn, '', 'ml-api',
    fromUnixTimestamp64Milli(at_ms + 1000, 'UTC')
FROM numbers({count:UInt64})"""

_LABELS: Final = """INSERT INTO labels_data (PredictionId, Value, ObservedAt, ArrivedAt, ServiceName, Timestamp)
SELECT
    PredictionId, if((sipHash64(PredictionId, 1) % 1000003) / 1000003 < 0.05 + 0.6 * Score, 'late', 'on_time'),
    Timestamp + toIntervalHour(3), toDateTime64(Timestamp, 6) + toIntervalHour(4), 'ml-api',
    Timestamp + toIntervalHour(4)
FROM predictions_data
WHERE ModelName = {model:String}
    AND Timestamp >= toDateTime64({day:Int64} * 86400, 9, 'UTC')
    AND Timestamp < toDateTime64(({day:Int64} + 1) * 86400, 9, 'UTC')"""


def fill(client: Client, *, model: str, predictions: int, first_day: int, days: int) -> None:
    """Insert so many predictions, spread over days (counted since 1970), and their labels."""
    for day in range(first_day, first_day + days):
        asked = {"model": model, "day": day, "count": predictions // days}
        client.command(_PREDICTIONS, parameters=asked)
        client.command(_LABELS, parameters=asked)
        print(f"\r{model}: day {day - first_day + 1} of {days}", end="", file=sys.stderr)
    print(file=sys.stderr)
    # Everything is computed at once below; one by one is what `ingest` measures.
    client.command("TRUNCATE TABLE label_marks")
