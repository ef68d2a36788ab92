"""Pictures by their first bytes: what they are, how large, and which are refused unseen."""

import struct
from collections.abc import Callable
from functools import partial

import pytest

from claude_run.dialects.pictures import media_type
from tests.dialects.chats import refusal


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height)


def jpeg(width: int, height: int) -> bytes:
    """With a picture of another size in a segment before its own, as cameras write them, and with
    bytes between two segments that belong to none."""
    small = b"\xff\xc0\0\x11\x08\0\x01\0\x01"
    told = b"\xff\xe1" + struct.pack(">H", 2 + len(small)) + small
    table = b"stray\xff\xff\xc4\0\x04xx"
    return b"\xff\xd8" + told + table + b"\xff\xc2\0\x11\x08" + struct.pack(">HH", height, width)


def webp(width: int, height: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", width, height)


def webp_lossless(width: int, height: int) -> bytes:
    packed = (width - 1) | (height - 1) << 14
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + packed.to_bytes(4, "little")


def webp_extended(width: int, height: int) -> bytes:
    sides = ((side - 1).to_bytes(3, "little") for side in (width, height))
    return b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"".join(sides)


KINDS = {
    png: "image/png",
    gif: "image/gif",
    jpeg: "image/jpeg",
    webp: "image/webp",
    webp_lossless: "image/webp",
    webp_extended: "image/webp",
}


@pytest.mark.parametrize(("made", "kind"), KINDS.items())
def test_a_picture_is_known_by_what_it_is_and_refused_for_its_size(
    made: Callable[[int, int], bytes], kind: str
) -> None:
    assert media_type(made(8000, 8000), "url") == kind
    error = refusal(lambda: media_type(made(8001, 8000), "url"))
    assert "8001 x 8000 pixels" in error.message
    for cut in (made(9, 9)[:-2], made(9, 9)[:8], b"no picture"):
        assert refusal(partial(media_type, cut, "url")).param == "url"


def test_a_picture_of_nothing_is_none() -> None:
    assert "has no size" in refusal(lambda: media_type(png(0, 5), "url")).message


def test_a_picture_of_nothing_but_segments_is_not_gone_through() -> None:
    for filling in (b"\xff\xe1\0\0", b"\xff"):
        endless = b"\xff\xd8\xff" + filling * 2_000_000
        assert "has no size" in refusal(partial(media_type, endless, "url")).message
