"""The table that every channel which reaches out passes."""

import asyncio
import logging

import pytest

from services.monitoring_api.notify.channel import DeliveryFailedError
from tests.notify.contract.channels import SECRET, SUBJECTS
from tests.notify.messages import HOSTILE, firing, many, resolved


@pytest.fixture(params=SUBJECTS)
def subject(request):
    """Each channel in turn."""
    return SUBJECTS[request.param]


def send(channel, notification) -> str:
    """Send, and return the receipt."""
    return asyncio.run(channel.send(notification))


def refused(channel, notification) -> DeliveryFailedError:
    """Send in vain, and return why."""
    with pytest.raises(DeliveryFailedError) as caught:
        send(channel, notification)
    return caught.value


def test_it_delivers_firing_and_resolved_with_their_keys(subject):
    """A success is the receiver's own word, and the idempotency key arrives."""
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
        assert send(channel, firing())
        assert send(channel, resolved())
        assert subject.arrived(receiver) == [firing().idempotency_key, resolved().idempotency_key]


def test_the_same_message_twice_has_the_same_key(subject):
    """A second attempt can be told from a second message."""
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
        send(channel, firing())
        send(channel, firing(late_seconds=600))
        assert set(subject.arrived(receiver)) == {firing().idempotency_key}


def test_its_reach_is_told_without_a_message(subject):
    """It says who answers, and sends nothing; where nobody listens it raises."""
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
        assert "answers" in asyncio.run(channel.reach())
        assert subject.arrived(receiver) == []
    with pytest.raises(DeliveryFailedError) as caught:
        asyncio.run(channel.reach())
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("permanent", [False, True])
def test_a_refusal_is_no_delivery(subject, permanent):
    """It raises, says what the receiver said, and whether trying soon makes sense."""
    with subject.receiver() as receiver:
        subject.refuse(receiver, permanent)
        error = refused(subject.build(receiver), firing())
        assert error.permanent is permanent
        assert any(code in str(error) for code in ("451", "554", "503", "404"))
        assert error.remedy if permanent else error.message


def test_nobody_there_is_worth_another_try(subject):
    """A refused connection raises and is not permanent."""
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
    assert refused(channel, firing()).permanent is False


def test_hostile_text_arrives_as_one_message(subject):
    """Whatever telemetry puts into labels and annotations is text, in every field that can hold it."""
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
        send(
            channel,
            firing(
                alertname=HOSTILE,
                labels={"alertname": HOSTILE, HOSTILE: HOSTILE},
                annotations={"summary": HOSTILE, HOSTILE: HOSTILE},
                group_labels={HOSTILE: HOSTILE},
            ),
        )
        assert len(subject.arrived(receiver)) == 1


def test_huge_text_arrives(subject):
    """Limits of the medium are kept by cutting."""
    with subject.receiver() as receiver:
        huge = "é" * 100_000
        send(subject.build(receiver), firing(alertname=huge, annotations={"summary": huge, "description": huge}))
        assert len(subject.arrived(receiver)) == 1


def test_no_secret_in_errors_and_logs(subject, caplog):
    """Neither a refusal nor a success nor a representation shows a secret, at any log level."""
    caplog.set_level(logging.DEBUG)
    with subject.receiver() as receiver:
        channel = subject.build(receiver)
        send(channel, firing())
        subject.refuse(receiver, True)
        error = refused(channel, firing())
    gone = refused(channel, firing())
    for text in (str(error), repr(error), str(gone), repr(channel), caplog.text):
        assert SECRET not in text


def test_nothing_to_say_but_the_name(subject):
    """No value, no annotation, no label, no link: still a message."""
    with subject.receiver() as receiver:
        send(subject.build(receiver), firing(value=None, annotations={}, labels={}, group_labels={}, url=""))
        send(subject.build(receiver), resolved(value=float("nan"), cause="rule_removed", error="down"))
        assert len(subject.arrived(receiver)) == 2


@pytest.mark.parametrize(
    "notification",
    [
        many(2),
        many(400, omitted=1_000),
        many(2, reason="changed"),
        firing(reason="repeat"),
        firing(reason="digest", digest=tuple(f"headline {i}" for i in range(500))),
        firing(reason="digest", digest=("", HOSTILE), alerts=()),
    ],
    ids=["two alerts", "more than fit", "changed", "repeat", "digest", "digest alone"],
)
def test_every_kind_of_message_arrives_as_one(subject, notification):
    """Groups, reminders and digests are one message each, whatever their length."""
    with subject.receiver() as receiver:
        send(subject.build(receiver), notification)
        assert subject.arrived(receiver) == [notification.idempotency_key]
