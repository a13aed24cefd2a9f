"""Every parameter of every GET route, from the API's own description, and what a statement may be made of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import FastAPI

# With these a route answers, whatever else is asked, and soon.
_REQUIRED: Final = {"metric": "request_rate", "metrics": "accuracy", "curves": "false"}
# Where they must be given.
_WHERE_REQUIRED: Final = {"model": "flight-delay"}
# Of routes that have both.
_IN_PATH: Final = {"name": "flight-delay", "fingerprint": "00000000000000f1", "span_id": "1" * 16}
# A word, a text in quotes, a placeholder, or one character of anything else. Numbers of placeholders do not matter.
_TOKEN: Final = re.compile(r"\{\w+:[^{}]+\}|'(?:[^'\\]|\\.|'')*'|`[^`]*`|\w+|[^\w\s]")


@dataclass(frozen=True)
class Parameter:
    """One parameter of one route.

    Args:
        path: The route's, as the description has it.
        name: The parameter's.
        in_path: Whether it is a part of the path.
        schema: What the description says of its values.
        others: Names of the route's other parameters.
        required: Those of them that must be given.
    """

    path: str
    name: str
    in_path: bool
    schema: Mapping[str, Any]
    others: frozenset[str]
    required: frozenset[str]

    def __str__(self) -> str:
        return f"{self.path} {self.name}"

    def url(self, text: str | bytes, **more: str) -> str:
        """Path and query of a request that gives it this text (bytes are encoded already) and nothing that is wrong."""
        encoded = text.decode() if isinstance(text, bytes) else quote(text, safe="", errors="surrogatepass")
        if self.in_path:
            return self.path.replace(f"{{{self.name}}}", encoded)
        path = self.path
        for name, value in _IN_PATH.items():
            path = path.replace(f"{{{name}}}", value)
        others = {name: value for name, value in _REQUIRED.items() if name in self.others}
        others |= {name: value for name, value in _WHERE_REQUIRED.items() if name in self.required} | more
        return f"{path}?{urlencode({**others, self.name: ''}, errors='surrogatepass')}{encoded}"


def parameters(app: FastAPI) -> list[Parameter]:
    """Every one there is."""
    return list(_parameters(app.openapi()))


def _parameters(description: Mapping[str, Any]) -> Iterator[Parameter]:
    for path, methods in description["paths"].items():
        known = methods.get("get", {}).get("parameters", [])
        names = frozenset(each["name"] for each in known)
        required = frozenset(each["name"] for each in known if each["required"])
        for each in known:
            it = {each["name"]}
            yield Parameter(path, each["name"], each["in"] == "path", each["schema"], names - it, required - it)


def tokens(sql: str) -> set[str]:
    """What a statement is made of; ``{filter_3:String}`` is as ``{filter_0:String}``."""
    return {re.sub(r"\d+", "0", token) if token[0] == "{" else token for token in _TOKEN.findall(sql)}
