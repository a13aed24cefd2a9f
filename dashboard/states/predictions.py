"""What the predictions page shows, and how its URL says so."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dashboard.model_questions import CHAMPION
from dashboard.states.reader import Query, StateReader
from dashboard.time_range import TimeRange

OUTCOMES: Final = ("", "wrong", "correct", "unlabelled")
_TEXTS: Final = ("prediction", "model", "version", "label", "entity", "features_source", "cursor")


@dataclass(frozen=True)
class PredictionsState:
    """What the predictions page shows: one prediction, or those that meet a search.

    Attributes:
        prediction: the id of the one shown; empty for a search.
        model: its name; empty for any.
        version: of the model; empty for any.
        variant: such as `champion` or `shadow`.
        label: what was decided; empty for anything.
        outcome: one of `OUTCOMES`; empty for any.
        min_score: the least score, if one is asked for.
        max_score: the greatest score, if one is asked for.
        features: conditions on features, and-ed.
        entity: what it is about, as stored (its hash); empty for anything.
        features_source: such as `store` or `fallback`; empty for any.
        cursor: where the page before ended, as the API says; empty for the first page.
        period: when predictions were made.
        zone: IANA name of the time zone shown.
    """

    prediction: str = ""
    model: str = ""
    version: str = ""
    variant: str = CHAMPION
    label: str = ""
    outcome: str = ""
    min_score: float | None = None
    max_score: float | None = None
    features: tuple[str, ...] = ()
    entity: str = ""
    features_source: str = ""
    cursor: str = ""
    period: TimeRange = field(default_factory=TimeRange)
    zone: str = "UTC"

    @classmethod
    def read(cls, query: Query, now: datetime) -> "tuple[PredictionsState, list[str]]":
        """The state that a URL describes, and what in it could not be read."""
        reader = StateReader(query, now)
        least, most = reader.number("min_score"), reader.number("max_score")
        if least is not None and most is not None and least > most:
            reader.complaints.append("min_score is greater than max_score.")
            least = most = None
        outcome = reader.text("outcome", "")
        state = cls(
            **{name: reader.text(name, "") for name in _TEXTS},
            variant=reader.text("variant", CHAMPION),
            outcome=reader.one_of("outcome", OUTCOMES) if outcome else "",
            min_score=least,
            max_score=most,
            features=reader.many("feature"),
            period=reader.period(),
            zone=reader.zone(),
        )
        return state, reader.complaints

    def query(self) -> dict[str, list[str]]:
        """The parameters that reproduce this state."""
        texts = {name: getattr(self, name) for name in (*_TEXTS, "outcome")}
        texts |= {
            "variant": "" if self.variant == CHAMPION else self.variant,
            "min_score": "" if self.min_score is None else repr(self.min_score),
            "max_score": "" if self.max_score is None else repr(self.max_score),
        }
        return {
            **{name: [text] for name, text in texts.items() if text},
            **({"feature": list(self.features)} if self.features else {}),
            "from": [self.period.start],
            "to": [self.period.end],
            "tz": [self.zone],
        }

    @property
    def crossed(self) -> bool:
        """Whether no score can be both: the least is greater than the greatest."""
        return self.min_score is not None and self.max_score is not None and self.min_score > self.max_score

    @property
    def narrowed(self) -> bool:
        """Whether anything but a range is asked for."""
        words = (self.model, self.version, self.label, self.outcome, self.entity, self.features_source)
        return any(words) or bool(self.features) or self.min_score is not None or self.max_score is not None
