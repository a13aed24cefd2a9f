"""The file of tokens: what is refused, and that changes from several processes all arrive."""

import json
import os
import stat
from datetime import timedelta

import pytest

from services.web.access.register import RegisterError, create_token, revoke_tokens, rotate_token
from services.web.access.scopes import Scope
from services.web.access.token_file import TokenFile, TokenFileError
from services.web.access.tokens import split
from services.web.access.watched_tokens import TokensUnknownError, WatchedTokens
from tests.at_once import run_at_once

from .conftest import NOW

READ = frozenset({Scope.READ})


def create(file, name="ci", **chosen):
    """A token in the file."""
    return create_token(file, name, **{"scopes": READ, "delegate": False, "now": NOW, "expires_at": None, **chosen})


def test_what_is_written_is_read_again_without_secrets(file):
    """Every field survives; the folder and the file are for their owner; the secret is nowhere."""
    token, text = create(file, delegate=True, expires_at=NOW + timedelta(days=1))
    assert file.read() == (token,)
    assert split(text)[1] not in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert not [path for path in file.path.parent.iterdir() if path.name.startswith(".tokens-")]


def test_no_file_is_no_token(file):
    """A file that nobody made yet is empty, not broken."""
    assert file.read() == ()
    assert file.stamp() is None


BROKEN = {
    "empty": b"",
    "not JSON": b"{",
    "not an object": b"[]",
    "no version": b'{"tokens": []}',
    "a later version": b'{"version": 2, "tokens": []}',
    "more": b'{"version": 1, "tokens": [], "x": 1}',
    "not UTF-8": b'{"version": 1, "tokens": ["\xff"]}',
    "half a token": b'{"version": 1, "tokens": [{"id": "0123456789ab"}]}',
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_damaged_file_is_refused(file, what):
    """The message names the file, its setting and what to do."""
    create(file)
    file.path.write_bytes(BROKEN[what])
    with pytest.raises(TokenFileError, match=r"tokens\.json \(SIGHTGLASS_TOKENS_FILE\) is damaged: .*tokens create"):
        file.read()
    with pytest.raises(TokenFileError):
        create(file, "another")
    assert file.path.read_bytes() == BROKEN[what]


@pytest.mark.parametrize("change", [{"scopes": ["root"]}, {"sha256": "x"}, {"created_at": "2026-01-01"}, {"more": 1}])
def test_a_damaged_token_is_refused_by_name(file, change):
    """The message says which field of which token."""
    create(file)
    document = json.loads(file.path.read_text())
    document["tokens"][0] |= change
    file.path.write_text(json.dumps(document))
    with pytest.raises(TokenFileError, match=rf"tokens\.0\.{next(iter(change))}"):
        file.read()


def test_one_id_twice_is_refused(file):
    """Which of them would count is not guessed."""
    create(file)
    document = json.loads(file.path.read_text())
    document["tokens"] *= 2
    file.path.write_text(json.dumps(document))
    with pytest.raises(TokenFileError, match="same id"):
        file.read()


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666, 0o644])
def test_a_file_that_is_open_to_others_is_refused(file, mode):
    """With the command that closes it."""
    create(file)
    file.path.chmod(mode)
    with pytest.raises(TokenFileError, match="chmod 600"):
        file.read()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_not_a_file_is_refused_without_waiting(file, make):
    """A folder, and a pipe that nobody writes into."""
    file.path.parent.mkdir(parents=True)
    make(file.path)
    with pytest.raises(TokenFileError):
        file.read()


def test_what_cant_be_read_is_refused(tmp_path):
    """A path through a file can't even be looked at."""
    (tmp_path / "file").write_text("")
    file = TokenFile(tmp_path / "file" / "tokens.json")
    with pytest.raises(TokenFileError, match="can't be read"):
        file.read()
    with pytest.raises(TokenFileError, match="can't be read"):
        file.stamp()
    with pytest.raises(TokenFileError, match="SIGHTGLASS_TOKENS_FILE"):
        create(file)


def test_a_link_stays_one(file, tmp_path):
    """What it points at is replaced."""
    real = tmp_path / "elsewhere.json"
    file.path.parent.mkdir(parents=True)
    file.path.symlink_to(real)
    create(file)
    assert file.path.is_symlink()
    assert len(TokenFile(real).read()) == 1


CREATE = """
from pathlib import Path
from services.web.access.token_file import TokenFile
from tests.web.access.test_token_file import create
for each in range(20):
    create(TokenFile(Path("TOKENS")), f"p{NUMBER}-{each}")
"""


