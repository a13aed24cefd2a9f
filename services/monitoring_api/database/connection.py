"""Where ClickHouse is and how we log in."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Connection:
    """One user's way to one ClickHouse.

    Args:
        url: Base URL of the HTTP interface.
        database: Database that unqualified names are in.
        user: Who we are.
        password_file: Holds the password; read again at each new connection, so that it may be written later or change.
        pool_size: Most queries under way at once.
        deadline_seconds: Longest wait for an answer, connecting and queueing included.
        longest_deadline_seconds: The longest that whoever asks may give a question; None: ``deadline_seconds``.
        connect_timeout_seconds: Longest wait for a connection.
        client_name: What ClickHouse's logs call us.
        ca_file: Certificate authorities for HTTPS; None for the system's.
    """

    url: str
    database: str
    user: str
    password_file: Path | None
    pool_size: int = 8
    deadline_seconds: float = 5.0
    connect_timeout_seconds: float = 2.0
    client_name: str = "sightglass"
    ca_file: Path | None = None
    longest_deadline_seconds: float | None = None
