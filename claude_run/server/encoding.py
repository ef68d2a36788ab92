"""What a request's body is packed in, taken off as it arrives and never larger than allowed."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from starlette.types import Message, Receive

from claude_run.turn import TurnError, bad_request

# zlib's `wbits`. HTTP's deflate is zlib's format; a few clients send the bare one.
_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_BARE: Final = -zlib.MAX_WBITS
PACKED: Final[Mapping[str, int]] = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
PLAIN: Final = frozenset({"", "identity"})
_ZLIB_METHOD: Final = 8
_MOST_MEMBERS: Final = 10_000
"""Packed bodies in one: who packs in pieces makes them of many kilobytes, and empty ones would
take a minute of a core."""


def is_known(encoding: str) -> bool:
    return encoding in PACKED or encoding in PLAIN


class Unpacked:
    """A `receive` whose bodies are unpacked. It stops as soon as `most` bytes and one more have
    come out: whoever counts them sees that they are too many.

    Raises:
        TurnError: BAD_REQUEST: the body is not what it is called.
    """

    def __init__(self, receive: Receive, encoding: str, most: int) -> None:
        self._receive = receive
        self._encoding = encoding
        self._left = most
        self._members = 0
        self._unpacking: zlib._Decompress | None = None

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        try:
            body = b"".join(self._unpacked(message.get("body", b"")))
        except zlib.error as error:
            raise self._broken(str(error)) from None
        if not message.get("more_body") and self._unpacking and not self._unpacking.eof:
            raise self._broken("it breaks off")
        return {**message, "body": body}

    def _unpacked(self, packed: bytes) -> Iterator[bytes]:
        """A member after another: several may follow each other in one body."""
        while packed:
            if self._unpacking is None or self._unpacking.eof:
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise self._broken(f"it is made of more than {_MOST_MEMBERS} pieces")
                self._unpacking = zlib.decompressobj(self._format(packed))
            piece = self._unpacking.decompress(packed, self._left + 1)
            self._left -= len(piece)
            yield piece
            if self._left < 0:
                return
            packed = self._unpacking.unconsumed_tail or self._unpacking.unused_data

    def _format(self, packed: bytes) -> int:
        wbits = PACKED[self._encoding]
        is_bare = wbits == _ZLIB and packed[0] & 0x0F != _ZLIB_METHOD
        return _BARE if is_bare else wbits

    def _broken(self, why: str) -> TurnError:
        return bad_request(f"The request body is not valid {self._encoding}: {why}.", None)
