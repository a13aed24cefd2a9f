"""What every data route is given: a database with this request's deadline, and the time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.monitoring_api.database import Database, Deadline
from services.monitoring_api.queries.arrivals import SharedCurves
from services.monitoring_api.queries.bucket_cache import BucketCache
from services.monitoring_api.queries.watermark import SharedWatermark
from services.monitoring_api.routes.shared_answers import SharedAnswers


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes work with.

    Args:
        database: Where to ask.
        deadline_seconds: How long a route may take.
        exact_deadline_seconds: How long one may take that computes from every row.
        clock: The time, aware.
        buckets: Finished buckets of earlier answers.
        answers: What is answered to several at once.
        arrived: Tells up to when telemetry has arrived.
        curves: Tells how labels come.
    """

    database: Database
    deadline_seconds: float
    exact_deadline_seconds: float
    clock: Callable[[], datetime]
    buckets: BucketCache
    answers: SharedAnswers
    arrived: SharedWatermark
    curves: SharedCurves

    def asking(self) -> Deadline:
        """The database, for one request: all that it asks must be answered by one moment."""
        return Deadline(self.database, self.deadline_seconds)

    def asking_exactly(self) -> Deadline:
        """The database, for one request that may be answered from every row: exact figures and explanations."""
        return Deadline(self.database, self.exact_deadline_seconds)
