"""`predicts`: a function that predicts records its predictions by itself."""

import dataclasses
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast, overload

from sightglass import attributes
from sightglass.faults import report_fault
from sightglass.predictions.arguments import find_entity, find_features
from sightglass.predictions.identifiers import new_prediction_id
from sightglass.predictions.model import Model
from sightglass.predictions.model_call import model_call
from sightglass.predictions.outcome import find_outcome
from sightglass.predictions.prediction import record_prediction
from sightglass.telemetry import current

P = ParamSpec("P")
R = TypeVar("R")

_logger = logging.getLogger(__name__)
_last: ContextVar[str | None] = ContextVar("sightglass_last_prediction_id", default=None)


def last_prediction_id() -> str | None:
    """The id of the last prediction of a decorated function, for whoever will know the true label.

    Inside such a function it is the id of the prediction under way, so that the function can return it. It belongs to
    the current context: a task or thread of its own has its own. None before the first.
    """
    return _last.get()


@overload
def predicts(function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def predicts(
    *,
    model: Model | None = None,
    features: str | Callable[..., Any] | None = None,
    outcome: Callable[[Any], Any] | None = None,
    entity_id: str | Callable[..., Any] | None = None,
    variant: str = attributes.CHAMPION,
    features_source: str = "store",
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def predicts(
    function: Callable[P, R] | None = None,
    /,
    *,
    model: Model | None = None,
    features: str | Callable[..., Any] | None = None,
    outcome: Callable[[Any], Any] | None = None,
    entity_id: str | Callable[..., Any] | None = None,
    variant: str = attributes.CHAMPION,
    features_source: str = "store",
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Record one prediction for each call of a function that returns. Its value and its exceptions stay as they are.

    Features are the argument named `features`; else the first argument that is a mapping, a pydantic model or a
    dataclass; else all plain arguments by name. The outcome is read from what the function returns: a float (score, or
    value of a regression), text, a boolean or another integer (label), a pair (label, score), or a mapping or object
    with `score` or `probability`, `label`, `value`, `scores` or `probabilities`, `positive`.

    Args:
        function: A function or method, `async` or not.
        model: The model that predicts; the one telemetry was started with when left out.
        features: Name of the argument that holds them, or a function that makes them of the arguments.
        outcome: A function that makes one of the forms above of what was returned.
        entity_id: Name of an argument or feature, or a function of the arguments; only its hash leaves the process.
        variant: `champion`; any other shares the id of the last prediction, so call it after the champion.
        features_source: `store`, or `fallback` when features had to be replaced.

    Raises:
        TypeError: On decoration, of what makes no single prediction: a generator, a class, no function.
    """
    plan = _Plan(model, features, outcome, entity_id, variant, features_source)

    def decorate(predicting: Callable[P, R]) -> Callable[P, R]:
        _refuse(predicting)
        calls = _Calls(predicting, plan)
        if _is_asynchronous(predicting):

            @functools.wraps(predicting)
            async def asynchronous(*args: P.args, **kwargs: P.kwargs) -> Any:
                with calls.begin(args, kwargs) as call:
                    call.returned = await cast("Awaitable[Any]", predicting(*args, **kwargs))
                return call.returned

            return cast("Callable[P, R]", asynchronous)

        @functools.wraps(predicting)
        def synchronous(*args: P.args, **kwargs: P.kwargs) -> R:
            with calls.begin(args, kwargs) as call:
                call.returned = predicting(*args, **kwargs)
            return cast("R", call.returned)

        return synchronous

    return decorate if function is None else decorate(function)


def _refuse(function: Any) -> None:
    if isinstance(function, staticmethod | classmethod):
        raise TypeError(f"Put @sightglass.predicts below @{type(function).__name__}, next to the function.")
    if inspect.isclass(function) or not callable(function):
        raise TypeError(f"@sightglass.predicts decorates a function that predicts, not {function!r}.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{_name(function)} is a generator and has no single outcome. Decorate the function that makes one "
            "prediction, or call sightglass.record_prediction for each item."
        )


def _is_asynchronous(function: Any) -> bool:
    """An `async` function, or an object whose call is one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004  # what it is, not whether


def _name(function: Any) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', type(function).__name__)}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    model: Model | None
    features: str | Callable[..., Any] | None
    outcome: Callable[[Any], Any] | None
    entity_id: str | Callable[..., Any] | None
    variant: str
    features_source: str


class _Calls:
    """Begins the calls of one decorated function, and says once what could not be found in them."""

    def __init__(self, function: Any, plan: _Plan) -> None:
        self.plan = plan
        self.name = _name(function)
        self._said: set[str] = set()
        try:
            self.signature: inspect.Signature | None = inspect.signature(function)
        except (TypeError, ValueError):  # some built-in functions have none
            self.signature = None

    def begin(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "_Call":
        """Begin one call."""
        return _Call(self, args, kwargs)

    def say(self, what: str, advice: str) -> None:
        """Warn, the first time."""
        if what not in self._said:
            self._said.add(what)
            _logger.warning("No %s was found in a call of %s; it is recorded without. %s", what, self.name, advice)


class _Call:
    """One call: what went in is read before it, for the function may change it, and recorded after it."""

    def __init__(self, calls: _Calls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.returned: Any = None
        self._calls = calls
        self._plan = calls.plan
        self._features: Mapping[str, Any] = {}
        self._entity_id: Any = None
        self._read(args, kwargs)
        self._previous = _last.get()
        shares_id = self._plan.variant != attributes.CHAMPION and self._previous is not None
        self._identifier = cast("str", self._previous) if shares_id else new_prediction_id()
        self._timing = model_call(self._plan.model, variant=self._plan.variant)

    def __enter__(self) -> Self:
        _last.set(self._identifier)
        self._timing.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self._timing.__exit__(kind, error, trace_back)
        if kind is not None:
            _last.set(self._previous)
            return
        if inspect.isawaitable(self.returned):
            # What it predicts is not known yet.
            self._calls.say("outcome", "It returns an awaitable, so nothing was recorded: decorate what is `async`.")
            _last.set(self._previous)
            return
        record_prediction(
            self._features,
            **self._outcome(),
            model=self._plan.model,
            prediction_id=self._identifier,
            entity_id=self._entity_id,
            features_source=self._plan.features_source,
            variant=self._plan.variant,
            duration_seconds=self._timing.seconds,
        )
        # Again, for the function may have called another one that predicts.
        _last.set(self._identifier if self._plan.variant == attributes.CHAMPION else self._previous)

    def _read(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        try:
            signature = self._calls.signature
            if signature is None:
                self._calls.say("features", "It tells nothing of its arguments: wrap it in a function of your own.")
                return
            bound = signature.bind(*args, **kwargs)
        except Exception:  # the call itself is about to fail, and says so better
            return
        try:
            bound.apply_defaults()
            found = find_features(bound, self._plan.features)
            if found is None:
                self._calls.say("features", "Name the argument that holds them with features=, or give a function.")
            else:
                self._features = found
        except Exception:
            report_fault(f"predicts: finding the features of {self._calls.name}")
        try:
            self._entity_id = find_entity(bound, self._plan.entity_id, self._features)
        except Exception:
            report_fault(f"predicts: finding the entity id of {self._calls.name}")

    def _outcome(self) -> dict[str, Any]:
        try:
            telemetry = current()
            model = self._plan.model or (telemetry and telemetry.model)
            returned = self.returned if self._plan.outcome is None else self._plan.outcome(self.returned)
            found = find_outcome(returned, model.task if model else "binary")
        except Exception:
            report_fault(f"predicts: finding the outcome of {self._calls.name}")
            return {}
        if not found:
            self._calls.say("outcome", "Give outcome=, a function of what is returned.")
        return found
