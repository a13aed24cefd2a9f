"""Should a channel be told about a group? One row per reason, and what must hold of every history."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.monitoring_api.notify.decision import (
    FIRING,
    LOOK_AGAIN_SECONDS,
    RESOLVED,
    History,
    Member,
    NotifyReason,
    Timing,
    after,
    decide,
)

NOW = 10_000.0
TIMING = Timing(wait=30, interval=300, repeat=3600)


def fires(incident: str = "a", **given) -> Member:
    """A firing that the group has known for ten minutes."""
    return Member(incident, FIRING, **{"joined_at": NOW - 600, **given})


def knows(incident: str = "a", **given) -> Member:
    """A firing that the channel was told of."""
    return fires(incident, told=FIRING, **given)


def ended(incident: str = "a", **given) -> Member:
    """A firing that the channel was told of and that is over."""
    return Member(incident, RESOLVED, **{"joined_at": NOW - 600, "told": FIRING, **given})


@pytest.mark.parametrize(
    ("members", "told_at", "given", "reason", "look_again"),
    [
        ([], None, {}, NotifyReason.NOT_ACTIVE, None),
        ([fires()], None, {}, NotifyReason.FIRST, None),
        ([fires(joined_at=NOW - 10)], None, {}, NotifyReason.GROUP_WAIT, 20),
        ([fires(joined_at=NOW - 10), fires("b", joined_at=NOW)], None, {}, NotifyReason.GROUP_WAIT, 20),
        ([fires(muted=True), fires("b", joined_at=NOW - 10)], None, {}, NotifyReason.GROUP_WAIT, 20),
        ([fires(muted=True)], None, {}, NotifyReason.MUTED, LOOK_AGAIN_SECONDS),
        ([fires(routed=False)], None, {}, NotifyReason.NOT_ACTIVE, None),
        ([ended(told=None)], None, {}, NotifyReason.NOT_ACTIVE, None),
        ([knows()], NOW - 10, {}, NotifyReason.ALREADY_TOLD, 3590),
        ([knows(), fires("b")], NOW - 10, {}, NotifyReason.GROUP_INTERVAL, 290),
        ([knows(), fires("b")], NOW - 300, {}, NotifyReason.CHANGED, None),
        ([knows(), fires("b", muted=True)], NOW - 300, {}, NotifyReason.ALREADY_TOLD, LOOK_AGAIN_SECONDS),
        ([knows()], NOW - 3599, {}, NotifyReason.ALREADY_TOLD, 1),
        ([knows()], NOW - 3600, {}, NotifyReason.REPEAT, None),
        ([knows()], NOW - 3600, {"waiting": True}, NotifyReason.STILL_WAITING, LOOK_AGAIN_SECONDS),
        ([knows(acknowledged=True)], NOW - 3600, {}, NotifyReason.ACKNOWLEDGED, LOOK_AGAIN_SECONDS),
        ([knows(acknowledged=True), knows("b")], NOW - 3600, {}, NotifyReason.REPEAT, None),
        ([knows(acknowledged=True), fires("b")], NOW - 3600, {}, NotifyReason.CHANGED, None),
        ([knows(muted=True)], NOW - 3600, {}, NotifyReason.MUTED, LOOK_AGAIN_SECONDS),
        ([knows(muted=True), knows("b", acknowledged=True)], NOW - 3600, {}, NotifyReason.ACKNOWLEDGED, 15),
        ([knows(routed=False)], NOW - 3600, {}, NotifyReason.NOT_WANTED, LOOK_AGAIN_SECONDS),
        ([ended()], NOW - 10, {}, NotifyReason.GROUP_INTERVAL, 290),
        ([ended()], NOW - 300, {}, NotifyReason.RESOLVED, None),
        ([ended()], NOW - 300, {"waiting": True}, NotifyReason.RESOLVED, None),
        ([ended(routed=False)], NOW - 300, {}, NotifyReason.RESOLVED, None),
        ([ended(muted=True)], NOW - 300, {}, NotifyReason.RESOLVED, None),
        ([ended()], NOW - 300, {"send_resolved": False}, NotifyReason.NOT_ACTIVE, None),
        ([ended(), knows("b")], NOW - 300, {}, NotifyReason.CHANGED, None),
        ([ended(), fires("b")], NOW - 300, {}, NotifyReason.CHANGED, None),
        ([ended(), knows("b")], NOW - 300, {"send_resolved": False}, NotifyReason.ALREADY_TOLD, 3300),
        ([knows(), fires("b")], NOW + 9999, {}, NotifyReason.CHANGED, None),
        ([knows()], NOW + 9999, {}, NotifyReason.REPEAT, None),
        ([fires(joined_at=NOW + 9999)], None, {}, NotifyReason.FIRST, None),
        ([fires(joined_at=NOW + 5)], None, {}, NotifyReason.GROUP_WAIT, 35),
    ],
)
def test_each_reason(members, told_at, given, reason, look_again):
    """A message is due for the first firings, for news, as a reminder and at the end; else it says when to look."""
    history = History(told_at, waiting=given.get("waiting", False))
    decision = decide(members, history, TIMING, send_resolved=given.get("send_resolved", True), now=NOW)
    assert decision.reason is reason
    assert reason.due is (reason in {"first", "changed", "repeat", "resolved"})
    assert decision.look_again_at == (None if look_again is None else NOW + look_again)


def test_what_is_told_is_told_and_what_is_over_leaves():
    """After a message its news is known; what ended, or led here no more before it was told, is gone."""
    before = [fires("new"), knows("old"), ended("over"), ended("brief", told=None), fires("astray", routed=False)]
    decision = decide(before, History(NOW - 400), TIMING, send_resolved=True, now=NOW)
    assert decision.news == ("over", "new")
    assert after(before, decision.news, send_resolved=True) == (fires("new", told=FIRING), knows("old"))
    assert after([ended("over")], (), send_resolved=True) == (ended("over"),)
    assert after([ended("over")], (), send_resolved=False) == ()


def _steps():
    action = st.sampled_from(
        ["fire", "end", "mute", "unmute", "acknowledge", "astray", "back", "deliver", "flush", "flush", "flush"]
    )
    return st.lists(st.tuples(action, st.integers(0, 3), st.floats(0, 700)), max_size=60)


@settings(max_examples=300, deadline=None)
@given(
    _steps(),
    st.builds(Timing, st.floats(0, 60), st.floats(0, 300), st.floats(1, 900)),
    st.booleans(),
)
def test_what_holds_of_every_history(steps, timing, send_resolved):
    """Whatever happens in whatever order, messages keep their distances and each firing its order.

    No first before its wait and no news before the interval; nothing muted or routed elsewhere is told first; a firing
    is told once as news, its end once and only after it; and in the end every told firing's end is told where wanted.
    """
    group = _Group(timing, send_resolved)
    for action, number, seconds in steps:
        group.act(action, number)
        group.now += seconds
    for name in list(group.open):
        group.act("end", name)
    for _ in range(20):
        group.act("flush", 0)
        group.now += 700
    assert group.members == []
    assert group.told_of == set(group.ends_told) or not send_resolved
    assert send_resolved or group.ends_told == []


class _Group:
    """A group that does as decided, and checks each message."""

    def __init__(self, timing: Timing, send_resolved: bool) -> None:
        self.timing, self.send_resolved = timing, send_resolved
        self.now, self.count = 1_000.0, 0
        self.open: dict[int, str] = {}
        self.members: list[Member] = []
        self.history = History()
        self.told_of: set[str] = set()
        self.ends_told: list[str] = []

    def act(self, action: str, number: int) -> None:
        """Let one thing happen to one alert, or to the group."""
        if action == "flush":
            self._flush()
        elif action == "deliver":
            self.history = replace(self.history, waiting=False)
        elif action == "fire" and number not in self.open:
            self.count += 1
            self.open[number] = f"{number}-{self.count}"
            self.members.append(Member(self.open[number], FIRING, self.now))
        elif number in self.open:
            change = {
                "end": {"status": RESOLVED},
                "mute": {"muted": True},
                "unmute": {"muted": False},
                "acknowledge": {"acknowledged": True},
                "astray": {"routed": False},
                "back": {"routed": True},
            }.get(action, {})
            name = self.open.pop(number) if action == "end" else self.open[number]
            self.members = [replace(one, **change) if one.incident == name else one for one in self.members]

    def _flush(self) -> None:
        decision = decide(self.members, self.history, self.timing, send_resolved=self.send_resolved, now=self.now)
        by_name = {one.incident: one for one in self.members}
        if decision.reason.due:
            self._check(decision.reason, [by_name[name] for name in decision.news])
            self.history = History(self.now, waiting=True)
        else:
            assert decision.news == ()
            assert decision.look_again_at is None or decision.look_again_at > self.now
        self.members = list(after(self.members, decision.news, send_resolved=self.send_resolved))
        if not self.members:
            self.history = History()

    def _check(self, reason: NotifyReason, news: list[Member]) -> None:
        told_at = self.history.told_at
        if reason is NotifyReason.REPEAT:
            assert self.now - told_at >= self.timing.repeat
            assert any(one.told is FIRING and not one.acknowledged and not one.muted for one in self.members)
            return
        assert news
        assert (reason is NotifyReason.FIRST) is (told_at is None)
        earliest = min(one.joined_at for one in news) + self.timing.wait
        assert self.now >= (earliest if told_at is None else told_at + self.timing.interval)
        for one in news:
            if one.status is FIRING:
                assert one.incident not in self.told_of
                assert one.routed
                assert not one.muted
                self.told_of.add(one.incident)
            else:
                assert one.incident in self.told_of
                assert one.incident not in self.ends_told
                self.ends_told.append(one.incident)
