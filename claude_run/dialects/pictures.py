"""Pictures: what kind a picture is, and how large, as its first bytes say.

Claude Code looks into a picture of a user's before it sends it. In the place of one that it
cannot make sense of the model reads a sentence about that, and the client never hears of it; so
that what has no size is refused here. A small file may hold a gigabyte of pixels.

It only decodes what it makes smaller. Such a picture is looked at for an end that came too early,
by what its file says of its own length, without a decoder.
"""

import re
import struct
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from claude_run.turn import TurnError, bad_request

TYPES: Final = ("image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp")
MOST_PIXELS: Final = 64_000_000
"""What the Messages API takes at most: 8000 x 8000. Claude Code needs 4 bytes for each."""

SENT_AS_IT_IS: Final = 2000, 3_932_160
"""Pixels of a side and bytes up to which Claude Code decodes nothing. The API looks into these
itself, and the client hears of it."""


class Size(NamedTuple):
    width: int
    height: int


def media_type(data: bytes, param: str) -> str:
    """What `data` is, whatever it was declared as: that is often wrong.

    Raises:
        TurnError: BAD_REQUEST: it is no picture that can be sent, or larger than any may be.
    """
    for kind, signature in _SIGNATURES.items():
        if signature.match(data):
            size = _checked(_SIZES[kind](data), param)
            side, length = SENT_AS_IT_IS
            if (max(size) > side or len(data) > length) and _ENDS_EARLY[kind](data):
                raise bad_request(f"{param} holds an image that is cut off: send all of it.", param)
            return kind
    raise bad_request(f"{param} does not hold a PNG, JPEG, GIF or WebP image.", param)


def _checked(size: Size | None, param: str) -> Size:
    if size is None or not all(size):
        raise _no_picture(param)
    if size.width * size.height > MOST_PIXELS:
        message = (
            f"{param} holds an image of {size.width} x {size.height} pixels; at most "
            f"{MOST_PIXELS} are taken. Make it smaller."
        )
        raise bad_request(message, param)
    return size


def _no_picture(param: str) -> TurnError:
    return bad_request(f"{param} begins as an image does, and is none: it has no size.", param)


def _png(data: bytes) -> Size | None:
    return _unpacked(">II", data, 16) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size | None:
    return _unpacked("<HH", data, 6)


def _jpeg(data: bytes) -> Size | None:
    """That of the frame, which stands behind segments of any kind and number. What stands between
    two of them is passed over, as every decoder does."""
    place = 2
    for _ in range(_MOST_SEGMENTS):
        if (marker := _MARKER.search(data, place)) is None:
            return None
        kind, place = data[marker.end() - 1], marker.end()
        if kind in _FRAMES:
            size = _unpacked(">HH", data, place + 3)
            return None if size is None else Size(size.height, size.width)  # in this order
        place += int.from_bytes(data[place : place + 2], "big")
    return None


def _webp(data: bytes) -> Size | None:
    match data[12:16]:
        case b"VP8X" if len(data) >= _WEBP_HEAD:
            sides = data[24:27], data[27:30]
            width, height = (int.from_bytes(side, "little") + 1 for side in sides)
            return Size(width, height)
        case b"VP8L" if len(data) >= _LOSSLESS_HEAD:
            bits = int.from_bytes(data[21:25], "little")
            return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            size = _unpacked("<HH", data, 26)
            return None if size is None else Size(size.width & 0x3FFF, size.height & 0x3FFF)
        case _:
            return None


def _unpacked(form: str, data: bytes, place: int) -> Size | None:
    try:
        return Size(*struct.unpack_from(form, data, place))
    except struct.error:  # it breaks off before that
        return None


def _png_ends_early(data: bytes) -> bool:
    """Whether it has no pixels, or ends among them. What comes after them is not missed."""
    place, has_pixels = 8, False
    for _ in range(_MOST_SEGMENTS):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        place += 8 + length
        if kind == b"IDAT":
            has_pixels = True
        if place >= len(data) or kind == b"IEND":
            return not has_pixels or (kind == b"IDAT" and place > len(data))
        place += 4  # of a checksum
    return False


def _gif_ends_early(data: bytes) -> bool:
    """Whether it ends in its table of colours. What has a line of pixels is decoded."""
    flags = data[10] if len(data) > 10 else 0  # noqa: PLR2004 - behind the size
    table = 3 << (flags & 7) + 1 if flags & 0x80 else 0
    return len(data) <= 13 + table


def _jpeg_ends_early(data: bytes) -> bool:
    """Whether it has no scan. What has a part of one is decoded, and grey below."""
    return b"\xff\xda" not in data


def _webp_ends_early(data: bytes) -> bool:
    return 8 + int.from_bytes(data[4:8], "little") > len(data)


_SIGNATURES: Final[Mapping[str, re.Pattern[bytes]]] = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
_SIZES: Final[Mapping[str, Callable[[bytes], Size | None]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
_ENDS_EARLY: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "image/png": _png_ends_early,
    "image/jpeg": _jpeg_ends_early,
    "image/gif": _gif_ends_early,
    "image/webp": _webp_ends_early,
}
_WEBP_HEAD: Final = 30  # bytes, up to the size
_LOSSLESS_HEAD: Final = 25
_MARKER: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd9]", re.DOTALL)
_MOST_SEGMENTS: Final = 10_000  # a profile of colours has up to 255, and there are few others
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame's head; the three between them tell of tables."""
