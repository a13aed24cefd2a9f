"""What can go wrong with a migration, said to people."""


class MigrationError(Exception):
    """The schema could not be brought up to date; the message says why and what to do."""


class ChangedHistoryError(MigrationError):
    """A migration that was applied no longer reads as it did then."""


class LockedError(MigrationError):
    """Another migration held the lock for longer than we were willing to wait."""
