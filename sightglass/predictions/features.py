"""The typed JSON body of a prediction event: number 1, "1", true, null, NaN and absent stay six different things."""

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from sightglass.predictions.arguments import as_mapping
from sightglass.predictions.feature_names import FeatureNames
from sightglass.predictions.json_text import json_text
from sightglass.text import MAX_NAME_CHARACTERS, clean_text

MAX_FEATURES: Final = 1_000
MAX_TEXT_CHARACTERS: Final = 4_096
MAX_BODY_CHARACTERS: Final = 64 * 1_024
MAX_DEPTH: Final = 6
MAX_ITEMS: Final = 4_096
MAX_MARKS: Final = 32
_SMALLEST_INTEGER: Final = -(2**63)
_LARGEST_INTEGER: Final = 2**64 - 1
_PLAIN: Final = frozenset({float, bool, type(None)})
_MISSING_TYPES: Final = frozenset({"NAType", "NaTType"})


class FeatureBody:
    """Turns features into the body of one event; whatever is cut or changed leaves a mark.

    Args:
        names: Which features may leave the process.
    """

    def __init__(self, names: FeatureNames) -> None:
        self._names = names
        self._nonfinite: dict[str, str] = {}
        self._room = MAX_ITEMS
        self.marks: list[str] = []

    def encode(self, features: Any, scores: Any = None) -> str:
        """The body: a JSON object with `features`, and `nonfinite` and `scores` where there are any. Never raises."""
        try:
            if (body := self._encode_plain(features, scores)) is not None:
                return body
        except Exception:  # noqa: S110  # what is not plain is encoded with care
            pass
        try:
            return self._encode(features, scores)
        except Exception:
            self.mark("features:unreadable")
            return '{"features":{}}'

    def _encode_plain(self, features: Any, scores: Any) -> str | None:
        """The body of what needs no change, names judged by whole sets; None of anything else."""
        names = self._names
        write = names.write_json
        if write is None or type(features) is not dict or len(features) > MAX_FEATURES:
            return None
        if not names.known.issuperset(features) or not _are_plain(features.values()):
            return None
        if not scores:
            body = write({"features": features})
        elif type(scores) is dict and names.clean.issuperset(scores) and set(map(type, scores.values())) == {float}:
            body = write({"features": features, "scores": scores})
        else:
            return None
        return body if body is not None and len(body) <= MAX_BODY_CHARACTERS else None

    def _encode(self, features: Any, scores: Any) -> str:
        payload: dict[str, Any] = {"features": self._features(features)}
        cut_scores = {} if scores is None else self._scores(scores)
        if self._nonfinite:
            payload["nonfinite"] = self._nonfinite
        if cut_scores:
            payload["scores"] = cut_scores
        body = json_text(payload)
        return body if len(body) <= MAX_BODY_CHARACTERS else self._shorten(payload)

    def mark(self, what: str) -> None:
        """Note that something was cut or changed."""
        if len(self.marks) < MAX_MARKS:
            self.marks.append(what)

    def _features(self, features: Any) -> dict[str, Any]:
        values: dict[str, Any] = {}
        pairs = self._pairs(features, "features")
        if len(pairs) > MAX_FEATURES:
            self.mark("features:number")
            del pairs[MAX_FEATURES:]
        known = self._names.known
        for key, value in pairs:
            name = key if type(key) is str and key in known and key not in values else self._admitted(key, values)
            if name is None:
                continue
            kind = type(value)
            # The common types first: no call, no copy.
            if value is None or kind is bool or (kind is int and _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER):
                values[name] = value
            elif kind is float:
                if math.isfinite(value):
                    values[name] = value
                else:
                    self._float(value, name)
            else:
                converted = self._convert(value, name, 0)
                # A non-finite number is no JSON; its name stands in `nonfinite` alone.
                if converted is not None or name not in self._nonfinite:
                    values[name] = converted
        return values

    def _admitted(self, key: Any, values: Mapping[str, Any]) -> str | None:
        """The name under which a feature is recorded, or None, with a mark, when it is not."""
        name = self._name(key)
        if name in values or name in self._nonfinite:
            self.mark(f"{name}:duplicate")
            return None
        if refusal := self._names.refusal(name):
            self.mark(f"{name}:{refusal}")
            return None
        if type(key) is str and name == key:
            self._names.remember(name)
        return name

    def _scores(self, scores: Any) -> dict[str, float]:
        values: dict[str, float] = {}
        for index, (key, value) in enumerate(self._pairs(scores, "scores")):
            if index >= MAX_FEATURES:
                self.mark("scores:number")
                break
            name = key if type(key) is str and key in self._names.clean else self._name(key)
            number = as_number(value)
            if number is None:
                self.mark(f"scores.{name}:not-a-number")
            else:
                values[name] = number
                if name is key:
                    self._names.remember_clean(name)
        return values

    def _pairs(self, mapping: Any, what: str) -> list[tuple[Any, Any]]:
        try:
            # A copy, because another thread may change the original while we read it.
            if isinstance(mapping, dict):
                return list(dict(mapping).items())
            if not hasattr(mapping, "items"):
                mapping = as_mapping(mapping)
            # Not every mapping has an end.
            return list(islice(mapping.items(), MAX_FEATURES + 1))
        except Exception:
            self.mark(f"{what}:not-a-mapping")
            return []

    def _name(self, key: Any) -> str:
        name, changed = clean_text(key, MAX_NAME_CHARACTERS)
        if changed:
            self.mark(f"{name[:40]}:name")
        return name

    def _convert(self, value: Any, path: str, depth: int) -> Any:
        try:
            return self._known(value, path, depth)
        except Exception:
            self.mark(f"{path}:unreadable")
            return None

    def _known(self, value: Any, path: str, depth: int) -> Any:
        if value is None or isinstance(value, bool) or type(value).__name__ in _MISSING_TYPES:
            return value if isinstance(value, bool) else None
        if isinstance(value, str):
            text, changed = clean_text(value, MAX_TEXT_CHARACTERS)
            if changed:
                self.mark(f"{path}:text")
            return text
        if isinstance(value, int):
            return self._integer(int(value), path)
        if isinstance(value, float):
            return self._float(float(value), path)
        if isinstance(value, Mapping | list | tuple):
            return self._nested(value, path, depth)
        return self._foreign(value, path, depth)

    def _float(self, number: float, path: str) -> float | None:
        if math.isfinite(number):
            return number
        if path in self._nonfinite:  # a feature "a.b" beside "b" in a feature "a"
            self.mark(f"{path}:duplicate")
        else:
            self._nonfinite[path] = _spell(number)
        return None

    def _integer(self, value: int, path: str) -> int | str:
        if _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
            return value
        self.mark(f"{path}:integer")
        bits = value.bit_length()
        return str(value) if bits <= MAX_TEXT_CHARACTERS else f"integer of {bits} bits"

    def _nested(self, value: Any, path: str, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            self.mark(f"{path}:depth")
            return None
        # One more than there is room for, because not everything has an end; that one leaves the mark.
        most = max(self._room, 0) + 1
        if isinstance(value, Mapping):
            return self._nested_mapping(list(islice(value.items(), most)), path, depth)
        return [
            self._convert(item, f"{path}[{place}]", depth + 1)
            for place, item in enumerate(list(islice(value, most)))
            if self._has_room(path)
        ]

    def _nested_mapping(self, pairs: list[tuple[Any, Any]], path: str, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, item in pairs:
            if not self._has_room(path):
                continue
            name = self._name(key)
            if self._names.is_denied(name):
                self.mark(f"{path}.{name}:denied")
            elif name in values:
                self.mark(f"{path}.{name}:duplicate")
            else:
                values[name] = self._convert(item, f"{path}.{name}", depth + 1)
        return values

    def _has_room(self, path: str) -> bool:
        self._room -= 1
        if self._room == -1:
            self.mark(f"{path}:items")
        return self._room >= 0

    def _foreign(self, value: Any, path: str, depth: int) -> Any:
        """Numpy and its like by their own words, `item` and `tolist`; anything else as text."""
        for method in ("item", "tolist"):
            convert = getattr(value, method, None)
            if not callable(convert):
                continue
            try:
                plain = convert()
            except Exception:  # noqa: S112  # an array of several has no `item`
                continue
            if type(plain) is not type(value):
                return self._known(plain, path, depth)
        self.mark(f"{path}:type")
        return clean_text(value, MAX_TEXT_CHARACTERS)[0]

    def _shorten(self, payload: dict[str, Any]) -> str:
        """Leave out features from the end until the body fits."""
        self.mark("features:size")
        features: dict[str, Any] = payload["features"]
        payload["features"] = {}
        rest = MAX_BODY_CHARACTERS - len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")))
        if rest < 0:
            return json.dumps({"features": {}}, separators=(",", ":"))
        kept: dict[str, Any] = {}
        for name, value in features.items():
            rest -= len(json.dumps({name: value}, ensure_ascii=False, separators=(",", ":")))
            if rest < 0:
                break
            kept[name] = value
        payload["features"] = kept
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether each value is recorded as it is."""
    for value in values:
        kind = type(value)
        if kind is str:
            if len(value) > MAX_TEXT_CHARACTERS or not value.isascii() or "\0" in value:
                return False
        elif kind is int:
            if not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
                return False
        elif kind not in _PLAIN:
            return False
    return True


def _spell(number: float) -> str:
    if math.isnan(number):
        return "nan"
    return "inf" if number > 0 else "-inf"


def as_number(value: Any) -> float | None:
    """`value` as a finite float, or None; numpy scalars and decimals too, booleans and text not."""
    if type(value) is float:
        return value if math.isfinite(value) else None
    try:
        item = getattr(value, "item", None)
        plain = item() if callable(item) else value
        if isinstance(plain, bool) or not isinstance(plain, int | float | Decimal):
            return None
        number = float(plain)
    except Exception:
        return None
    return number if math.isfinite(number) else None
