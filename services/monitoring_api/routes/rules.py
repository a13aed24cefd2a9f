"""`/rules`: the rules in force, and what one of them would have done in history."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_LONGEST_NAME: Final = 200
_LONGEST_RULE: Final = 10_000
_RULE: Final = 'alert: Slow\nmetric: latency_p95\nwindow: 5m\ncondition: "> 0.5"\n'
_EXAMPLE: Final[JsonDict] = {"from": "now-24h", "to": "now"}
_BACKTEST: Final = (
    "The worker's own evaluation over what is stored now, beginning without an active alert: points for a chart, when "
    "each alert would have fired, and every transition. Where labels exist, each firing is graded by what they later "
    "said: `bad_when` says what counts as bad; by default what the rule says, else a model's figure a tenth worse than "
    "in the four weeks before. A range that takes too many looks is refused with one that would do."
)
_GIVEN: Final = (
    "The rule is checked as the worker checks its files, and every error is told with its line. The rest is as for a "
    "rule in force; by default it is looked at each minute, of ranges longer than three days less often: 5,000 times."
)


class RuleShown(BaseModel):
    """One rule in force."""

    name: str
    group: str
    interval_seconds: float = Field(description="Between two looks.")
    text: str = Field(description="The rule as its file says it, in YAML.")
    definition: dict[str, Any] = Field(description="The same as JSON.")
    labels: dict[str, str]
    metric: str | None
    condition: str = Field(description="When it is bad, in words; of an objective, of its first rule.")
    window_seconds: float
    for_seconds: float
    health: Literal["ok", "no_data", "incomplete", "immature", "error", "unknown"] = Field(
        description="What the last look rested on, the worst of its alerts; unknown before the first look."
    )
    error: str | None = Field(description="Why a look gave no answer; null when all gave one.")
    last_evaluated_at: datetime | None = Field(description="The newest slot in which it was looked at.")
    firing: int = Field(description="How many of its alerts fire.")
    pending: int


class RulesShown(BaseModel):
    """The answer."""

    rules: list[RuleShown]
    since: datetime | None = Field(description="When the worker took the rules as they are; null before it did.")
    error: str | None = Field(description="What is wrong with the worker's files or store; what was in force stays so.")


class BadWhenRequest(BaseModel):
    """What counts as bad: a figure that labels make."""

    model_config = ConfigDict(extra="forbid")

    metric: str = Field(max_length=_LONGEST_NAME, examples=["accuracy"])
    condition: str = Field(max_length=_LONGEST_NAME, examples=["< 0.7"])
    window: str = Field(default="1d", max_length=40, description="Over the predictions of how long.")


class BacktestRequest(BaseModel):
    """Between which times."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={"examples": [_EXAMPLE]})

    start: str = Field(alias="from", max_length=100, description="RFC 3339, epoch seconds, or relative: now-24h.")
    end: str = Field(default="now", alias="to", max_length=100, description="The first moment after the range.")
    interval: str | None = Field(
        default=None, max_length=40, description="Between two looks, such as 1m; by default as the worker looks."
    )
    bad_when: BadWhenRequest | None = None


class GivenRuleRequest(BacktestRequest):
    """A rule that is in no file yet, and between which times."""

    rule: str = Field(
        min_length=1,
        max_length=_LONGEST_RULE,
        description="One rule as its file would say it, in YAML. A statement (`sql:`) is not taken.",
        examples=[_RULE],
    )


