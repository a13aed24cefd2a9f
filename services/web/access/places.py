"""How many requests of one client are under way, counted in this process's memory."""


class Places:
    """Gives each client a number of places, each for the time of one request.

    Args:
        each: How many one client has.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._taken: dict[str, int] = {}

    def take(self, client: str) -> bool:
        """Take one of the client's places; False when all are taken."""
        taken = self._taken.get(client, 0)
        if taken >= self._each:
            return False
        self._taken[client] = taken + 1
        return True

    def give_back(self, client: str) -> None:
        """Free a place that was taken; a client without any is forgotten."""
        left = self._taken[client] - 1
        if left:
            self._taken[client] = left
        else:
            del self._taken[client]
