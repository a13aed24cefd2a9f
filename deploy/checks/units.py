"""Starts systemd's units without systemd, as their files say: `units.py FOLDER MODELS`, in namespaces of `units.sh`.

User, environment, credentials, hidden folders, commands and their order come from the units. What only systemd enforces
is not here; which system calls are made is written down instead, to be held against the units' filter. Prints JSON.
"""

import json
import os
import pwd
import re
import runpy
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

UNITS = Path("/usr/local/lib/systemd/system")
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
COMMAND = Path("/usr/local/bin/sightglass")
CALLER = "ann"
# What install.sh places, with mode and owner: secrets for their user alone, all else for root to write.
PLACED = {
    "/etc/sightglass": "0755 root:root",
    "/etc/sightglass/sightglass.env": "0640 root:sightglass",
    "/usr/local/bin/sightglass": "0755 root:root",
    "/usr/local/bin/sightglass-otelcol": "0755 root:root",
    "/usr/lib/sysusers.d/sightglass.conf": "0644 root:root",
    f"{UNITS}/sightglass.target": "0644 root:root",
    f"{UNITS}/sightglass-worker.service": "0644 root:root",
    STATE: "0700 sightglass:sightglass",
    f"{STATE}/secrets": "0700 sightglass:sightglass",
    f"{STATE}/tokens": "0700 sightglass:sightglass",
    f"{STATE}/secrets/otlp.token": "0600 sightglass:sightglass",
    f"{STATE}/secrets/clickhouse-reader.password": "0600 sightglass:sightglass",
}
PATIENCE_SECONDS = 120
# What the guide does with the units.
SWITCHES = (("mask", "sightglass-clickhouse"), ("unmask", "sightglass-clickhouse"), ("enable", "sightglass.target"))


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
        for text in self.keys.get("EnvironmentFile", []):
            self.environment.update(_variables(Path(text.removeprefix("-"))))
        # Each has a /tmp of its own by PrivateTmp; here is one in which nothing of another run lies.
        if self.environment.get("XDG_CACHE_HOME") == "/tmp":  # noqa: S108
            self.environment["XDG_CACHE_HOME"] = "/run/tmp"

    def is_left_out(self) -> bool:
        """Whether something is there already that its condition names."""
        conditions = self.keys.get("ConditionPathExistsGlob", [])
        return any(list(Path("/").glob(pattern.lstrip("!/"))) for pattern in conditions)

    def load_credentials(self) -> None:
        """Copy them as systemd does: readable by the service alone."""
        self.credentials.mkdir(parents=True)
        for text in self.keys.get("LoadCredential", []):
            name, source = text.split(":")
            copy = self.credentials / name
            copy.write_bytes(Path(source).read_bytes())
            shutil.chown(copy, "sightglass", "sightglass")
            copy.chmod(0o400)
        shutil.chown(self.credentials, "sightglass", "sightglass")
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
        user = ["setpriv", "--reuid=sightglass", "--regid=sightglass", *rights]
        with output.open("ab") as log:
            return subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, self.name, *traced, *user, *self.arguments(line)],
                env=self.environment,
                cwd=STATE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def main(folder: Path, models: Path) -> None:
    """Start all, predict, look by the command that people have, stop all.

    Args:
        folder: for logs and system calls.
        models: where trained models are left for another run.
    """
    processes: dict[str, subprocess.Popen[bytes]] = {}
    report: dict[str, Any] = {"steps": {}, "ready": {}, "stopped": {}}
    scheme = "https" if _variables(Path("/etc/sightglass/sightglass.env")) else "http"
    report["placed"] = {path: _placed(Path(path)) for path in PLACED}
    report["left"] = (folder / "left").read_text().split()
    report["systemctl"] = (folder / "systemctl.calls").read_text().splitlines()
    report["switched"] = {" ".join(words): _switched(*words) for words in SWITCHES}
    # Somebody's own folder, which the services' user cannot enter.
    mine = folder / "mine"
    mine.mkdir(mode=0o700)
    try:
        # The guide's own lines, which the check laid here.
        _follow(mine, folder / "token.sh").check_returncode()
        token = (mine / "me.token").read_text().strip()
        for name in ORDER:
            _start(Unit(name), folder, processes, report["steps"])
        for name, target in READY.items():
            ready = [sys.executable, "/opt/sightglass/deploy/docker/ready.py", "--wait", str(PATIENCE_SECONDS)]
            target = target.replace("http:", f"{scheme}:", 1)  # noqa: PLW2901
            report["ready"][name] = subprocess.run([*ready, target], check=False).returncode
        report["visible"] = _visible(scheme, token)
        report |= _by_command(mine, token)
        proved = _follow(mine, folder / "prove.sh")
        report["guide"] = [proved.returncode, proved.stdout + proved.stderr]
        report["mode of the token"] = f"{(mine / 'me.token').stat().st_mode & 0o777:o}"
        if not models.exists():
            shutil.copytree(f"{STATE}/models", models)
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


