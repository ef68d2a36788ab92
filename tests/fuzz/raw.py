"""HTTP as no library writes it: whole requests, cut, doubled, shuffled and with other bytes."""

from typing import Final

from hypothesis import strategies as st

_BODY: Final = b'{"model": "sonnet", "messages": [{"role": "user", "content": "hi"}]}'
_KEY: Final = b"Authorization: Bearer KEY"
_LENGTH: Final = b"Content-Length: %d" % len(_BODY)
_LINES: Final = (
    b"POST /v1/chat/completions HTTP/1.1",
    b"GET /v1/models HTTP/1.1",
    b"HEAD /health HTTP/1.0",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT localhost:1 HTTP/1.1",
    b"DELETE /v1/responses/../../x HTTP/1.1",
    b"GET http://localhost/v1/models?a=%00 HTTP/1.1",
    b"GET /v1/models/%ff%0a%0d HTTP/1.1",
    b"GET /v1/responses/x/input_items?limit=1e9&after=%00 HTTP/1.1",
    b"PRI * HTTP/2.0",
)
_HEADERS: Final = (
    b"Host: localhost",
    b"Host: [::1]:9",
    b"Host: [",
    b"Host:",
    b"Host: 127.0.0.1\tx",
    _KEY,
    b"Authorization: bearer  KEY ",
    b"X-Api-Key: \xff\xfe",
    _LENGTH,
    b"Content-Length: 0",
    b"Content-Length: +5",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Content-Encoding: gzip",
    b"Content-Encoding: deflate",
    b"Content-Type: text/plain; charset=\xe9",
    b"Connection: close",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Expect: 100-continue",
    b"Origin: http://example.com",
    b"A: " + b"b" * 70_000,
    b" folded: header",
    b"No colon",
)
_BODIES: Final = (
    _BODY,
    b"",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"ffffffffffffffffff\r\n",
    b"\x1f\x8b\x08\x00",
    b"{" * 100,
    _BODY * 2,
)
# Most are right, so that what is odd is met behind the door.
_RIGHT: Final = (_LINES[0], b"Host: localhost", _KEY, _LENGTH)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """What is sent over one connection; KEY stands for the key."""
    pieces = [draw(_one()) for _ in range(draw(st.integers(1, 3)))]
    sent = b"".join(pieces)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(sent)))
        odd = draw(st.sampled_from((b"\0", b"\r", b"\n", b"\r\n\r\n", b"\xff", b" ", b"%")))
        cut = draw(st.integers(0, 3))
        sent = sent[:place] + odd + sent[place + cut :]
    return sent[: draw(st.integers(0, len(sent)))] if draw(st.booleans()) else sent


def _one() -> st.SearchStrategy[bytes]:
    line = st.just(_RIGHT[0]) | st.sampled_from(_LINES)
    headers = st.lists(st.sampled_from(_HEADERS), max_size=4)
    right = st.lists(st.sampled_from(_RIGHT[1:]), unique=True).map(list)
    body = st.sampled_from(_BODIES)
    return st.builds(
        lambda line, right, odd, body: b"\r\n".join((line, *right, *odd, b"", b"")) + body,
        line,
        st.just(list(_RIGHT[1:])) | right,
        headers,
        body,
    )
