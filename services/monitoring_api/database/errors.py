"""What can go wrong between us and ClickHouse, as problems that a route may let through."""

from services.web.problems import Problem, TooSlow, Unavailable


class DatabaseUnavailable(Unavailable):
    """ClickHouse can't be reached, or is not ready to answer."""


class DatabaseFull(DatabaseUnavailable):
    """ClickHouse can be asked, but its disk has no room for what is to be written."""


class DatabaseTooSlow(TooSlow):
    """ClickHouse did not answer within the deadline, or gave up on a limit of its own."""


class DatabaseRefused(Problem):
    """ClickHouse took the statement for wrong: a fault of ours, so a 500."""
