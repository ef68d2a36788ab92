"""Pictures by their first bytes: what they are, how large, and which are refused unseen."""

import struct
from collections.abc import Callable
from functools import partial

import pytest

from claude_run.dialects.pictures import media_type
from tests.dialects.chats import refusal


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)


def whole_png(width: int, height: int) -> bytes:
    rest = b"\x08\0\0\0\0" + b"crc1" + b"\0\0\0\x02IDATxxcrc2\0\0\0\x03IDATyyycrc3"
    return png(width, height) + rest + b"\0\0\0\0IENDcrc4"


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


def whole_gif(width: int, height: int) -> bytes:
    return gif(width, height) + b"\x80\0\0" + b"colour" + b",pixels"


def whole_jpeg(width: int, height: int) -> bytes:
    return jpeg(width, height) + b"\x03" + b"x" * 9 + b"\xff\xda\0\x0c"


def whole_webp(width: int, height: int) -> bytes:
    made = webp(width, height) + b"pixels"
    return made[:4] + struct.pack("<I", len(made) - 8) + made[8:]


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
    assert media_type(made(2000, 2000), "url") == kind
    error = refusal(lambda: media_type(made(8001, 8000), "url"))
    assert "8001 x 8000 pixels" in error.message
    for cut in (made(9, 9)[:-2], made(9, 9)[:8], b"no picture"):
        assert refusal(partial(media_type, cut, "url")).param == "url"


# What is left out of each at its end, if Claude Code still reads it, and if it does not.
ENDS = {
    whole_png: ((0, 12, 16), (17, 18, 34, 45)),
    whole_gif: ((0, 6), (7, 9)),
    whole_jpeg: ((0, 2), (3, 10)),
    whole_webp: ((0,), (1, 6)),
}


@pytest.mark.parametrize(
    ("made", "ends"), ENDS.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_a_picture_that_would_be_made_smaller_is_refused_where_it_is_cut_off(
    made: Callable[[int, int], bytes], ends: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    large, small, (read, unread) = made(2001, 9), made(2000, 9), ends
    kind = media_type(made(8000, 8000), "url")
    for end in read:
        assert media_type(large[: len(large) - end], "url") == kind
    for end in unread:
        assert media_type(small[:-end], "url") == kind
        error = refusal(partial(media_type, large[:-end], "url"))
        assert (error.param, "cut off" in error.message) == ("url", True)


def test_a_picture_of_nothing_is_none() -> None:
    assert "has no size" in refusal(lambda: media_type(png(0, 5), "url")).message


def test_a_picture_of_nothing_but_segments_is_not_gone_through() -> None:
    for filling in (b"\xff\xe1\0\0", b"\xff"):
        endless = b"\xff\xd8\xff" + filling * 2_000_000
        assert "has no size" in refusal(partial(media_type, endless, "url")).message
