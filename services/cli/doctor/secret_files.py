"""Checks that secrets are nobody else's to read."""

import stat
from collections.abc import Iterable
from pathlib import Path

from services.cli.doctor.check import Check, Verdict


def check_secret_files(data_dir: Path, others: Iterable[Path | None]) -> Check:
    """No secret can be read by anybody else.

    Args:
        data_dir: the data folder, whose `secrets` are looked through.
        others: files named by settings.
    """
    files = {path for path in (data_dir / "secrets").glob("*") if path.is_file()}
    files |= {path for path in others if path is not None and path.is_file()}
    loose = [path for path in sorted(files) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if loose:
        told = ", ".join(f"{path} ({stat.S_IMODE(path.stat().st_mode):04o})" for path in loose)
        remedy = f"chmod 600 {' '.join(map(str, loose))}"
        return Check("secret files", Verdict.WARNING, f"others may read {told}", remedy)
    return Check("secret files", Verdict.OK, f"{len(files)} files, readable by their owner only")
