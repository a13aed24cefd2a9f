"""Passwords are made once, whole, and left alone where they are there."""

import stat
from concurrent.futures import ThreadPoolExecutor

from services.embedded_clickhouse.accounts import ensure_passwords


def test_passwords_are_made_once_and_nothing_is_written_where_they_are(tmp_path):
    """Each in a file of mode 0600; the second time the folder, which may be mounted read-only, is not touched."""
    made = ensure_passwords(tmp_path)
    folder = tmp_path / "secrets"
    assert {path.name for path in folder.iterdir()} == {f"clickhouse-{user}.password" for user in made}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    before = folder.stat().st_mtime_ns
    assert ensure_passwords(tmp_path) == made
    assert folder.stat().st_mtime_ns == before


def test_those_who_make_them_at_once_agree(tmp_path):
    """Whoever comes second takes the first one's, and never finds an empty file."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: dict(ensure_passwords(tmp_path)), range(32)))
    assert all(each == found[0] for each in found)
    assert all(found[0].values())
