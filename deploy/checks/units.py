"""Starts systemd's units without systemd, as their files say: `units.py FOLDER`, inside namespaces made by `units.sh`.

User, environment, credentials, hidden folders, commands and their order come from the units. What only systemd enforces
is not here; which system calls are made is written down instead, to be held against the units' filter. Prints JSON.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

UNITS = Path("/opt/sightglass/deploy/systemd")
STATE = "/var/lib/sightglass"
ORDER = (
    "clickhouse", "migrate", "collector", "model", "ml-api", "monitoring-api", "worker", "maintenance", "dashboard",
)  # fmt: skip
READY = {
    "ml-api": "http://127.0.0.1:8002/readyz",
    "monitoring-api": "http://127.0.0.1:8003/readyz",
    "worker": f"{STATE}/run/worker.heartbeat",
    "maintenance": f"{STATE}/run/maintenance.heartbeat",
    "dashboard": "http://127.0.0.1:8501/_stcore/health",
}
USER = 10001
PATIENCE_SECONDS = 120


class Unit:
    """One service file.

    Args:
        name: without `sightglass-` and `.service`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.keys: dict[str, list[str]] = {}
        for line in (UNITS / f"sightglass-{name}.service").read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                self.keys.setdefault(key, []).append(value)
        self.credentials = Path("/run/credentials") / f"sightglass-{name}.service"
        # What systemd sets by itself, with the home folder of deploy/systemd/sightglass.sysusers.
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": STATE, "USER": "sightglass"}
        self.environment["CREDENTIALS_DIRECTORY"] = str(self.credentials)
        for text in self.keys.get("Environment", []):
            for pair in shlex.split(text):
                variable, value = pair.split("=", 1)
                self.environment[variable] = value.replace("%d", str(self.credentials))

    def load_credentials(self) -> None:
        """Copy them as systemd does: readable by the service alone."""
        self.credentials.mkdir(parents=True)
        for text in self.keys.get("LoadCredential", []):
            name, source = text.split(":")
            copy = self.credentials / name
            copy.write_bytes(Path(source).read_bytes())
            os.chown(copy, USER, USER)
            copy.chmod(0o400)
        os.chown(self.credentials, USER, USER)
        self.credentials.chmod(0o500)

    def arguments(self, line: str) -> list[str]:
        """Split a command, with `${NAME}` and `$$` replaced."""
        words = [re.sub(r"\$\{(\w+)\}", lambda found: self.environment[found[1]], word) for word in shlex.split(line)]
        return [word.replace("$$", "$") for word in words]

    def start(self, line: str, output: Path, calls: Path | None = None) -> "subprocess.Popen[bytes]":
        """Run a command of the unit without rights, with its hidden folders hidden."""
        hidden = [word.lstrip("-") for text in self.keys.get("InaccessiblePaths", []) for word in text.split()]
        hide = [f"mount -t tmpfs -o mode=000 none {path}" for path in hidden if Path(path).is_dir()]
        script = " && ".join([f"umask {self.keys['UMask'][0]}", *hide, 'exec "$@"'])
        traced = [] if calls is None else ["strace", "-f", "-qq", "-c", "-o", str(calls)]
        rights = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", *rights]
        with output.open("ab") as log:
            return subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, self.name, *traced, *user, *self.arguments(line)],
                env=self.environment,
                cwd=STATE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def main(folder: Path) -> None:
    """Start all, predict, stop all; write logs and system calls into the folder."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    report: dict[str, Any] = {"steps": {}, "ready": {}, "stopped": {}}
    try:
        for name in ORDER:
            unit = Unit(name)
            unit.load_credentials()
            log = folder / f"{name}.log"
            process = unit.start(unit.keys["ExecStart"][0], log, folder / f"{name}.calls")
            if unit.keys["Type"] == ["oneshot"]:
                report["steps"][name] = process.wait(900)
                continue
            processes[name] = process
            for line in unit.keys.get("ExecStartPost", []):
                report["steps"][f"{name}, then"] = unit.start(line, log).wait(PATIENCE_SECONDS)
        for name, target in READY.items():
            ready = [sys.executable, "/opt/sightglass/deploy/docker/ready.py", "--wait", str(PATIENCE_SECONDS), target]
            report["ready"][name] = subprocess.run(ready, check=False).returncode
        report["visible"] = _visible()
    finally:
        for name, process in reversed(processes.items()):
            # strace hands no signal on: the service is its child.
            for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)
            try:
                report["stopped"][name] = process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                report["stopped"][name] = "killed"
    json.dump(report, sys.stdout)


def _visible() -> bool:
    described = _asked("http://127.0.0.1:8002/openapi.json")
    body = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    example = described["components"]["schemas"][body.rpartition("/")[2]]["examples"][0]
    prediction = _asked("http://127.0.0.1:8002/v1/predict", example)["prediction_id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return bool(_asked(f"http://127.0.0.1:8003/api/v1/predictions/{prediction}"))
        except urllib.error.HTTPError:
            time.sleep(0.3)
    return False


def _asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
