"""Sets up a checkout: `python3 services/cli/bootstrap.py [--no-collector] [--browser]`. Called by the Makefile.

Runs on the machine's own Python with nothing installed, so it imports the standard library only, and parses on an old
Python too, in order to say that it is too old. A run that finds everything in place says nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
UV_HOME = ROOT / ".uv"
UV_VERSION = "0.13.9"
OLDEST_PYTHON = (3, 11)
NEEDED_BYTES = 8_000_000_000  # the README names it
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


class Lack(Exception):  # noqa: N818 - it is what the machine lacks, said to a person
    """What the machine lacks, in one sentence with the command that installs it."""


def main() -> None:
    """Set up what is missing and wait until it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-collector", action="store_true", help="do not build the OpenTelemetry Collector")
    parser.add_argument("--browser", action="store_true", help="also find a browser for the tests, or install one")
    wanted = parser.parse_args()
    os.chdir(str(ROOT))
    build = None
    try:
        python = find_python()
        with_collector = not wanted.no_collector
        if not is_synced(python):
            install_uv(python)
            build = sync(python, build_beside=with_collector)
        if with_collector and build is None and not collector_is_built():
            build = CollectorBuild()
        if wanted.browser:
            find_browser()
        if build is not None:
            build.wait()
    except Lack as lack:
        sys.exit(f"Set-up stopped. {lack}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if build is not None:
            build.stop()


def say(text: str) -> None:
    """Tell the person who waits."""
    print(f"set-up: {text}", flush=True)


def install_command(debian: str, fedora: str, brew: str) -> str:
    """Name the command that installs a package here."""
    root = "" if hasattr(os, "geteuid") and os.geteuid() == 0 else "sudo "
    if shutil.which("apt-get"):
        return f"{root}apt-get install -y {debian}"
    if shutil.which("dnf"):
        return f"{root}dnf install -y {fedora}"
    if shutil.which("brew"):
        return f"brew install {brew}"
    return f"your system's package manager installs it (on Debian: apt-get install {debian})"


def find_python() -> str:
    """Return an interpreter that is recent enough and can make virtual environments."""
    names = [f"python3.{minor}" for minor in range(14, OLDEST_PYTHON[1] - 1, -1)]
    found = [path for path in map(shutil.which, names) if path]
    python = sys.executable if sys.version_info[:2] >= OLDEST_PYTHON else (found[0] if found else None)
    if python is None:
        install = install_command("python3.11 python3.11-venv", "python3.11", "python@3.12")
        raise Lack(
            f"This machine's newest Python is {platform.python_version()}, Sightglass needs 3.11 or newer: {install}"
        )
    if subprocess.call([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL) != 0:
        raise Lack(f"{python} lacks the venv module: {install_command('python3-venv', 'python3', 'python@3.12')}")
    return python


def stamp_of(python: str) -> str:
    """Everything that, once changed, asks for another set-up."""
    digest = hashlib.sha256(python.encode())
    for name in ("uv.lock", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def is_synced(python: str) -> bool:
    """Whether the environment was made from this very lock file."""
    stamp = VENV / ".set-up"
    return (VENV / "bin" / "python").exists() and stamp.exists() and stamp.read_text() == stamp_of(python)


def install_uv(python: str) -> None:
    """Put the pinned uv into a folder of its own, by pip, which knows this machine's proxies and mirrors."""
    free = shutil.disk_usage(str(ROOT)).free
    if not VENV.exists() and free < NEEDED_BYTES:
        raise Lack(
            f"There are {free / (1 << 30):.1f} GiB free under {ROOT}, and the set-up needs 4: delete something there, "
            "or clone to a larger disk."
        )
    uv = UV_HOME / "bin" / "uv"
    if uv.exists() and UV_VERSION in subprocess.check_output([str(uv), "--version"]).decode():
        return
    say(f"downloads uv {UV_VERSION} (25 MB) from PyPI into .uv")
    subprocess.check_call([python, "-m", "venv", "--clear", str(UV_HOME)])
    pip = [str(UV_HOME / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    if subprocess.call([*pip, f"uv=={UV_VERSION}"]) != 0:
        raise Lack("uv could not be installed from PyPI: check the network, or pip's own settings (`pip config list`).")


def sync(python: str, *, build_beside: bool) -> CollectorBuild | None:
    """Install what uv.lock says; the Collector's build starts as soon as there is enough to run it.

    Returns:
        The build that runs meanwhile, if one was wanted.
    """
    build = None
    packages, size = download_size()
    say(f"installs {packages} packages into .venv; what uv's cache lacks of {size >> 20} MB is downloaded")
    if build_beside and not VENV.exists():
        run_uv(python, "--inexact", "--no-default-groups", "--group", "cli")
        if not collector_is_built():
            build = CollectorBuild()
    try:
        run_uv(python)
    except BaseException:
        if build is not None:
            build.stop()
        raise
    (VENV / ".set-up").write_text(stamp_of(python))
    return build


def run_uv(python: str, *options: str) -> None:
    """Run `uv sync`, with the certificates and patience that pip was given."""
    environment = dict(os.environ)
    environment.pop("VIRTUAL_ENV", None)
    # The machine's Python is recent enough, so a second one need not be downloaded.
    environment.setdefault("UV_PYTHON_DOWNLOADS", "never")
    for theirs, ours in (("PIP_CERT", "SSL_CERT_FILE"), ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT")):
        if theirs in environment:
            environment.setdefault(ours, environment[theirs])
    command = [str(UV_HOME / "bin" / "uv"), "sync", "--locked", "--python", python]
    if not sys.stderr.isatty():
        command.append("--quiet")  # a bar that cannot be drawn becomes a list of a hundred packages
    if subprocess.call([*command, *options], env=environment) != 0:
        raise Lack("`uv sync --locked` failed, for the reason above; run the same command again once it is mended.")


def download_size() -> tuple[int, int]:
    """Count the packages of uv.lock and the bytes of their files for this machine, roughly."""
    import tomllib  # noqa: PLC0415 - not there in an old Python, which must get as far as its message

    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    sizes: dict[str, int] = {}
    for package in lock["package"]:
        files = [wheel["size"] for wheel in package.get("wheels", ()) if fits(wheel["url"].rsplit("/", 1)[1])]
        size = max(files) if files else package.get("sdist", {}).get("size", 0)
        sizes[package["name"]] = max(size, sizes.get(package["name"], 0))
    return len(sizes), sum(sizes.values())


def fits(wheel: str) -> bool:
    """Whether a wheel's file name means a machine like this one."""
    python, abi, where = wheel[: -len(".whl")].split("-")[-3:]
    ours = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    right_python = "py3" in python or ours in python or abi == "abi3"
    system = "macosx" if sys.platform == "darwin" else "manylinux"
    return right_python and (where == "any" or (system in where and platform.machine() in where))


def collector_is_built() -> bool:
    """Whether a Collector is found without building one."""
    command = [str(VENV / "bin" / "sightglass"), "collector", "path"]
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


class CollectorBuild:
    """The Collector's build, running beside the rest of the set-up."""

    def __init__(self) -> None:
        say("builds the OpenTelemetry Collector beside the rest (2 to 4 minutes, once; about 300 MB of Go modules)")
        command = [str(VENV / "bin" / "sightglass"), "collector", "build"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.follower = threading.Thread(target=self.follow, daemon=True)
        self.follower.start()

    def follow(self) -> None:
        """Show what the build says."""
        for line in self.process.stdout or ():
            print("collector: " + line.decode(errors="replace").rstrip(), flush=True)

    def wait(self) -> None:
        """Wait until the Collector is built."""
        code = self.process.wait()
        self.follower.join(5)
        if code != 0:
            raise Lack("The Collector could not be built, for the reason above; `make setup` tries again.")

    def stop(self) -> None:
        """End the build if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def find_browser() -> None:
    """Make sure that the tests find a browser: one on PATH, else playwright's, else Debian's package."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    playwright = [str(VENV / "bin" / "python"), "-m", "playwright"]
    looks = (
        "import os, sys; from playwright.sync_api import sync_playwright as s\n"
        "with s() as p: sys.exit(not os.path.exists(p.chromium.executable_path))"
    )
    if subprocess.call([playwright[0], "-c", looks], stderr=subprocess.DEVNULL) == 0:
        return
    say("finds no browser on PATH: downloads playwright's Chromium (170 MB)")
    if subprocess.call([*playwright, "install", "chromium"]) == 0:
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        say("could not download it: installs Debian's chromium (100 MB)")
        quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        subprocess.call(["apt-get", "update", "-qq"], env=quiet)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        if subprocess.call(install, env=quiet) == 0:
            return
    raise Lack(f"The tests need a browser: {install_command('chromium', 'chromium', '--cask chromium')}")


if __name__ == "__main__":
    main()
