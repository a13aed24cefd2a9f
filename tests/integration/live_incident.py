"""A live demo with an incident planted in it, watched through the APIs as a responder would."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import httpx

from services.cli.demo.incidents.incident import Incident, Question
from services.cli.supervisor.run_folder import RunFolder
from services.ml_api.model_store import ModelStore
from tests.integration.stack import Stack

_START_SECONDS: Final = 900.0
_POLL_SECONDS: Final = 2.0
_ASK_AGAIN_SECONDS: Final = 15.0
_FOLLOWED_SECONDS: Final = 60.0
# Of the time that the incident's story gives for the alert.
_PATIENCE: Final = 2.5
_LEAST_PATIENCE_SECONDS: Final = 240.0
# What of a link's parameters the explainer takes.
_OF_LINKS: Final = ("service", "route", "min_duration_ms", "model", "version")
# Labels come this much later than their predictions at most.
_LABELS_SECONDS: Final = 1_500.0


@dataclass
class Witnessed:
    """What was seen of an incident; seconds are counted from its planting, None where it never was."""

    alert_seconds: float | None = None
    link: str = ""
    cause_seconds: float | None = None
    finding: dict[str, Any] | None = None
    link_finding: dict[str, Any] | None = None
    link_names_it: bool = False
    others_fired: list[str] = field(default_factory=list)
    asked: bool = False

    def problems(self) -> list[str]:
        """What is not as it should be, in words."""
        found = []
        if self.alert_seconds is None:
            found.append("its alert did not fire")
        elif not self.link.startswith("http"):
            found.append("its alert leads nowhere")
        if self.asked and self.cause_seconds is None:
            found.append(f"its cause did not rank first; what did: {self.finding}")
        elif self.asked and not self.link_names_it:
            found.append(f"its cause is not named by the first finding over its alert's link: {self.link_finding}")
        return found


class LiveDemo:
    """`sightglass demo`, with an incident or without, from its start until it has stopped everything.

    Args:
        stack: Not started.
        days: So much history.
        incident: What to plant.
    """

    def __init__(self, stack: Stack, *, days: float, incident: str | None = None) -> None:
        self.stack = stack
        self.planted: dict[str, Any] = {}
        self._days = days
        self._incident = incident
        self._process: subprocess.Popen[str] | None = None
        self._before: str | None = None
        self._ran_on = False

    def __enter__(self) -> Self:
        self.stack.prepare()
        self._before = _active(self.stack.data_dir)
        told = ["--json", "--incident", self._incident] if self._incident else []
        log = (self.stack.folder / "demo.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sightglass", "demo", "--days", f"{self._days:.6f}", *told],
            env={**self.stack.env, "COLUMNS": "300"},
            cwd=self.stack.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._incident else log,
            stderr=log,
            text=True,
        )
        log.close()
        try:
            self._wait_until_planted()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def get(self, path: str, **parameters: Any) -> dict[str, Any] | None:
        """Ask the monitoring API; None when it can't answer just now."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(
                f"{self.stack.url('monitoring-api')}/api/v1/{path}", params=parameters, timeout=40, trust_env=False
            )
            if answer.status_code == httpx.codes.OK:
                document: dict[str, Any] = answer.json()
                return document
            assert answer.status_code >= 500, answer.text
        return None

    def firing(self) -> dict[str, dict[str, Any]]:
        """The alerts that fire now, by rule."""
        answer = self.get("alerts", state="firing")
        return {} if answer is None else {alert["rule"]: alert for alert in answer["alerts"]}

    def left_over(self) -> list[str]:
        """What Ctrl-C has not mended, in words."""
        demo = self.stack.data_dir / "demo"
        found = [f"{path.name} is left" for path in (demo / "incident.json", demo / "faults.json") if path.exists()]
        if (active := _active(self.stack.data_dir)) != self._before:
            found.append(f"version {active} answers, not {self._before}")
        if self._ran_on:
            found.append("processes were still running")
        return found

    def log(self) -> str:
        """What it printed to people."""
        return (self.stack.folder / "demo.log").read_text()[-4000:]

    def _wait_until_planted(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        if self._process.stdout is not None:
            line = self._process.stdout.readline()
            assert line, self.log()
            self.planted = json.loads(line)
            return
        while "Ctrl-C stops" not in self.log():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.5)
        self.planted = {"since": time.time()}

    def _stop(self) -> None:
        try:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
                self._process.communicate(timeout=150)
                self._ran_on = RunFolder(self.stack.data_dir).is_owned()
        finally:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self.stack.stop()


