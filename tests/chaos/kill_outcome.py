"""What killing the alert worker came to: what arrived is held against what was promised and what happened."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field

from services.monitoring_api.notify.notification import Notification

# A receiver may note what a worker sent a little after that worker was killed; its successor sends nothing so soon.
SILENT_SECONDS = 0.05


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        at: When the worker was gone and the store was read; no other was begun yet.
        under_way: (channel, key) of the messages of which it had begun a send and not noted the outcome.
    """

    at: float
    under_way: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Seen:
    """What was seen.

    Attributes:
        arrived: (key, time) of what each channel's receiver took, in order.
        rows: (channel, key, group, body) of the outbox, in order.
        events: (fingerprint, kind, epoch second) of the alerts' history, in order.
        kills: Each kill, in order.
        seconds: How long it all took.
    """

    arrived: dict[str, list[tuple[str, float]]]
    rows: list[tuple[str, str, str, str]]
    events: list[tuple[str, str, float]]
    kills: list[Kill]
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        kills: Workers killed.
        seconds: How long it all took.
        fired: Incidents that began.
        messages: Messages that the outbox promised, by channel.
        lost: Keys of promised messages that never arrived.
        invented: Keys that arrived and were never promised.
        cut_off: Sends that a kill cut off: begun, and their outcome not noted.
        repeated: Messages that arrived more than once: always with the same key.
        repetitions: Their arrivals after the first; each needs a send that was cut off.
        unexplained: Messages that arrived again and were not under way at a kill between the two arrivals.
        disordered: Groups whose messages first arrived in another order than they were decided in.
        untold: Incidents that a channel was not told of from beginning to end.
        unfinished: Incidents that never ended, though all was well in the end.
        hit: Kills that cut off a send.
    """

    kills: int
    seconds: float
    fired: int
    messages: dict[str, int]
    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    cut_off: int = 0
    repeated: int = 0
    repetitions: int = 0
    unexplained: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    hit: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, invented, repeated without cause, disordered or left untold."""
        return not (self.lost or self.invented or self.unexplained or self.disordered or self.untold or self.unfinished)


def judge(seen: Seen) -> Outcome:
    """Hold what arrived against what was promised and what happened."""
    lost, invented, unexplained, disordered = [], [], [], []
    repeated = repetitions = 0
    told: dict[str, dict[str, set[str]]] = {channel: defaultdict(set) for channel in seen.arrived}
    for channel, took in seen.arrived.items():
        mine = [(key, group, body) for name, key, group, body in seen.rows if name == channel]
        promised = [key for key, _, _ in mine]
        when: dict[str, list[float]] = defaultdict(list)
        for key, at in took:
            when[key].append(at)
        lost += [f"{channel} {key}" for key in promised if key not in when]
        invented += [f"{channel} {key}" for key in when if key not in set(promised)]
        for key, times in when.items():
            repeated += len(times) > 1
            repetitions += len(times) - 1
            cut_off_at = [kill.at for kill in seen.kills if (channel, key) in kill.under_way]
            if not all(
                any(first <= at + SILENT_SECONDS and at <= again for at in cut_off_at)
                for first, again in itertools.pairwise(times)
            ):
                unexplained.append(f"{channel} {key}")
        groups: dict[str, list[str]] = defaultdict(list)
        for key, group, body in mine:
            groups[group].append(key)
            for part in Notification.from_json(body).alerts:
                told[channel][part.incident].add(str(part.status))
        for group, keys in groups.items():
            first = sorted((key for key in keys if key in when), key=lambda key: when[key][0])
            if first != [key for key in keys if key in when]:
                disordered.append(f"{channel} {group}")
    fired = [f"{fingerprint}-{int(at * 1000)}" for fingerprint, kind, at in seen.events if kind == "fired"]
    ended = sum(kind == "resolved" for _, kind, _ in seen.events)
    untold = [
        f"{channel} {incident}: {sorted(told[channel][incident])}"
        for channel in seen.arrived
        for incident in fired
        if told[channel][incident] != {"firing", "resolved"}
    ]
    return Outcome(
        kills=len(seen.kills),
        seconds=round(seen.seconds, 1),
        fired=len(fired),
        messages={channel: sum(name == channel for name, *_ in seen.rows) for channel in seen.arrived},
        lost=lost,
        invented=invented,
        cut_off=sum(len(kill.under_way) for kill in seen.kills),
        repeated=repeated,
        repetitions=repetitions,
        unexplained=unexplained,
        disordered=disordered,
        untold=untold,
        unfinished=[] if ended == len(fired) else [f"{len(fired)} fired, {ended} ended"],
        hit=sum(bool(kill.under_way) for kill in seen.kills),
    )


def text(outcome: Outcome) -> str:
    """The outcome in words."""
    return f"""SIGKILL of the alert worker while rules fire and resolve (tests/chaos/alert_kills.py)

kills                                          {outcome.kills} in {outcome.seconds:.0f} s
incidents that fired, and ended                {outcome.fired}
messages promised by the outbox                {outcome.messages}
  lost                                         {len(outcome.lost)}
  invented                                     {len(outcome.invented)}
  arrived more than once, with the same key    {outcome.repeated}
  so many times in all                         {outcome.repetitions}
  without its key under way at a kill between  {len(outcome.unexplained)}
groups whose messages came in another order    {len(outcome.disordered)}
incidents not told from beginning to end       {len(outcome.untold)}
kills with a send begun and not yet recorded   {outcome.hit}
  such sends                                   {outcome.cut_off}
"""
