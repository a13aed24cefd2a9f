"""Reads one answer from the engine, in as few calls as its size allows."""

from collections.abc import Callable, Iterator, Mapping

from services.embedded_clickhouse.answer import Totals
from services.embedded_clickhouse.engine import Piece, Session
from services.embedded_clickhouse.formats import empty_without_rows, stream_join
from services.embedded_clickhouse.native import reframed

# A call in a thread costs more than many a short statement, so this much of an answer is read in one.
_BYTES_AT_ONCE = 262_144


class Reading:
    """One statement's answer; its methods block and are called in threads.

    Args:
        open_session: makes the session.
        sql: the statement.
        output_format: the format of its answer.
        values: bound parameters.
        streamed: whether the answer may be read block by block.
        revision: the protocol revision whose framing a Native answer gets; 0 for none.
        totals: where rows and bytes are counted.
        check: raises where the statement was killed.
    """

    def __init__(
        self,
        open_session: Callable[[], Session],
        sql: str,
        output_format: str,
        values: Mapping[str, str],
        *,
        streamed: bool,
        revision: int,
        totals: Totals,
        check: Callable[[], None],
    ) -> None:
        self._open_session = open_session
        self._sql = sql
        self._format = output_format
        self._values = values
        self._join = stream_join(output_format) if streamed else None
        self._revision = revision if output_format.lower() == "native" else 0
        self._session: Session | None = None
        self._pieces: Iterator[Piece] = iter(())
        self._totals = totals
        self._check = check
        self.ended = False

    def begin(self) -> list[bytes]:
        """Run the statement and return the first pieces of its answer; a short one is whole and closed then."""
        self._session = session = self._open_session()
        self._check()
        found: list[bytes] = []
        if self._join is not None:
            self._pieces = self._join(session.stream(self._sql, self._format, self._values))
            found = self._read()
        if self._join is None or not (found or empty_without_rows(self._format)):
            self._close_pieces()
            self._pieces = iter((session.query(self._sql, self._format, self._values),))
            found = self._read()
        return self._returned(found)

    def more(self) -> list[bytes]:
        """Return the next pieces; the last ones when `ended` is true."""
        return self._returned(self._read())

    @property
    def is_open(self) -> bool:
        """Whether a session is to be closed."""
        return self._session is not None

    def close(self) -> None:
        """Cancel what still runs and drop the session."""
        self._close_pieces()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _returned(self, found: list[bytes]) -> list[bytes]:
        if self.ended:
            self.close()
        return found

    def _read(self) -> list[bytes]:
        found: list[bytes] = []
        size = 0
        self.ended = False
        while size < _BYTES_AT_ONCE:
            piece = next(self._pieces, None)
            self._check()
            if piece is None:
                self.ended = True
                break
            self._totals.add(piece)
            found.append(self._framed(piece.data))
            size += len(piece.data)
        return found

    def _close_pieces(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()

    def _framed(self, data: bytes) -> bytes:
        return reframed(data, self._revision, single_block=self._join is not None) if self._revision else data
