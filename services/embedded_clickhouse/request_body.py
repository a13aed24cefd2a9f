"""A request's body: decompressed as it comes in, never held whole."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import lz4.frame
import zstandard

from services.embedded_clickhouse.errors import ClickHouseError, bad_arguments, not_implemented

# A few bytes of zstd can stand for very many, and its decoder gives all it can at once: so it is fed by the spoon.
_ZSTD_SPOON_BYTES = 1024
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PIECE_BYTES = 1 << 20

Decoder = Callable[[bytes], Iterator[bytes]]


def _lz4() -> tuple[Decoder, Callable[[], bool]]:
    decompressor = lz4.frame.LZ4FrameDecompressor()
    started = False

    def decode(data: bytes) -> Iterator[bytes]:
        nonlocal decompressor, started
        while data or not decompressor.needs_input:
            if decompressor.eof:
                decompressor, started = lz4.frame.LZ4FrameDecompressor(), False
            started = True
            yield decompressor.decompress(data, max_length=_PIECE_BYTES)
            data = b""
            if decompressor.eof:
                data = decompressor.unused_data or b""
                if not data:
                    return

    return decode, lambda: not started or bool(decompressor.eof)


def _zstd() -> tuple[Decoder, Callable[[], bool]]:
    factory = zstandard.ZstdDecompressor()
    decompressor = factory.decompressobj()
    started = False

    def decode(data: bytes) -> Iterator[bytes]:
        nonlocal decompressor, started
        for start in range(0, len(data), _ZSTD_SPOON_BYTES):
            spoon = data[start : start + _ZSTD_SPOON_BYTES]
            while spoon:
                if decompressor.eof:
                    decompressor = factory.decompressobj()
                started = True
                yield decompressor.decompress(spoon)
                spoon = decompressor.unused_data if decompressor.eof else b""

    return decode, lambda: not started or bool(decompressor.eof)


def _zlib() -> tuple[Decoder, Callable[[], bool]]:
    decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
    started = False

    def decode(data: bytes) -> Iterator[bytes]:
        nonlocal decompressor, started
        while data:
            if decompressor.eof:
                decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
            started = True
            yield decompressor.decompress(data, _PIECE_BYTES)
            data = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail

    return decode, lambda: not started or decompressor.eof


_DECODERS = {"gzip": _zlib, "x-gzip": _zlib, "deflate": _zlib, "zstd": _zstd, "lz4": _lz4}


class RequestBody:
    """The bytes a client sends, after decompression.

    Args:
        chunks: the body as it arrives.
        encoding: the Content-Encoding header.
    """

    def __init__(self, chunks: AsyncIterator[bytes], encoding: str) -> None:
        name = encoding.strip().lower()
        if name in ("", "identity"):
            self._decode: Decoder | None = None
            self._whole: Callable[[], bool] = lambda: True
        elif name in _DECODERS:
            self._decode, self._whole = _DECODERS[name]()
        else:
            raise not_implemented(
                f"The embedded ClickHouse reads bodies compressed by {', '.join(sorted(_DECODERS))}, not by '{name}'."
            )
        self._chunks = chunks

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the decompressed bytes, in pieces of no particular size."""
        async for chunk in self._chunks:
            if not chunk:
                continue
            if self._decode is None:
                yield chunk
                continue
            try:
                for piece in self._decode(chunk):
                    if piece:
                        yield piece
            except (zlib.error, zstandard.ZstdError, RuntimeError) as error:
                raise bad_arguments(f"The body is not what its Content-Encoding says: {error}.") from error
        if not self._whole():
            raise ClickHouseError(33, "CANNOT_READ_ALL_DATA", "The compressed body ends too early.")