def test_processes_that_write_at_once_lose_nothing(file, tmp_path):
    """Four processes make 20 tokens each."""
    run_at_once(CREATE.replace("TOKENS", str(file.path)), tmp_path)
    assert len(file.read()) == 80


def test_a_name_has_one_usable_token_unless_it_is_rotated(file):
    """Making a second one is refused with the verb that does it; an expired one is no obstacle."""
    create(file, expires_at=NOW + timedelta(days=1))
    with pytest.raises(RegisterError, match="tokens rotate ci"):
        create(file)
    create(file, now=NOW + timedelta(days=1))
    assert len(file.read()) == 2


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "x" * 65, "ü", "a\n", "0123456789ab", "../x"])
def test_bad_names_are_refused(file, name):
    """Also one that could be an id."""
    with pytest.raises(RegisterError, match="can't be a token's name"):
        create(file, name)
    assert not file.path.exists()


def test_rotation_makes_a_second_one_and_lets_the_first_end(file):
    """The new one may do the same, for as long; the old one ends after the overlap, or before if it would anyway."""
    old, _ = create(file, delegate=True, expires_at=NOW + timedelta(days=10))
    later = NOW + timedelta(days=3)
    new, _, ended = rotate_token(file, "ci", overlap=timedelta(hours=24), now=later, lifetime=None)
    assert (new.scopes, new.delegate, new.expires_at) == (READ, True, later + timedelta(days=10))
    assert [(each.id, each.expires_at) for each in ended] == [(old.id, later + timedelta(hours=24))]
    assert set(file.read()) == {new, *ended}
    newest, _, ended = rotate_token(file, "ci", overlap=timedelta(days=99), now=later, lifetime=timedelta(days=1))
    assert newest.expires_at == later + timedelta(days=1)
    assert {each.expires_at for each in ended} == {later + timedelta(hours=24), new.expires_at}
    assert len(file.read()) == 3


def test_what_is_not_there_is_not_rotated_or_revoked(file):
    """And the file is not made for it."""
    with pytest.raises(RegisterError, match="tokens create nix"):
        rotate_token(file, "nix", overlap=timedelta(), now=NOW, lifetime=None)
    with pytest.raises(RegisterError, match="tokens list"):
        revoke_tokens(file, "nix", NOW)
    assert not file.path.exists()


def test_revoking_by_name_ends_all_and_by_id_one(file):
    """A revoked one stays in the list with its moment."""
    first, _ = create(file)
    second, _, _ = rotate_token(file, "ci", overlap=timedelta(hours=1), now=NOW, lifetime=None)
    ended, before = revoke_tokens(file, first.id, NOW)
    assert ([token.id for token in ended], before) == ([first.id], [])
    ended, before = revoke_tokens(file, "ci", NOW + timedelta(hours=1))
    assert ([token.id for token in ended], [token.id for token in before]) == ([second.id], [first.id])
    assert [token.refusal(NOW) for token in file.read()] == ["revoked", "revoked"]


def test_a_change_is_seen_at_once_and_nothing_is_read_without_one(file, monkeypatch):
    """The file is read when it is another one, and only then."""
    reads = []
    read = TokenFile.read
    monkeypatch.setattr(TokenFile, "read", lambda self: reads.append(1) or read(self))
    watched = WatchedTokens(file)
    assert watched.current() == {}
    token, _ = create(file)
    reads.clear()
    for _ in range(5):
        assert list(watched.current()) == [token.id]
    assert len(reads) == 1
    revoke_tokens(file, "ci", NOW)
    assert watched.current()[token.id].revoked_at == NOW
    file.path.unlink()
    assert watched.current() == {}


def test_nobody_is_let_in_by_a_file_that_broke_and_all_are_when_it_is_whole_again(file, caplog):
    """Not by what it said before, either: it may be broken by an attempt to revoke. The log says it once."""
    token, _ = create(file)
    watched = WatchedTokens(file)
    assert token.id in watched.current()
    whole = file.path.read_bytes()
    file.path.write_bytes(b"{")
    for _ in range(3):
        with pytest.raises(TokensUnknownError):
            watched.current()
    assert caplog.text.count("Nobody is let in") == 1
    file.path.write_bytes(whole)
    assert token.id in watched.current()
    file.path.chmod(0o644)
    with pytest.raises(TokensUnknownError):
        watched.current()