def witness(demo: LiveDemo, incident: Incident) -> Witnessed:
    """Wait until the incident's alert fires and the explainer names its cause first, or patience ends.

    Args:
        demo: The demo in which it is planted.
        incident: What is planted.
    """
    story, since = incident.story, float(demo.planted["since"])
    seen = Witnessed(asked=story.question is not None)
    patience = max(_LEAST_PATIENCE_SECONDS, _PATIENCE * 60 * story.alert_minutes)
    if story.question is not None and story.question.path.startswith("predictions"):
        patience = max(patience, _LABELS_SECONDS)
    asked_at = 0.0
    while (now := time.time()) < since + patience:
        for rule, alert in demo.firing().items():
            if rule == story.alert and seen.alert_seconds is None:
                seen.alert_seconds, seen.link = now - since, alert["links"]["dashboard"]
            elif rule != story.alert and rule not in seen.others_fired:
                seen.others_fired.append(rule)
        if story.question is not None and seen.cause_seconds is None and now >= asked_at + _ASK_AGAIN_SECONDS:
            span = {"from": f"{since - story.question.before_seconds:.3f}", "to": f"{time.time():.3f}"}
            seen.finding = _first_finding(demo, story.question, span) or seen.finding
            if seen.finding is not None and story.question.names(seen.finding):
                seen.cause_seconds = time.time() - since
            asked_at = time.time()
        if seen.alert_seconds is not None and (story.question is None or seen.cause_seconds is not None):
            break
        time.sleep(_POLL_SECONDS)
    if story.question is not None and seen.link.startswith("http"):
        _follow(demo, story.question, seen)
    return seen


def _follow(demo: LiveDemo, question: Question, seen: Witnessed) -> None:
    """Ask as the page does that the alert's link opens: over the link's range, which begins before the trouble."""
    link = {name: values[0] for name, values in parse_qs(urlsplit(seen.link).query).items()}
    own: dict[str, str] = {name: link[name] for name in _OF_LINKS if name in link and name in question.parameters}
    span: dict[str, str] = {name: link[name] for name in ("from", "to") if name in link}
    # What a busy machine did not answer in time is asked again, as the page does.
    deadline = time.monotonic() + _FOLLOWED_SECONDS
    while (finding := _first_finding(demo, question, {**own, **span})) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    if finding is not None:
        seen.link_finding = finding
        # Or one of its other names for the same cases, which stand with it on the page.
        seen.link_names_it = any(question.names(each) for each in (finding, *finding["same"]))


def watch_quiet(demo: LiveDemo, seconds: float) -> list[str]:
    """Watch for so long; return the rules that fired."""
    fired: list[str] = []
    until = time.time() + seconds
    while time.time() < until:
        fired += [rule for rule in demo.firing() if rule not in fired]
        time.sleep(_POLL_SECONDS)
    return fired


def _first_finding(demo: LiveDemo, question: Question, more: Mapping[str, str]) -> dict[str, Any] | None:
    parameters: dict[str, str] = {**question.parameters, **more}
    answer = demo.get(question.path, **parameters)
    if answer is None or not answer["findings"]:
        return None
    first: dict[str, Any] = answer["findings"][0]
    return first


def _active(data_dir: Path) -> str | None:
    return ModelStore(data_dir / "models").chosen()[0]