class FiringShown(BaseModel):
    """One time that an alert would have fired."""

    model_config = ConfigDict(populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to", description="Null where it still fired at the end.")
    value: float | None = Field(description="Its worst figure.")
    cause: str
    verdict: Literal["right", "wrong", "unknown"] | None = Field(description="What labels say of it.")
    lead_seconds: float | None = Field(description="How long before the labels it said so; negative: after them.")


class PendingShown(BaseModel):
    """One time that its condition held and it did not fire yet."""

    model_config = ConfigDict(populate_by_name=True)

    start: datetime = Field(alias="from")
    end: datetime | None = Field(alias="to")


class TransitionShown(BaseModel):
    """A change of one alert."""

    kind: str
    at: datetime
    value: float | None
    cause: str
    error: str | None


class SeriesShown(BaseModel):
    """One alert over the range."""

    fingerprint: str
    labels: dict[str, str]
    points: list[tuple[float, float | None]] = Field(
        description="Slot (epoch seconds) and figure; of many that fall together the worst."
    )
    firing: list[FiringShown]
    pending: list[PendingShown]
    transitions: list[TransitionShown]


class EpisodeShown(BaseModel):
    """A time in which the model was bad."""

    model_config = ConfigDict(populate_by_name=True)

    labels: dict[str, str]
    start: datetime = Field(alias="from")
    bad_at: datetime = Field(description="The end of its first bad window.")
    end: datetime = Field(alias="to")
    found: bool = Field(description="Whether the rule fired in it.")


class GradeShown(BaseModel):
    """How good the rule is at telling that the model is bad."""

    bad_when: str = Field(description="When the model was bad, in words.")
    metric: str
    condition: str
    window_seconds: float
    known_share: float = Field(description="The share of the range for which labels say whether it was bad.")
    label_delay_seconds: float | None = Field(description="How long labels take; null: unknown, and taken for none.")
    firings: dict[str, int] = Field(description="How many were right, wrong, unknown.")
    precision: float | None = Field(description="The share of right ones among those that labels can judge.")
    recall: float | None = Field(description="The share of bad times that were found.")
    lead_seconds: float | None = Field(description="The median over right firings; negative: after the labels.")
    episodes: list[EpisodeShown]


class BacktestShown(BaseModel):
    """What one rule would have done."""

    model_config = ConfigDict(populate_by_name=True)

    alert: str
    labels: dict[str, str]
    metric: str | None
    unit: str
    condition: str
    threshold: float | None
    resolve_threshold: float | None
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    interval_seconds: float = Field(description="Between two looks.")
    step_seconds: float = Field(description="Between two points.")
    looks: int
    health: dict[str, int] = Field(description="What looks rested on, over all alerts.")
    fired: int
    firing_seconds: float
    alerts: int = Field(description="How many were seen; at most 50 have a series, those that fired first.")
    series: list[SeriesShown]
    grade: GradeShown | None
    ungraded: str | None = Field(description="Why there is no grade.")


class Backtests(BaseModel):
    """The answer: one entry for each rule of that name, of an objective for each that it becomes."""

    backtests: list[BacktestShown]


class RuleDesk(Protocol):
    """Where rules are known."""

    async def rules(self) -> RulesShown:
        """All in force."""
        ...

    async def backtest(self, name: str, wanted: BacktestRequest) -> Backtests:
        """What the one of a name would have done."""
        ...

    async def backtest_given(self, wanted: GivenRuleRequest) -> Backtests:
        """What a rule that is in no file would have done."""
        ...


def rules_router(desk: RuleDesk) -> APIRouter:
    """/rules, /rules/backtest and /rules/{name}/backtest."""
    router = APIRouter(prefix="/rules", tags=["alerts"])

    @router.get("", summary="The alert rules in force")
    async def rules() -> RulesShown:
        return await desk.rules()

    @router.post(
        "/backtest", summary="What a rule that is in no file yet would have done in history", description=_GIVEN
    )
    async def backtest_given(body: GivenRuleRequest) -> Backtests:
        return await desk.backtest_given(body)

    @router.post("/{name}/backtest", summary="What a rule would have done in history", description=_BACKTEST)
    async def backtest(
        name: Annotated[str, Path(min_length=1, max_length=_LONGEST_NAME, examples=["TooManyErrors"])],
        body: BacktestRequest,
    ) -> Backtests:
        return await desk.backtest(name, body)

    return router
