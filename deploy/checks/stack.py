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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from deploy.checks.composed import TLS, services
from deploy.checks.guide import commands
from deploy.checks.images import Images
from deploy.checks.network import Network
from deploy.checks.tools import need, say
from services.cli.collector.cache import REPOSITORY

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
        tls: whether docker-compose.tls.yml is laid over it.
    """

    def __init__(self, images: Images, folder: Path, *, tls: bool = False) -> None:
        self.images = images
        self.folder = folder
        self.scheme = "https" if tls else "http"
        self.secrets = folder / "secrets"
        self.certificates = folder / "tls"
        folders = {"SIGHTGLASS_SECRETS_DIR": str(self.secrets), "SIGHTGLASS_TLS_DIR": str(self.certificates)}
        self.services = services(_PROFILES, env=folders, over=(TLS,) if tls else ())
        self.containers: dict[str, Container] = {}
        self.admin_token = ""
        self.examined_before_start: tuple[int, dict[str, dict[str, str]]] = (0, {})
        self.network = Network(self.certificates / "ca.crt")

    def __enter__(self) -> Self:
        try:
            self._prepare()
            # The APIs refuse to listen beyond loopback before there is a token.
            self.follow(commands("containers token"))
            self.admin_token = (self.folder / "me.token").read_text().strip()
            self.examined_before_start = self.examined()
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
        self.network.close()

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

    def follow(self, told: str) -> str:
        """Run commands of the guide, in whose place `docker compose run --rm tools` is what `tools` does here."""
        container = self.containers.get("tools") or self._container("tools")
        *before, identity, end = map(str, container.words)
        # Compose hands the caller's token on, as tools names it without a value.
        words = f'{shlex.join(before)} --env "SIGHTGLASS_TOKEN=$SIGHTGLASS_TOKEN" {shlex.join([identity, end])}'
        words = f"{words} {shlex.join(self._command('tools', []))}"
        docker = self.folder / "bin" / "docker"
        docker.parent.mkdir(exist_ok=True)
        docker.write_text(f'#!/bin/sh\nwhile [ "$1" != tools ]; do shift; done\nshift\nexec {words} "$@"\n')
        docker.chmod(0o755)
        done = subprocess.run(
            ["bash", "-euc", told],
            cwd=self.folder,
            env=os.environ | {"PATH": f"{docker.parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{told}\n{done.stdout}{done.stderr}"
        return done.stdout

    def examined(self, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
        """Run `doctor --json` in tools, with the administrator's token; its exit code, and its checks by name."""
        done = self._run("tools", ["doctor", "--json", *words], {"SIGHTGLASS_TOKEN": self.admin_token})
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    def _prepare(self) -> None:
        subprocess.run([REPOSITORY / "deploy" / "make-secrets.sh", self.secrets], check=True, capture_output=True)
        if self.scheme == "https":
            need("openssl", "openssl")
            make = [REPOSITORY / "deploy" / "make-certificates.sh", self.certificates]
            subprocess.run(make, check=True, capture_output=True)

    def give(self, name: str, file: str, content: str) -> str:
        """Lay a file of the caller's into a service's /tmp, as a mount would; its path there."""
        path = Path(self._mounts(name)["/tmp"]) / file  # noqa: S108 - in the container
        path.write_text(content)
        os.chown(path, 10001, 10001)
        return f"/tmp/{file}"  # noqa: S108

    def log(self, name: str) -> str:
        """The end of what a service wrote."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def written_outside_of_volumes(self, name: str) -> list[str]:
        """Files of the image's own file system that were made or changed since the service started."""
        container = self.containers[name]
        changed = [
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
        ]
        found = subprocess.run(changed, capture_output=True, text=True, check=True).stdout.split()
        # Where something is mounted, buildah makes the place for it.
        places = [target.lstrip("/") for target in self._mounts(name)]
        relative = [str(Path(path).relative_to(container.root)) for path in found]
        return [path for path in relative if not any(path == place or path.startswith(f"{place}/") for place in places)]

    def _order(self) -> list[str]:
        """Services in the order of `depends_on`; `tools` is run by hand."""
        ordered: list[str] = []

        def visit(name: str) -> None:
            for needed in self.services[name].get("depends_on") or {}:
                if needed in self.services:
                    visit(needed)
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
        done = self._run(name, words, {})
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def _run(
        self, name: str, words: Sequence[str] | None, variables: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a service to its end, with variables of whoever calls."""
        container = self.containers.get(name) or self._container(name)
        *before, identity, end = container.words
        told = [word for variable, value in variables.items() for word in ("--env", f"{variable}={value}")]
        done = subprocess.run(
            [*before, *told, identity, end, *self._command(name, words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            cwd=self.folder,
        )
        container.log.write_text(done.stdout + done.stderr)
        return done

    def _container(self, name: str) -> Container:
        service = self.services[name]
        identity = self.images.run(
            "from", "--pull-never", *self._names(), self.images.built[service["image"]]
        ).stdout.strip()
        root = Path(self.images.run("mount", identity).stdout.strip())
        words = [*self.network.inside(), *self.images.command()]
        words += ["run", "--isolation", "chroot", "--user", service["user"]]
        words += [f"--cap-drop={capability}" for capability in service["cap_drop"]]
        for variable, value in (service.get("environment") or {}).items():
            if value is None:
                continue  # of whoever calls
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


def _has_root(process: psutil.Process, root: os.stat_result) -> bool:
    """By device and inode, for buildah mounts the image's folder elsewhere; its own process there is none."""
    with contextlib.suppress(OSError, psutil.Error):
        inside = os.path.samestat(Path(f"/proc/{process.pid}/root").stat(), root)
        return inside and process.cmdline()[:1] not in ([], ["buildah-chroot-exec"])
    return False
