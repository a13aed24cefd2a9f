"""What was proved for which content."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from services.cli.collector.cache import REPOSITORY, cache_root

_KEPT = cache_root() / "deploy" / "proofs"
_AGAIN = "SIGHTGLASS_DEPLOY_CHECK_AGAIN"


class Proof:
    """The proof of one check for the content that its inputs have now.

    Args:
        check: the check's name.
        globs: its inputs, from the root of the repository; the checks themselves always count.
    """

    def __init__(self, check: str, globs: Sequence[str]) -> None:
        self._started = time.time()
        digest = hashlib.sha256(check.encode())
        for path, content in sorted(_contents().items()):
            if any(path.match(pattern) or path.is_relative_to(pattern) for pattern in (*globs, "deploy/checks")):
                digest.update(f"\n{path}\n{content}".encode())
        self._path = _KEPT / f"{digest.hexdigest()[:32]}.json"

    def is_kept(self) -> bool:
        """Whether this content was proved before."""
        return not os.environ.get(_AGAIN) and self._path.exists()

    def said(self) -> str:
        """When it was proved, and what was measured."""
        kept = json.loads(self._path.read_text())
        return " · ".join(
            [f"unchanged since it passed at {kept['at']}", *(f"{name}: {value}" for name, value in kept["measured"])]
        )

    def keep(self, measured: Sequence[tuple[str, Any]]) -> None:
        """Note that it passed."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(f".{os.getpid()}")
        unfinished.write_text(
            json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), "measured": list(measured)})
        )
        unfinished.replace(self._path)


@cache
def _contents() -> dict[Path, str]:
    """Hash of every file that git knows or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    return {path: _content(REPOSITORY / path) for path in paths if (REPOSITORY / path).is_file()}


def _content(path: Path) -> str:
    return f"{path.stat().st_mode & 0o111:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
