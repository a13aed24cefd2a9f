"""Questions that tell whether a process is ready to do its work."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """A probe's verdict and its reason, shown to people while they wait."""

    ready: bool
    reason: str


class Probe(Protocol):
    """Anything that can say whether a process is ready."""

    async def ask(self, pid: int | None) -> Answer:
        """Ask once. `pid` is the process that should answer, None where it is not ours."""
        ...

    def record(self) -> dict[str, Any]:
        """Say in JSON what it asks, for whoever wants to ask again."""
        ...


@dataclass(frozen=True)
class HttpProbe:
    """Ready when GET `url` answers 200, and its body begins with `body` where one is expected.

    Attributes:
        ca_file: certificates that may vouch for an https URL's server; None: the system's.
    """

    url: str
    body: str = ""
    ca_file: Path | None = None
    timeout_seconds: float = 2.0

    async def ask(self, pid: int | None) -> Answer:
        """See `Probe`."""
        del pid
        try:
            async with asyncio.timeout(self.timeout_seconds):
                status, body = await _get(self.url, self.ca_file)
        except TimeoutError:
            return Answer(ready=False, reason=f"{self.url} does not answer within {self.timeout_seconds:g} s")
        except (OSError, ValueError) as error:
            return Answer(ready=False, reason=f"{self.url}: {error}")
        if status != 200:  # noqa: PLR2004 - HTTP's own number
            return Answer(ready=False, reason=f"{self.url} answers {status} {body[:200]}".rstrip())
        if not body.startswith(self.body):
            return Answer(ready=False, reason=f"{self.url} answers {body[:60]!r}: something else listens there")
        return Answer(ready=True, reason="")

    def record(self) -> dict[str, Any]:
        """See `Probe`."""
        return {"http": self.url, "body": self.body, "ca_file": str(self.ca_file) if self.ca_file else None}


@dataclass(frozen=True)
class HeartbeatProbe:
    """Ready when the process has written its heartbeat file lately: JSON `{"at": epoch seconds, "pid": n}`."""

    path: Path
    fresh_seconds: float = 15.0
    now: Callable[[], float] = time.time

    async def ask(self, pid: int | None) -> Answer:
        """See `Probe`."""
        try:
            beat = json.loads(self.path.read_text(encoding="utf-8"))
            written_at, written_by = float(beat["at"]), int(beat["pid"])
        except FileNotFoundError:
            return Answer(ready=False, reason="no heartbeat yet")
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Answer(ready=False, reason=f"{self.path} is unreadable: {error}")
        if pid is not None and written_by != pid:
            return Answer(ready=False, reason="no heartbeat since this process started")
        age = self.now() - written_at
        if age > self.fresh_seconds:
            return Answer(ready=False, reason=f"its last heartbeat is {age:.0f} s old")
        return Answer(ready=True, reason="")

    def record(self) -> dict[str, Any]:
        """See `Probe`."""
        return {"heartbeat": str(self.path)}


def recorded_probe(record: Mapping[str, Any] | None) -> Probe | None:
    """Make the probe again that `record()` described."""
    if not record:
        return None
    if "http" in record:
        ca_file = record.get("ca_file")
        return HttpProbe(record["http"], body=record.get("body", ""), ca_file=Path(ca_file) if ca_file else None)
    return HeartbeatProbe(Path(record["heartbeat"]))


async def _get(url: str, ca_file: Path | None) -> tuple[int, str]:
    """Fetch a health page: status and the first bytes of the body.

    The supervisor lives as long as the machine, so it does not carry an HTTP library for this.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    trusted = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
    reader, writer = await asyncio.open_connection(host, port, ssl=trusted)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read(4096)
        while b"\r\n\r\n" not in answer and (more := await reader.read(4096)):
            answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        if not body:
            body = await reader.read(4096)
    finally:
        writer.close()
    fields = head.split(b"\r\n", 1)[0].split()
    if len(fields) < 2 or not fields[0].startswith(b"HTTP/"):  # noqa: PLR2004 - version and status
        raise ValueError("what listens there does not speak HTTP")
    return int(fields[1]), body.decode(errors="replace").strip()
