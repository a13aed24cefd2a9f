"""Who may do what at the monitoring API."""

from typing import Final

from services.web.access.policy import Policy, Rule
from services.web.access.scopes import Scope

POLICY: Final = Policy([Rule("POST", "/api/v1/models/{name}/promote", Scope.ADMIN, action="model.promote")])
