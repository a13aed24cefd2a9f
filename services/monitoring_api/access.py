"""Who may do what at the monitoring API."""

from typing import Final

from services.web.access.policy import Policy, Rule
from services.web.access.scopes import Scope

POLICY: Final = Policy(
    [
        # Whoever has a token may know whose it is, and what for.
        Rule("GET", "/api/v1/caller", None, any_token=True),
        # It names people.
        Rule("GET", "/api/v1/audit", Scope.OPERATE),
        Rule("POST", "/api/v1/models/{name}/promote", Scope.ADMIN, action="model.promote"),
        Rule("POST", "/api/v1/alerts/{fingerprint}/acknowledge", Scope.OPERATE, action="alert.acknowledge"),
        # They only look, however much they ask.
        Rule("POST", "/api/v1/rules/{name}/backtest", Scope.READ),
        Rule("POST", "/api/v1/rules/backtest", Scope.READ),
        Rule("POST", "/api/v1/silences", Scope.OPERATE, action="silence.create"),
        Rule("DELETE", "/api/v1/silences/{id}", Scope.OPERATE, action="silence.expire"),
        Rule("POST", "/api/v1/channels/{name}/test", Scope.OPERATE, action="channel.test"),
        Rule("POST", "/api/v1/notifications/{id}/resend", Scope.OPERATE, action="notification.resend"),
    ]
)
