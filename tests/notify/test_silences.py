"""Silences and acknowledgements: what is taken, what holds when, and how they end."""

import pytest
import sqlalchemy as sa

from services.monitoring_api.notify.acknowledgements import (
    InvalidAcknowledgementError,
    acknowledge,
    acknowledgements,
    forget_acknowledgements,
)
from services.monitoring_api.notify.silences import (
    InvalidSilenceError,
    SilenceState,
    UnknownSilenceError,
    active_silences,
    create_silence,
    expire_silence,
    forget_silences,
    list_silences,
)
from services.monitoring_api.notify.tables import metadata

NOW = 1_000_000.0
GIVEN = {"ends_at": NOW + 3600, "author": "ann", "comment": "deploying", "now": NOW}


@pytest.fixture
def connection():
    """An empty store."""
    engine = sa.create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_a_silence_s_life(connection):
    """It is pending, holds, and is over; ended early it is over at once, and says who did that."""
    made = create_silence(connection, ["severity=~page|ticket"], starts_at=NOW + 60, **GIVEN)
    assert [made.state(NOW + at) for at in (0, 60, 3599, 3600)] == ["pending", "active", "active", "expired"]
    assert list_silences(connection, now=NOW) == [made]
    assert active_silences(connection, NOW) == []
    assert active_silences(connection, NOW + 60) == [made]
    assert made.mutes({"severity": "page"}, NOW + 60)
    assert not made.mutes({"severity": "page"}, NOW)
    assert not made.mutes({"severity": "info"}, NOW + 60)

    ended = expire_silence(connection, made.id, by="bob", now=NOW + 100)
    assert (ended.ends_at, ended.ended_by, ended.state(NOW + 100)) == (NOW + 100, "bob", SilenceState.EXPIRED)
    assert expire_silence(connection, made.id, by="carl", now=NOW + 200) == ended
    assert active_silences(connection, NOW + 100) == []
    with pytest.raises(UnknownSilenceError, match="no silence 'x'"):
        expire_silence(connection, "x", by="bob", now=NOW)


def test_one_that_never_began_is_over(connection):
    """Ended before its start it never holds."""
    made = create_silence(connection, ["a=b"], starts_at=NOW + 60, **GIVEN)
    ended = expire_silence(connection, made.id, by="bob", now=NOW)
    assert (ended.starts_at, ended.ends_at) == (NOW, NOW)
    assert active_silences(connection, NOW + 70) == []


def test_the_list_shows_what_ends_first_and_then_what_is_over(connection):
    """By state too; what ended long ago can be forgotten."""
    late, soon, over = (
        create_silence(connection, ["a=b"], **{**GIVEN, "ends_at": NOW + seconds}) for seconds in (3000, 2000, 10)
    )
    assert list_silences(connection, now=NOW + 20) == [soon, late, over]
    assert list_silences(connection, now=NOW + 20, state=SilenceState.EXPIRED) == [over]
    forget_silences(connection, before=NOW + 20)
    assert list_silences(connection, now=NOW + 20) == [soon, late]


@pytest.mark.parametrize(
    ("matchers", "given", "field"),
    [
        ([], {}, "matchers"),
        (["a"], {}, "matchers"),
        (["a=~("], {}, "matchers"),
        (["a=~.*", "b!=c"], {}, "matchers"),
        (["a=b"] * 21, {}, "matchers"),
        (["a=b"], {"ends_at": NOW}, "ends_at"),
        (["a=b"], {"starts_at": NOW - 20, "ends_at": NOW - 10}, "ends_at"),
        (["a=b"], {"ends_at": NOW + 367 * 86_400}, "ends_at"),
        (["a=b"], {"author": " "}, "author"),
        (["a=b"], {"comment": ""}, "comment"),
        (["a=b"], {"comment": "x" * 2001}, "comment"),
    ],
)
def test_what_is_refused(connection, matchers, given, field):
    """The field is named; a silence of everything is none."""
    with pytest.raises(InvalidSilenceError, match=f"^{field}: ") as caught:
        create_silence(connection, matchers, **{**GIVEN, **given})
    assert caught.value.field == field
    assert list_silences(connection, now=NOW) == []


def test_hostile_text_is_kept_as_text(connection):
    """NUL and half characters would stop a database."""
    made = create_silence(connection, ['a="\x00b"'], **{**GIVEN, "comment": "x\x00\ud800'); DROP TABLE silences"})
    (kept,) = list_silences(connection, now=NOW)
    assert kept == made
    assert kept.comment == "x?'); DROP TABLE silences"


def test_an_acknowledgement(connection):
    """It belongs to one firing; who takes it over replaces who had it."""
    acknowledge(connection, incident="i-1", fingerprint="i", author="ann", comment="mine", now=NOW)
    acknowledge(connection, incident="i-1", fingerprint="i", author="bob", now=NOW + 1)
    found = acknowledgements(connection, ["i-1", "i-2"])
    assert list(found) == ["i-1"]
    assert (found["i-1"].author, found["i-1"].comment, found["i-1"].at) == ("bob", "", NOW + 1)
    forget_acknowledgements(connection, before=NOW + 2)
    assert acknowledgements(connection, ["i-1"]) == {}
    with pytest.raises(InvalidAcknowledgementError, match=r"^author: missing"):
        acknowledge(connection, incident="i-1", fingerprint="i", author="", now=NOW)
    with pytest.raises(InvalidAcknowledgementError, match=r"^comment: longer"):
        acknowledge(connection, incident="i-1", fingerprint="i", author="ann", comment="x" * 2001, now=NOW)
