"""The compose file's services, each in its image, started as the compose file says.

What a daemon would do and chroot isolation does not: limits of memory and processor, a root file system that cannot be
written (instead, what was written is looked at afterwards), a network for each container (here all share one network
namespace that has a loopback and nothing else, where each service's name means 127.0.0.1).
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from deploy.checks.composed import services
from deploy.checks.images import Images
from deploy.checks.tools import say
from services.cli.collector.cache import REPOSITORY

ASK = Path(__file__).with_name("ask.py")
_PROFILES = ("embedded", "tools")
_READY_SECONDS = 240


@dataclass
class Container:
    """One service's container."""

    name: str
    identity: str
    root: Path
    words: Sequence[str | Path]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    started: float = field(default_factory=time.time)

    def inside(self) -> list[psutil.Process]:
        """The processes that run in the image, not buildah's own, whoever is their parent by now."""
        if self.process is None or not self.root.exists():
            return []
        root = self.root.stat()
        return [process for process in psutil.process_iter() if _has_root(process, root)]


class Stack:
    """Every service of the compose file with the profile `embedded`, in one network namespace.

    Args:
        images: the built images.
        folder: for secrets, volumes and logs.
    """

    def __init__(self, images: Images, folder: Path) -> None:
        self.images = images
        self.folder = folder
        self.secrets = folder / "secrets"
        self.services = services(_PROFILES, env={"SIGHTGLASS_SECRETS_DIR": str(self.secrets)})
        self.containers: dict[str, Container] = {}
        self.admin_token = ""
        self._namespace: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._prepare()
            # The APIs refuse to listen beyond loopback before there is a token.
            made = self.tools("tokens", "create", "first", "--role", "admin", "--json")
            self.admin_token = str(json.loads(made)["token"])
            for name in self._order():
                self._start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for container in self.containers.values():
            self.images.run("rm", container.identity, check=False)
        if self._namespace is not None:
            self._namespace.kill()
            self._namespace.wait()

    def stop(self) -> None:
        """Stop everything with SIGTERM, those last that others need, and wait."""
        for name in reversed(self._order()):
            container = self.containers.get(name)
            if container is None or container.process is None:
                continue
            for process in container.inside():
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGTERM)
            try:
                container.process.wait(30)
            except subprocess.TimeoutExpired:
                for process in [*container.inside(), psutil.Process(container.process.pid)]:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
                container.process.wait()

    def tools(self, *words: str) -> str:
        """Run `sightglass WORDS` as `docker compose run --rm tools WORDS` would."""
        return self._once("tools", words)

    def ask(self, method: str, url: str, *, token: str = "", body: object = None) -> tuple[int, Any]:
        """Ask from within the network; the answer's status and its JSON (or text)."""
        question = json.dumps({"method": method, "url": url, "token": token, "body": body})
        done = subprocess.run(
            [*self._inside_network(), sys.executable, ASK],
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

    def log(self, name: str) -> str:
        """The end of what a service wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def written_outside_of_volumes(self, name: str) -> list[str]:
        """Files of the image's own file system that were made or changed since the service started."""
        container = self.containers[name]
        found = subprocess.run(
            [
                "find",
                container.root,
                "-xdev",
                "-newerct",
                f"@{container.started}",
                "(",
                "-type",
                "f",
                "-o",
                "-type",
                "l",
                ")",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        # Where something is mounted, buildah makes the place for it.
        places = [target.lstrip("/") for target in self._mounts(name)]
        relative = [str(Path(path).relative_to(container.root)) for path in found]
        return [path for path in relative if not any(path == place or path.startswith(f"{place}/") for place in places)]

    def _prepare(self) -> None:
        subprocess.run([REPOSITORY / "deploy" / "make-secrets.sh", self.secrets], check=True, capture_output=True)
        ready = "ip link set lo up && echo up && exec sleep infinity"
        if not _has_ip():
            ready = f"{shlex.quote(sys.executable)} {shlex.quote(str(ASK))} loopback && echo up && exec sleep infinity"
        self._namespace = subprocess.Popen(["unshare", "--net", "sh", "-c", ready], stdout=subprocess.PIPE)
        assert self._namespace.stdout is not None
        assert self._namespace.stdout.readline() == b"up\n", "no network namespace with a loopback could be made"

    def _order(self) -> list[str]:
        """Services in the order of `depends_on`; `tools` is run by hand."""
        ordered: list[str] = []

        def visit(name: str) -> None:
            for need in self.services[name].get("depends_on") or {}:
                if need in self.services:
                    visit(need)
            if name not in ordered:
                ordered.append(name)

        for name in self.services:
            if name != "tools":
                visit(name)
        return ordered

    def _start(self, name: str) -> None:
        service = self.services[name]
        if service.get("restart") == "no":
            say(f"runs {name}")
            self._once(name, None)
            return
        say(f"starts {name}")
        container = self._container(name)
        with container.log.open("wb") as log:
            container.process = subprocess.Popen(
                [*container.words, *self._command(name, None)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        deadline = time.monotonic() + _READY_SECONDS
        test = service["healthcheck"]["test"]
        assert test[0] == "CMD"
        while True:
            asked = subprocess.run(
                [*container.words, *test[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                cwd=self.folder,
            )
            if asked.returncode == 0:
                return
            assert container.process.poll() is None, (
                f"{name} ended with {container.process.returncode}:\n{self.log(name)}"
            )
            assert time.monotonic() < deadline, f"{name} is not healthy: {asked.stderr}\n{self.log(name)}"
            time.sleep(0.3)

    def _once(self, name: str, words: Sequence[str] | None) -> str:
        container = self.containers.get(name) or self._container(name)
        done = subprocess.run(
            [*container.words, *self._command(name, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=self.folder,
        )
        container.log.write_text(done.stdout + done.stderr)
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _container(self, name: str) -> Container:
        service = self.services[name]
        identity = self.images.run(
            "from", "--pull-never", *self._names(), self.images.built[service["image"]]
        ).stdout.strip()
        root = Path(self.images.run("mount", identity).stdout.strip())
        words = [
            *self._inside_network(),
            *self.images.command(),
            "run",
            "--isolation",
            "chroot",
            "--user",
            service["user"],
        ]
        words += [f"--cap-drop={capability}" for capability in service["cap_drop"]]
        for variable, value in (service.get("environment") or {}).items():
            words += ["--env", f"{variable}={value.replace('$$', '$')}"]
        for target, source in self._mounts(name, root).items():
            words += ["--volume", f"{source.removesuffix(':ro')}:{target}{':ro' * source.endswith(':ro')}"]
        container = Container(name, identity, root, [*words, identity, "--"], self.folder / f"{name}.log")
        # buildah makes the places of mounts at the first run; what is written from now on is written by the service.
        subprocess.run(
            [*container.words, *service["healthcheck"].get("test", ["", "/nothing"])[1:]],
            capture_output=True,
            check=False,
        )
        container.started = time.time()
        self.containers[name] = container
        return container

    def _mounts(self, name: str, root: Path | None = None) -> dict[str, str]:
        """Target and source of every mount; volumes and tmpfs are folders owned as Docker would have it."""
        service = self.services[name]
        mounts: dict[str, str] = {}
        for volume in service.get("volumes") or []:
            mode = ":ro" if volume.get("read_only") else ""
            if volume["type"] == "bind":
                mounts[volume["target"]] = f"{volume['source']}{mode}"
            else:
                mounts[volume["target"]] = f"{self._volume(volume['source'], volume['target'], root)}{mode}"
        for text in service.get("tmpfs") or []:
            target, _, options = text.partition(":")
            folder = self.folder / "tmpfs" / name / target.strip("/").replace("/", "-")
            if not folder.exists():
                given = dict(option.split("=") for option in options.split(",") if "=" in option)
                folder.mkdir(parents=True)
                os.chown(folder, int(given.get("uid", 0)), int(given.get("gid", 0)))
                folder.chmod(int(given.get("mode", "1777"), 8))
            mounts[target] = str(folder)
        for secret in service.get("secrets") or []:
            mounts[secret["target"]] = f"{secret['file']}:ro"
        return dict(sorted(mounts.items()))

    def _volume(self, name: str, target: str, root: Path | None) -> Path:
        """A named volume: when new, it takes owner and mode of the image's folder, or is root's where there is none."""
        folder = self.folder / "volumes" / name
        if not folder.exists() and root is not None:
            folder.mkdir(parents=True)
            image_folder = root / target.lstrip("/")
            if image_folder.is_dir():
                found = image_folder.stat()
                os.chown(folder, found.st_uid, found.st_gid)
                folder.chmod(found.st_mode & 0o7777)
        return folder

    def _names(self) -> list[str]:
        return [f"--add-host={name}:127.0.0.1" for name in ("localhost", "clickhouse", *self.services)]

    def _command(self, name: str, words: Sequence[str] | None) -> list[str]:
        """Entrypoint and command: the compose file's, else the image's."""
        service = self.services[name]
        image: Mapping[str, Any] = self.images.configuration(service["image"])
        entrypoint = service.get("entrypoint") or image.get("Entrypoint") or []
        command = words if words is not None else service.get("command") or image.get("Cmd") or []
        return [word.replace("$$", "$") for word in (*entrypoint, *command)]

    def _inside_network(self) -> list[str]:
        assert self._namespace is not None
        return ["nsenter", "--target", str(self._namespace.pid), "--net"]


def _has_ip() -> bool:
    return subprocess.run(["sh", "-c", "command -v ip"], capture_output=True, check=False).returncode == 0


def _has_root(process: psutil.Process, root: os.stat_result) -> bool:
    """By device and inode, for buildah mounts the image's folder elsewhere; its own process there is none."""
    with contextlib.suppress(OSError, psutil.Error):
        inside = os.path.samestat(Path(f"/proc/{process.pid}/root").stat(), root)
        return inside and process.cmdline()[:1] not in ([], ["buildah-chroot-exec"])
    return False
