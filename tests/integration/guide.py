"""Reads a guide's marked blocks and runs its commands, on other ports and in other folders than it names."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.integration.stack import ROOT, Stack, free_ports

_BLOCK = re.compile(
    r"<!-- test: (?P<name>[^>]+?) -->\n\n?(?:```\w*\n(?P<fenced>.*?)```|(?P<indented>(?:    [^\n]*\n|\n)+))", re.DOTALL
)
ANYTHING = "..."


def blocks(guide: Path) -> dict[str, str]:
    """The code that follows each `<!-- test: NAME -->`, by name."""
    found = {}
    for block in _BLOCK.finditer(guide.read_text(encoding="utf-8")):
        lines = (block["fenced"] or block["indented"]).rstrip("\n").splitlines()
        indent = "    " if block["indented"] else ""
        found[block["name"]] = "\n".join(line.removeprefix(indent) for line in lines) + "\n"
    return found


def matches(shown: Any, answered: Any) -> bool:
    """Whether an answer has everything that a guide shows of it; `"..."` stands for anything but nothing.

    Of what no guide shows a function of the answer may decide.
    """
    if callable(shown):
        return bool(shown(answered))
    if shown == ANYTHING:
        return answered is not None
    if isinstance(shown, dict):
        return isinstance(answered, dict) and all(
            name in answered and matches(value, answered[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        return (
            isinstance(answered, list)
            and len(shown) == len(answered)
            and all(matches(one, other) for one, other in zip(shown, answered, strict=True))
        )
    return bool(shown == answered)


@dataclass
class Follower:
    """Somebody who follows a guide.

    Args:
        folder: Where the commands run.
        instead: What stands in the guide, and what is used instead of it: ports and folders.
        env: Variables on top of a clean environment.
    """

    folder: Path
    instead: Mapping[str, str]
    env: dict[str, str] = field(default_factory=dict)

    def run(self, commands: str, **variables: str) -> str:
        """Run commands to their end, and return what they print."""
        done = subprocess.run(
            ["bash", "-euc", self._adapted(commands)],
            cwd=self.folder,
            env={**self.environment(), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def until(self, commands: str, shown: str, *, seconds: float = 60, **variables: str) -> Any:
        """Run commands again and again until they print what the guide shows; return the JSON they print."""
        deadline = time.monotonic() + seconds
        while True:
            answered = json.loads(self.run(commands, **variables))
            if matches(json.loads(shown), answered):
                return answered
            assert time.monotonic() < deadline, f"{commands}\n{answered}\nis not\n{shown}"
            time.sleep(0.2)

    @contextmanager
    def running(self, commands: str, url: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run commands whose last is a server that answers at `url`; end them by their process group."""
        *before, server = self._adapted(commands).strip().splitlines()
        log = self.folder / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                # Nothing between us and the server, so that signals reach it.
                ["bash", "-euc", "\n".join([*before, f"exec {server}"])],
                cwd=self.folder,
                env={**self.environment(), **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        try:
            deadline = time.monotonic() + 60
            while not _answers(f"{url}/openapi.json"):
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < deadline, log.read_text(errors="replace")
                time.sleep(0.1)
            yield process
        finally:
            stop(process)

    def _adapted(self, commands: str) -> str:
        for written, used in self.instead.items():
            commands = commands.replace(written, used)
        return commands

    def environment(self) -> dict[str, str]:
        """The variables of whoever follows, without those of this process that would help."""
        ours = ("SIGHTGLASS_", "OTEL_", "FASTAPI_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, **self.env}


def new_follower(folder: Path, stack: Stack, instead: Mapping[str, str]) -> Follower:
    """Somebody in an empty folder, who has uv install what the guide has pip install, for uv keeps what it downloads.

    Args:
        folder: An empty folder.
        stack: The pipeline that runs where the guide says that one runs.
        instead: What else stands in the guide, and what is used instead of it.
    """
    constraints = folder / "constraints.txt"
    versions = {found.name: found.version for found in importlib.metadata.distributions()}
    constraints.write_text(
        "".join(f"{name}=={version}\n" for name, version in versions.items() if "sightglass" not in name)
    )
    env = {"UV_PYTHON_DOWNLOADS": "never"}
    # The certificates and the patience that pip was given.
    for theirs, ours in (("PIP_CERT", "SSL_CERT_FILE"), ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT")):
        if theirs in os.environ:
            env[ours] = os.environ[theirs]
    return Follower(
        folder,
        {
            "~/sightglass-wheel": str(folder / "wheel"),
            "python3 -m venv": f"{sys.executable} -m venv",
            ".venv/bin/pip install": f"{ROOT}/.uv/bin/uv pip install -q -p .venv/bin/python -c {constraints}",
            "127.0.0.1:4318": stack.url("collector").removeprefix("http://"),
            "127.0.0.1:8003": stack.url("monitoring-api").removeprefix("http://"),
            **instead,
        },
        env,
    )


def moved_port(number: int) -> dict[str, str]:
    """For `instead`: a free port where the guide says `number`."""
    port = free_ports(["service"])["service"]
    return {f"127.0.0.1:{number}": f"127.0.0.1:{port}", f"--port {number}": f"--port {port}"}


def ask(stack: Stack, path: str, shown: Any = None, *, seconds: float = 60) -> Any:
    """Ask the monitoring API until the answer has what is wanted; return it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = httpx.get(stack.url("monitoring-api") + "/api/v1" + path, timeout=10, trust_env=False)
        if answer.status_code == 200 and matches({} if shown is None else shown, answer.json()):
            return answer.json()
        assert time.monotonic() < deadline, (path, answer.text, shown)
        time.sleep(0.2)


def stop(process: "subprocess.Popen[bytes]", *, seconds: float = 20) -> None:
    """End a server and what it started: in order, by force after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
