"""How a body is taken in, message by message."""

import asyncio

import pytest

from services.web.request_body import BodyTimeout, admit_body

JSON = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]


def admit(messages, *, headers=JSON, timeout_seconds=5.0):
    """What the application gets to read of these messages; the last one comes again and again."""

    async def run():
        waiting = list(messages)

        async def receive():
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        replayed = await admit_body({"headers": headers}, receive, limit_bytes=100, timeout_seconds=timeout_seconds)
        return [await replayed()]

    return asyncio.run(run())


def test_pieces_arrive_as_one():
    """A body in pieces reaches the application whole."""
    pieces = [
        {"type": "http.request", "body": b'{"a"', "more_body": True},
        {"type": "http.request", "body": b"", "more_body": True},
        {"type": "http.request", "body": b": 1}", "more_body": False},
    ]
    assert admit(pieces) == [{"type": "http.request", "body": b'{"a": 1}', "more_body": False}]


def test_a_split_character_is_put_together():
    """UTF-8 is judged over the whole body, not piece by piece."""
    letter = '"é"'.encode()
    pieces = [
        {"type": "http.request", "body": letter[:2], "more_body": True},
        {"type": "http.request", "body": letter[2:], "more_body": False},
    ]
    assert admit(pieces)[0]["body"] == letter


def test_a_slow_body_ends():
    """A body that never comes is given up after its time."""
    with pytest.raises(BodyTimeout):
        admit([{"type": "http.request", "body": b"{", "more_body": True}], timeout_seconds=0.05)


def test_a_caller_who_leaves_is_passed_on():
    """A disconnect in mid-body is the application's to notice: the body does not end."""
    pieces = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    assert admit(pieces) == [{"type": "http.request", "body": b"{", "more_body": True}]


def test_no_body_is_not_waited_for():
    """Without length and encoding there is no body, so nothing is read ahead."""
    first = {"type": "http.request", "body": b"", "more_body": False}
    assert admit([first], headers=[]) == [first]
