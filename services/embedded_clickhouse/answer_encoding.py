"""Compression of answers, block by block."""

import zlib
from typing import Protocol

import lz4.frame
import zstandard


class Encoder(Protocol):
    """Compresses an answer piece by piece."""

    name: str

    def encode(self, data: bytes) -> bytes:
        """Compress a piece; the client can read it at once."""

    def finish(self) -> bytes:
        """End the compressed body."""


class _Plain:
    name = ""

    def encode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Zlib:
    def __init__(self, name: str, window_bits: int) -> None:
        self.name = name
        self._compressor = zlib.compressobj(3, zlib.DEFLATED, window_bits)

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._compressor.flush()


class _Zstd:
    name = "zstd"

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1).compressobj()

    def encode(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._compressor.flush()


class _Lz4:
    name = "lz4"

    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._begun = False

    def encode(self, data: bytes) -> bytes:
        begin = b"" if self._begun else self._compressor.begin()
        self._begun = True
        return bytes(begin + self._compressor.compress(data))

    def finish(self) -> bytes:
        begin = b"" if self._begun else self._compressor.begin()
        return bytes(begin + self._compressor.flush())


def choose_encoder(accept_encoding: str, *, wanted: bool) -> Encoder:
    """Choose the cheapest compression the client accepts; none unless it also set enable_http_compression."""
    accepted = set()
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0"):
            accepted.add(name.strip())
    if wanted and "lz4" in accepted:
        return _Lz4()
    if wanted and "zstd" in accepted:
        return _Zstd()
    if wanted and "gzip" in accepted:
        return _Zlib("gzip", 16 + zlib.MAX_WBITS)
    if wanted and "deflate" in accepted:
        return _Zlib("deflate", zlib.MAX_WBITS)
    return _Plain()