def _placed(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:04o} {path.owner()}:{path.group()}"


def _switched(*words: str) -> list[Any]:
    """What systemd's own command does to the files of units; nothing of it needs systemd to run."""
    offline = os.environ | {"SYSTEMD_OFFLINE": "1"}
    done = subprocess.run(["systemctl", *words], env=offline, capture_output=True, text=True, check=False)
    return [done.returncode, done.stderr]


def _start(unit: Unit, folder: Path, processes: dict[str, "subprocess.Popen[bytes]"], steps: dict[str, int]) -> None:
    """Start a unit as systemd would: only where its condition holds, and to the end where it runs once."""
    if unit.is_left_out():
        return
    unit.load_credentials()
    log = folder / f"{unit.name}.log"
    process = unit.start(unit.keys["ExecStart"][0], log, folder / f"{unit.name}.calls")
    if unit.keys["Type"] == ["oneshot"]:
        steps[unit.name] = process.wait(900)
        return
    processes[unit.name] = process
    for line in unit.keys.get("ExecStartPost", []):
        steps[f"{unit.name}, then"] = unit.start(line, log).wait(PATIENCE_SECONDS)


def _variables(file: Path) -> dict[str, str]:
    """A file of variables, as the command reads it."""
    found: dict[str, str] = runpy.run_path(str(COMMAND))["settings_of"](file)
    return found


def _command(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Call `sightglass` as root does, from a folder of root's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SIGHTGLASS_", "OTEL_"))}
    return subprocess.run(
        [COMMAND, *words], cwd=folder, env=kept | variables, capture_output=True, text=True, timeout=180, check=False
    )


def _follow(folder: Path, script: Path) -> "subprocess.CompletedProcess[str]":
    """Run lines of the guide as root does, from a folder of root's."""
    path = f"{COMMAND.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eu", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "SUDO_UID": str(pwd.getpwnam(CALLER).pw_uid)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _by_command(mine: Path, token: str) -> dict[str, Any]:
    """What people do with the command: the token by a file and by a variable, a file of theirs by its relative path."""
    doctor = ("doctor", "--json", "--expect-running")
    by_file = _command(mine, *doctor, "--token-file", "me.token")
    by_variable = _command(mine, *doctor, "--skip-synthetic", SIGHTGLASS_TOKEN=token)
    (mine / "labels.csv").write_text("prediction_id,label,observed_at\nnone,late,2013-12-08T09:00:00Z\n")
    (mine / "labels.csv").chmod(0o600)
    labels = _command(mine, "labels", "load", "labels.csv", "--dry-run", "--json")
    return {
        "doctor": [by_file.returncode, by_file.stdout or by_file.stderr],
        "doctor, token by variable": [by_variable.returncode, by_variable.stdout or by_variable.stderr],
        "labels": [labels.returncode, labels.stdout + labels.stderr],
        "settings": _command(mine, "settings", "--json").stdout,
        "owners": sorted({path.owner() for path in Path(STATE).rglob("*") if path.is_file()}),
        "audited": {line["action"]: line["actor"] for line in map(json.loads, Path(f"{STATE}/audit/cli.jsonl").open())},
    }


def _visible(scheme: str, token: str) -> bool:
    ml_api, monitoring_api = f"{scheme}://127.0.0.1:8002", f"{scheme}://127.0.0.1:8003"
    described = _asked(f"{ml_api}/openapi.json", token)
    body = described["paths"]["/v1/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    example = described["components"]["schemas"][body.rpartition("/")[2]]["examples"][0]
    prediction = _asked(f"{ml_api}/v1/predict", token, example)["prediction_id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            return bool(_asked(f"{monitoring_api}/api/v1/predictions/{prediction}", token))
        except urllib.error.HTTPError:
            time.sleep(0.3)
    return False


def _asked(url: str, token: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - loopback
    authority = Path("/etc/sightglass/tls/ca.crt")
    trusted = ssl.create_default_context(cafile=authority) if authority.exists() else None
    with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
