"""What a fake monitoring API answers about alerts and all around them, and what it was told to do."""

import html
import re
import time
from datetime import UTC, datetime
from typing import Any

FIRING = "00000000000000f1"


class FakeAlerting:
    """Alerts with a little memory: what is silenced, taken on and resent shows in later answers.

    Attributes:
        done: (method, path, body, user) of every action.
        hostile: a text that stands in every place for texts; None for ordinary ones.
        empty: whether there is nothing at all.
        refuses: a status with which every action is refused; None does them.
        definition: what the rules' file says of each.
    """

    def __init__(self) -> None:
        self.done: list[tuple[str, str, Any, str | None]] = []
        self.hostile: str | None = None
        self.empty = False
        self.refuses: int | None = None
        self.silences: list[dict[str, Any]] = []
        self.acknowledged: dict[str, Any] | None = None
        self.dead = [7]
        self.definition: dict[str, Any] = {
            "metric": "error_ratio",
            "filter": {"service": "ml-api"},
            "group_by": ["route"],
            "window": "5m",
            "condition": "> 5%",
            "minimum_count": 20,
        }

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Status and body of a GET; None when it is no business of alerting."""
        now = time.time()
        answers: dict[str, Any] = {
            "/api/v1/silences": lambda: {"silences": self.silences},
            "/api/v1/rules": lambda: self._rules(now),
            "/api/v1/channels": lambda: self._channels(now),
            "/api/v1/notifications": lambda: self._notifications(now, query),
            "/api/v1/mails": lambda: self._mails(now),
            f"/api/v1/alerts/{FIRING}/history": lambda: self._history(now),
            "/api/v1/alerts/timeline": lambda: self._timeline(now),
        }
        return (200, answers[path]()) if path in answers else None

    def act(self, method: str, path: str, body: Any, user: str | None) -> tuple[int, Any]:  # noqa: PLR0911
        """Status and body of a POST or DELETE."""
        self.done.append((method, path, body, user))
        if self.refuses is not None:
            errors = [{"field": "comment", "message": "not acceptable today"}]
            return self.refuses, {"title": "Refused", "detail": "Not today.", "errors": errors}
        now = time.time()
        if re.fullmatch(r"/api/v1/alerts/\w+/acknowledge", path):
            self.acknowledged = {"author": user or "anonymous", "comment": body["comment"], "at": text_of(now)}
            return 200, {"fingerprint": FIRING, "incident": "i", **self.acknowledged}
        if path == "/api/v1/silences":
            made = {
                "id": f"{len(self.silences) + 1:x}",
                "state": "active",
                "matchers": body["matchers"],
                "starts_at": text_of(now),
                "ends_at": text_of(now + 7_200),
                "author": user or "anonymous",
                "comment": body["comment"],
                "created_at": text_of(now),
                "ended_by": None,
                "alerts": [FIRING],
            }
            self.silences.append(made)
            return 201, made
        if found := re.fullmatch(r"/api/v1/silences/(\w+)", path):
            (one,) = [silence for silence in self.silences if silence["id"] == found[1]]
            one |= {"state": "expired", "ended_by": user or "anonymous", "ends_at": text_of(now), "alerts": []}
            return 200, one
        if found := re.fullmatch(r"/api/v1/channels/([\w-]+)/test", path):
            good = found[1] == "demo"
            return 200, {
                "channel": found[1],
                "type": "email",
                "target": "",
                "delivered": good,
                "detail": self._text("250 kept" if good else "535 authentication failed"),
                "remedy": "" if good else self._text("check the password"),
                "idempotency_key": "k",
            }
        if found := re.fullmatch(r"/api/v1/notifications/(\d+)/resend", path):
            self.dead.remove(int(found[1]))
            return 200, {"resent": [int(found[1])]}
        if path in {"/api/v1/rules/TooManyErrors/backtest", "/api/v1/rules/backtest"}:
            return 200, self._backtest(now)
        return 404, {"title": "Not found", "detail": "No such route."}

    def alerts(self) -> list[dict[str, Any]]:
        """One that fires and one that waits."""
        now = time.time()
        common = {
            "last_evaluated_at": text_of(now - 4),
            "resolved_at": None,
            "error": None,
            "health": "ok",
            "cause": "condition",
            "inhibited_by": None,
            "metric": "error_ratio",
        }
        taken_on = self.acknowledged or {}
        return [
            {
                **common,
                "fingerprint": FIRING,
                "rule": self._text("TooManyErrors"),
                "state": "firing",
                "labels": {
                    "alertname": self._text("TooManyErrors"),
                    "severity": "page",
                    "route": self._text('/v1/"x"'),
                },
                "annotations": {"summary": self._text("error ratio 6.1 %"), "description": self._text("one")},
                "value": 0.061,
                "condition": "> 0.05",
                "active_since": text_of(now - 5_000),
                "fired_at": text_of(now - 4_900),
                "runbook": (self.hostile and "javascript:alert(1)") or "https://runbooks.test/errors",
                "url": "http://127.0.0.1:8501/history?metric=error_ratio&from=now-6h&to=now&filter=service%3Dml-api",
                "trace_ids": [self._text("4bf92f3577b34da6a3ce929d0e0e4736")],
                "acknowledged_by": taken_on.get("author"),
                "acknowledged_at": taken_on.get("at"),
                "acknowledgement": self.hostile or taken_on.get("comment"),
                "silenced_by": [one["id"] for one in self.silences if one["state"] == "active"],
            },
            {
                **common,
                "fingerprint": "00000000000000b2",
                "rule": "SlowAnswers",
                "state": "pending",
                "labels": {"alertname": "SlowAnswers"},
                "annotations": {},
                "value": 0.3,
                "condition": "> 0.25",
                "active_since": text_of(now - 40),
                "fired_at": None,
                "silenced_by": [],
                "inhibited_by": self.hostile or "held back while TooManyErrors fires",
            },
            {
                **common,
                "fingerprint": "00000000000000c3",
                "rule": "NoTraffic",
                "state": "inactive",
                "labels": {"alertname": "NoTraffic"},
                "annotations": {},
                "value": 4.0,
                "condition": "< 0.1",
                "active_since": None,
                "fired_at": None,
                "silenced_by": [],
            },
        ]

    def _text(self, ordinary: str) -> str:
        return ordinary if self.hostile is None else self.hostile

    def _history(self, now: float) -> dict[str, Any]:
        kinds = [(4_900, "fired"), (5_000, "pending"), (30_000, "resolved"), (32_000, "fired"), (32_060, "pending")]
        events = [
            {
                "id": 9 - place,
                "kind": kind,
                "at": text_of(now - ago),
                "value": 0.06,
                "cause": "condition",
                "error": self.hostile,
            }
            for place, (ago, kind) in enumerate(kinds)
        ]
        return {"fingerprint": FIRING, "rule": "TooManyErrors", "events": events, "next_cursor": None}

    def _timeline(self, now: float) -> dict[str, Any]:
        def stretch(state: str, began: float, ended: float | None) -> dict[str, Any]:
            return {"state": state, "from": text_of(now - began), "to": None if ended is None else text_of(now - ended)}

        known = [
            {
                "fingerprint": "00000000000000b2",
                "rule": "SlowAnswers",
                "labels": {"alertname": "SlowAnswers"},
                "stretches": [stretch("pending", 40, None)],
            },
            {
                "fingerprint": FIRING,
                "rule": self._text("TooManyErrors"),
                "labels": {"alertname": "TooManyErrors", "severity": "page", "route": self._text("/v1/predict")},
                "stretches": [
                    stretch("pending", 32_060, 32_000),
                    stretch("firing", 32_000, 30_000),
                    stretch("pending", 5_000, 4_900),
                    stretch("firing", 4_900, None),
                ],
            },
        ]
        start, end = text_of(now - 86_400), text_of(now)
        shown = [] if self.empty else known
        return {"from": start, "to": end, "known_from": start, "alerts": shown, "truncated": False}

    def _rules(self, now: float) -> dict[str, Any]:
        def rule(name: str, health: str, error: str | None, firing: int) -> dict[str, Any]:
            return {
                "name": name,
                "group": "flights",
                "definition": {**self.definition, "alert": name},
                "metric": "error_ratio",
                "condition": "> 0.05",
                "window_seconds": 300.0,
                "health": health,
                "error": error,
                "last_evaluated_at": text_of(now - 3),
                "firing": firing,
                "pending": 0,
            }

        known = [rule("TooManyErrors", "ok", None, 1), rule("Broken", "error", self._text("no such metric"), 0)]
        return {"rules": [] if self.empty else known, "error": self.hostile}

    def _backtest(self, now: float) -> dict[str, Any]:
        start = now - 86_400
        points = [[start + 300 * place, 0.09 if 100 <= place < 120 else 0.01] for place in range(288)]
        fired, resolved = start + 300 * 101, start + 300 * 121
        firing = {
            "from": text_of(fired),
            "to": text_of(resolved),
            "value": 0.09,
            "verdict": "right",
            "lead_seconds": 600,
        }
        series = {
            "fingerprint": FIRING,
            "labels": {"route": self._text("/v1/predict"), "severity": "page"},
            "points": points,
            "firing": [firing],
            "transitions": [
                {"kind": "pending", "at": text_of(fired - 300), "value": 0.09},
                {"kind": "fired", "at": text_of(fired), "value": 0.09},
                {"kind": "resolved", "at": text_of(resolved), "value": 0.01},
            ],
        }
        one = {
            "alert": "TooManyErrors",
            "labels": {"severity": "page"},
            "metric": "error_ratio",
            "condition": "> 5%",
            "threshold": 0.05,
            "interval_seconds": 300,
            "from": text_of(start),
            "to": text_of(now),
            "looks": 288,
            "fired": 1,
            "alerts": 1,
            "series": [series],
            "grade": {"precision": 1.0, "recall": 0.5, "lead_seconds": 600.0, "bad_when": "accuracy was below 0.6"},
            "ungraded": None,
        }
        return {"backtests": [one]}

    def _channels(self, now: float) -> dict[str, Any]:
        def channel(name: str, state: str, **more: Any) -> dict[str, Any]:
            known = {"type": "email", "target": self._text("smtp://localhost"), "waiting": 0, "abandoned": 0}
            return {"name": name, "state": state, **known, **more}

        failing = {
            "failing_since": text_of(now - 600),
            "reason": self._text("535 authentication failed"),
            "waiting": 2,
            "abandoned": len(self.dead),
            "missing": self._text("the environment variable X is not set"),
        }
        known = [
            channel("demo", "delivering", last_delivered_at=text_of(now - 60)),
            channel("ops-mail", "failing", **failing),
        ]
        return {"channels": [] if self.empty else known, "error": self.hostile}

    def _notifications(self, now: float, query: dict[str, list[str]]) -> dict[str, Any]:
        def message(number: int, channel: str, state: str, detail: str) -> dict[str, Any]:
            return {
                "id": number,
                "channel": channel,
                "status": "firing",
                "reason": "first",
                "headline": self._text("error ratio 6.1 %"),
                "alerts": [
                    {
                        "fingerprint": FIRING,
                        "alertname": self._text("TooManyErrors"),
                        "status": "firing",
                        "labels": {"route": self._text("/v1/predict")},
                    }
                ],
                "state": state,
                "attempts": 3,
                "created_at": text_of(now - 1_000 + number),
                "delivered_at": text_of(now - 990) if state == "delivered" else None,
                "next_attempt_at": text_of(now + 60) if state == "waiting" else None,
                "detail": self._text(detail),
            }

        states = {9: "delivered", 8: "waiting", 7: "abandoned" if 7 in self.dead else "waiting"}
        known = [
            message(number, "demo" if number == 9 else "ops-mail", state, "535 authentication failed")
            for number, state in states.items()
        ]
        shown = [
            one
            for one in known
            if all(one[name] == query[name][0] for name in ("channel", "state") if name in query)
            and query.get("fingerprint", [FIRING]) == [FIRING]
            and not self.empty
        ]
        return {"notifications": shown, "next_cursor": None}

    def _mails(self, now: float) -> dict[str, Any]:
        dashboard = f"http://127.0.0.1:8501/traces?section=exceptions&service=ml-api&from={text_of(now - 900)}&to=now"
        page = (
            "<h1>Firing</h1><p>error ratio <b>6.1 %</b></p>"
            f"<p><a href='{html.escape(dashboard)}'>Open the dashboard</a> &middot; "
            f"<a href='https://runbooks.test/errors'>Runbook</a> &middot; "
            f"<a href='http://127.0.0.1:8501/alerts?alert={FIRING}'>Silence</a></p>"
        )
        mail = {
            "id": "m1",
            "received_at": text_of(now - 300),
            "subject": self._text("[FIRING] error ratio 6.1 %"),
            "sender": self._text("sightglass@example.org"),
            "to": self._text("you@example.org"),
            "text": self._text(f"Firing: error ratio 6.1 %\n\nRunbook: https://runbooks.test/errors\n\n{dashboard}\n"),
            "html": page if self.hostile is None else f"{page}{EVIL}",
            "conversation": "c",
            "size_bytes": 900,
        }
        return {"mails": [] if self.empty else [mail]}


EVIL = (
    '<script>parent.document.title="owned";top.document.title="owned"</script>'
    '<img src="http://evil.test/pixel.png" onerror="top.document.title=\'owned\'">'
    '<a id="out" href="http://evil.test/" target="_top">leave</a>'
    '<form action="http://evil.test/"><input name="q"><button id="send">send</button></form>'
    '"></iframe><script>document.title="owned"</script>'
)


def text_of(at: float) -> str:
    """A moment in RFC 3339."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
