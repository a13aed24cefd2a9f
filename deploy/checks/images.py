"""The images of the compose file, built by buildah on a base made from Debian packages."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from deploy.checks.composed import services
from deploy.checks.tools import CACHE, lack, locked, need, need_root, say
from services.cli.collector.cache import REPOSITORY

BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv")
# What pip, uv and Go are told on this machine, and where its certificates are: handed into builds, kept by no layer.
_HANDED_IN = re.compile(
    r"^(PIP_|UV_|GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|FLAGS)$|(https?|no|all)_proxy$|SSL_CERT_FILE$)", re.IGNORECASE
)
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_CERTIFICATES_INSIDE = "/run/secrets/build_certificates"


class Images:
    """Builds images into a store of its own in the user's cache folder."""

    def __init__(self) -> None:
        need_root("buildah with chroot isolation")
        self.buildah = need("buildah", "buildah")
        self.store = CACHE / "images"
        self.built: dict[str, str] = {}
        self.seconds: dict[str, float] = {}

    def run(self, *words: str | Path, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run buildah and return what it said."""
        done = subprocess.run([*self.command(), *words], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, (
            f"buildah {' '.join(map(str, words))}:\n{(done.stdout + done.stderr)[-4000:]}"
        )
        return done

    def command(self) -> list[str | Path]:
        """Buildah with our store."""
        return [
            self.buildah,
            "--root",
            self.store / "root",
            "--runroot",
            self.store / "run",
            "--storage-driver",
            self._driver,
        ]

    @cached_property
    def _driver(self) -> str:
        """Overlay where this kernel and file system can, else plain copies."""
        self.store.mkdir(parents=True, exist_ok=True)
        for driver in ("overlay", "vfs"):
            tried = [
                self.buildah,
                "--root",
                self.store / "root",
                "--runroot",
                self.store / "run",
                "--storage-driver",
                driver,
            ]
            if subprocess.run([*tried, "images"], capture_output=True, check=False).returncode == 0:
                return driver
        lack("buildah can keep images neither with overlay nor with vfs")
        raise AssertionError

    @contextmanager
    def all_built(self) -> Iterator[Self]:
        """Build every image of the compose file, and hold the store for this run alone.

        Layers that last come from the store. What earlier contents left in it goes, or it would grow with every change.
        """
        with locked(self.store / "lock"):
            self.run("rm", "--all", check=False)
            base = self._base()
            for service in services(("embedded", "tools")).values():
                image = service["image"]
                if image not in self.built:
                    started = time.monotonic()
                    self._build(image, service["build"], base)
                    self.seconds[image] = time.monotonic() - started
                    say(f"{image} is built ({self.seconds[image]:.0f} s)")
            self.run("rmi", "--prune", check=False)
            yield self

    def configuration(self, image: str) -> Mapping[str, Any]:
        """What the image says of itself: Entrypoint, Cmd, Env, Labels, User."""
        inspected = json.loads(self.run("inspect", "--type", "image", self.built[image]).stdout)
        configuration: Mapping[str, Any] = inspected["OCIv1"]["config"]
        return configuration

    def megabytes(self, image: str) -> int:
        """Size of all its files."""
        with self.mounted(image) as root:
            return (
                sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
                // 1_000_000
            )

    def mounted(self, image: str) -> "_Mounted":
        """A container of the image, mounted for a look at its files."""
        return _Mounted(self, self.built[image])

    def _build(self, image: str, build: Mapping[str, Any], base: str) -> None:
        say(f"builds {image}")
        target = build.get("target", "")
        # The stage that takes long gets a name, so that it outlives the clearing up.
        lasting = f"{target}-dependencies" if target else "build"
        self._build_stage(f"localhost/{image.partition(':')[0]}:{lasting}", build, lasting, base)
        self.built[image] = f"localhost/{image}"
        self._build_stage(self.built[image], build, target, base)

    def _build_stage(self, tag: str, build: Mapping[str, Any], target: str, base: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            environment = Path(folder) / "environment"
            environment.write_text(_build_environment())
            secrets = [f"id=build_environment,src={environment}"]
            if _CERTIFICATES.exists():
                secrets.append(f"id=build_certificates,src={_CERTIFICATES}")
            words = [
                "bud",
                "--isolation",
                "chroot",
                "--network",
                "host",
                "--layers",
                "--build-arg",
                f"BASE_IMAGE={base}",
            ]
            words += [word for secret in secrets for word in ("--secret", secret)]
            if target:
                words += ["--target", target]
            self.run(*words, "-f", REPOSITORY / build["dockerfile"], "-t", tag, build["context"])

    def _base(self) -> str:
        """An image with Python from Debian's packages, made once for each release and list of packages."""
        debootstrap = need("debootstrap", "debootstrap")
        suite, mirror = _debian()
        name = f"localhost/base:{hashlib.sha256(' '.join((suite, *BASE_PACKAGES)).encode()).hexdigest()[:12]}"
        if self.run("inspect", "--type", "image", name, check=False).returncode == 0:
            return name
        say(f"makes a base of Debian {suite} (1 minute, once)")
        with tempfile.TemporaryDirectory(dir=self.store) as folder:
            root = Path(folder) / "root"
            command = [debootstrap, "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}", suite, root, *mirror]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
            for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
                shutil.rmtree(root / waste)
                (root / waste).mkdir()
            archive = Path(folder) / "root.tar"
            subprocess.run(["tar", "--one-file-system", "-C", root, "-cf", archive, "."], check=True)
            container = self.run("from", "scratch").stdout.strip()
            self.run("add", "--quiet", container, archive, "/")
            self.run("commit", "--quiet", "--rm", container, name)
        return name


class _Mounted:
    def __init__(self, images: Images, image: str) -> None:
        self._images = images
        self._container = images.run("from", "--pull-never", image).stdout.strip()

    def __enter__(self) -> Path:
        return Path(self._images.run("mount", self._container).stdout.strip())

    def __exit__(self, *_: object) -> None:
        self._images.run("rm", self._container)


def _build_environment() -> str:
    """Lines for a shell: this machine's own settings of pip, uv and Go, with paths as they are inside."""
    given = {
        name: value for name, value in os.environ.items() if _HANDED_IN.match(name) and "find_links" not in name.lower()
    }
    for pip_says in _pip_settings():
        name, _, value = pip_says.partition("=")
        given.setdefault(name, value)
    given = {name: value for name, value in given.items() if not value.startswith("/")}
    if _CERTIFICATES.exists():
        given |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"), _CERTIFICATES_INSIDE)
    return "".join(f"{name}={_quoted(value)}\n" for name, value in sorted(given.items()))


def _pip_settings() -> Sequence[str]:
    """The mirrors that pip's configuration files name, as variables for pip and uv."""
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings = []
    for found in re.finditer(r"^(?:global|install)\.(index-url|extra-index-url)='(.*)'$", listed, re.MULTILINE):
        settings.append(f"PIP_{found[1].upper().replace('-', '_')}={found[2]}")
        settings.append(f"{'UV_DEFAULT_INDEX' if found[1] == 'index-url' else 'UV_INDEX'}={found[2]}")
    return settings


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _debian() -> tuple[str, list[str]]:
    """The release of this machine, and the mirror that its apt uses."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    suite = release.get("VERSION_CODENAME", "").strip('"')
    if not suite or not shutil.which("apt-get"):
        lack("the base image is made from the packages of a Debian or one of its children, which this machine is not")
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    mirrors = [
        words[2] for words in map(str.split, listed.splitlines()) if words[:2] == [suite, "main"] and len(words) == 3
    ]
    return suite, mirrors[:1]
