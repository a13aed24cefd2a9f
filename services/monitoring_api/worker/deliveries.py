"""One delivery per channel, replaced when the notifications file changes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from services.monitoring_api.notify.channel import Surroundings
from services.monitoring_api.notify.channel_registry import AnyChannel
from services.monitoring_api.notify.delivery import Delivery, DeliveryPolicy, Transactions


@dataclass(frozen=True)
class _Running:
    config: AnyChannel
    delivery: Delivery
    task: asyncio.Task[None]


class Deliveries:
    """The deliveries under way."""

    def __init__(self, transactions: Transactions, policy: DeliveryPolicy, surroundings: Surroundings) -> None:
        self._transactions = transactions
        self._policy = policy
        self._surroundings = surroundings
        self._running: dict[str, _Running] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def apply(self, configs: Iterable[AnyChannel]) -> None:
        """Run exactly these channels. One that changed finishes its present attempt before its successor begins."""
        wanted = {config.name: config for config in configs}
        for name, running in list(self._running.items()):
            if wanted.get(name) != running.config:
                running.delivery.stop()
                self._retire(self._running.pop(name).task)
                if name in wanted:
                    self._start(wanted[name], after=running.task)
        for name, config in wanted.items():
            if name not in self._running:
                self._start(config, after=None)

    def wake(self, channels: Iterable[str]) -> None:
        """These channels have something new."""
        for name in channels:
            if name in self._running:
                self._running[name].delivery.wake()

    async def stop(self, patience_seconds: float) -> None:
        """Let attempts under way finish, within limits; one that is cut off is made again after the next start."""
        for running in self._running.values():
            running.delivery.stop()
        tasks = {*self._ending, *(running.task for running in self._running.values())}
        self._running.clear()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=patience_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _start(self, config: AnyChannel, *, after: asyncio.Task[None] | None) -> None:
        delivery = Delivery(
            config.build(self._surroundings),
            self._transactions,
            self._policy,
            limit=config.rate_limit,
            # A receiver that keeps a state for each alert must be told each end: there messages only wait.
            folds=not config.keeps_state,
            pictures=config.most_pictures,
        )
        beside = partial(config.run_beside, self._surroundings)
        task = asyncio.create_task(_run(delivery, after, beside), name=f"delivery {config.name}")
        self._running[config.name] = _Running(config, delivery, task)

    def _retire(self, task: asyncio.Task[None]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _run(
    delivery: Delivery, after: asyncio.Task[None] | None, beside: Callable[[], Coroutine[None, None, None]]
) -> None:
    if after is not None:
        with suppress(Exception):
            await asyncio.wait({after})
    companion = asyncio.create_task(beside())
    try:
        await delivery.run()
    finally:
        companion.cancel()
        await asyncio.gather(companion, return_exceptions=True)
