"""What the models page shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.model_questions import CHAMPION, Chosen
from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

SECTIONS: Final = ("performance", "reliability", "segments", "versions", "wrong")

MOST_COST: Final = 1e9


@dataclass(frozen=True)
class ModelsState:
    """What the models page shows.

    Attributes:
        model: its name; empty for the one with most predictions.
        version: of the model; empty for all.
        variant: such as `champion` or `shadow`.
        section: one of `SECTIONS`.
        metric: the figure drawn over time, by segment and by version; empty for the task's first.
        segment: by what predictions are told apart, such as `carrier` or `distance:5`.
        threshold: another threshold to decide by; None for what was decided.
        alarm_cost: what a false alarm costs.
        miss_cost: what a miss costs.
        features: conditions on features, and-ed.
        filters: conditions on columns, and-ed.
        period: when predictions were made.
        zone: IANA name of the time zone shown.
    """

    model: str = ""
    version: str = ""
    variant: str = CHAMPION
    section: str = SECTIONS[0]
    metric: str = ""
    segment: str = ""
    threshold: float | None = None
    alarm_cost: float = 1.0
    miss_cost: float = 1.0
    features: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[ModelsState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        state = cls(
            model=reader.text("model", ""),
            version=reader.text("version", ""),
            variant=reader.text("variant", CHAMPION),
            section=reader.one_of("section", SECTIONS),
            metric=reader.text("metric", ""),
            segment=reader.text("segment", ""),
            threshold=reader.number("threshold"),
            alarm_cost=cost(reader, "alarm_cost"),
            miss_cost=cost(reader, "miss_cost"),
            features=reader.many("feature"),
            filters=reader.many("filter"),
            period=reader.period(),
            zone=reader.zone(),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        texts = {
            "model": self.model,
            "version": self.version,
            "variant": "" if self.variant == CHAMPION else self.variant,
            "metric": self.metric,
            "segment": self.segment,
            "threshold": "" if self.threshold is None else repr(self.threshold),
            "alarm_cost": "" if self.alarm_cost == 1 else repr(self.alarm_cost),
            "miss_cost": "" if self.miss_cost == 1 else repr(self.miss_cost),
        }
        lists = {"feature": self.features, "filter": self.filters}
        return {
            **{name: [text] for name, text in texts.items() if text},
            "section": [self.section],
            **{name: list(values) for name, values in lists.items() if values},
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
        }

    @property
    def chosen(self) -> Chosen:
        """Which predictions are meant."""
        return Chosen(self.model, self.version, self.variant, self.period, self.features, self.filters)


def cost(reader: StateReader, name: str) -> float:
    """What an error costs: a number of at least 0; 1 where none is given, or it cannot be read, which is noted."""
    value = reader.number(name)
    if value is None or 0 <= value <= MOST_COST:
        return 1.0 if value is None else value
    reader.complaints.append(f"{name}: not from 0 to {MOST_COST:g}.")
    return 1.0
