"""The OpenAPI document tells the truth: errors are problem+json, and which scope a route needs."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from services.web.access.policy import Policy
from services.web.problems import PROBLEM_MEDIA_TYPE

_PROBLEM: Final = {
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "errors_omitted": {"type": "integer"},
    },
}
_BEARER: Final = "bearer"
_RESPONSE: Final = {
    "description": "A problem; `errors` names each bad field.",
    "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe_problems(app: FastAPI) -> None:
    """Make `app`'s OpenAPI document name the problem document as the answer to everything that fails."""
    plain: Callable[[], dict[str, Any]] = app.openapi
    done: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not done:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for default in ("HTTPValidationError", "ValidationError"):
                schemas.pop(default, None)
            schemas["Problem"] = _PROBLEM
            for path in document.get("paths", {}).values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
                    operation["responses"] |= {"4XX": _RESPONSE, "5XX": _RESPONSE}
            done.update(document)
        return done

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def describe_access(app: FastAPI, policy: Policy) -> None:
    """Make `app`'s OpenAPI document say that a token is needed, and for each operation which scope, if any."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        document = plain()
        schemes = document["components"].setdefault("securitySchemes", {})
        schemes[_BEARER] = {"type": "http", "scheme": "bearer", "description": "Made by `sightglass tokens create`."}
        for path, operations in document.get("paths", {}).items():
            for method, operation in operations.items():
                need = policy.need(method.upper(), path)
                operation["security"] = [] if need.is_open else [{_BEARER: []}]
                if need.scope is not None:
                    operation["x-required-scope"] = str(need.scope)
        return document

    app.openapi = described  # type: ignore[method-assign]  # as above
