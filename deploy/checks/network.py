"""The one network of all containers: a namespace that has a loopback and nothing else."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ASK = Path(__file__).with_name("ask.py")
_LISTENS = "0A"


class Network:
    """Made at once, and gone with `close`.

    Args:
        authority: who vouches for listeners that are asked by https.
    """

    def __init__(self, authority: Path) -> None:
        self._authority = authority
        ready = "ip link set lo up && echo up && exec sleep infinity"
        if subprocess.run(["sh", "-c", "command -v ip"], capture_output=True, check=False).returncode:
            ready = f"{shlex.quote(sys.executable)} {shlex.quote(str(ASK))} loopback && echo up && exec sleep infinity"
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", ready], stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"up\n", "no network namespace with a loopback could be made"

    def close(self) -> None:
        """Let go of it; it is gone when nobody is in it."""
        self._holder.kill()
        self._holder.wait()

    def inside(self) -> list[str]:
        """Words before a command that shall run in it."""
        return ["nsenter", "--target", str(self._holder.pid), "--net"]

    def listening(self) -> set[tuple[str, int]]:
        """Address and port of every listener in it; 0.0.0.0 for all addresses, of IPv6 too."""
        found = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self._holder.pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                address, port = local.split(":")
                if state == _LISTENS:
                    octets = bytes.fromhex(address)[::-1] if any(bytes.fromhex(address)) else bytes(4)
                    found.add((".".join(map(str, octets)), int(port, 16)))
        return found

    def ask(self, method: str, url: str, *, token: str = "", body: object = None) -> tuple[int, Any]:
        """Ask from within; the answer's status and its JSON (or text), or 0 and the reason why there is none."""
        trusted = str(self._authority) if self._authority.exists() else None
        question = json.dumps({"method": method, "url": url, "token": token, "body": body, "ca_file": trusted})
        done = subprocess.run(
            [*self.inside(), sys.executable, ASK],
            input=question,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        status, text = json.loads(done.stdout)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text
