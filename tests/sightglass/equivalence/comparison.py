"""Two runs held against each other."""

from collections.abc import Mapping
from typing import Any

from tests.sightglass.equivalence.calls import CALLS, Call
from tests.sightglass.equivalence.observation import Observation, Setup, observe


def both(setup: Setup | None = None, calls: Mapping[str, Call] = CALLS) -> tuple[Observation, Observation]:
    """What is seen with the stock parts, and with ours."""
    setup = setup or Setup()
    return observe(setup, calls, stock=True), observe(setup, calls, stock=False)


def differences(stock: Any, ours: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Where two described values differ: what is there in the one and in the other, by path."""
    if isinstance(stock, dict) and isinstance(ours, dict):
        return {
            where: pair
            for key in stock.keys() | ours.keys()
            for where, pair in differences(stock.get(key, "absent"), ours.get(key, "absent"), f"{path}/{key}").items()
        }
    if isinstance(stock, list | tuple) and isinstance(ours, list | tuple) and len(stock) == len(ours):
        return {
            where: pair
            for number, (one, other) in enumerate(zip(stock, ours, strict=True))
            for where, pair in differences(one, other, f"{path}/{number}").items()
        }
    return {} if stock == ours else {path: (stock, ours)}
