"""Who may do what at the ML API."""

from typing import Final

from services.web.access.policy import Policy, Rule
from services.web.access.scopes import Scope

POLICY: Final = Policy(
    [
        Rule("POST", "/v1/predict", Scope.READ),
        Rule("POST", "/v1/predict/batch", Scope.READ),
        Rule("POST", "/v1/labels", Scope.INGEST_LABELS),
        Rule("POST", "/v1/models/{name}/promote", Scope.ADMIN, action="model.promote"),
    ]
)
