"""Bytes in `encrypted_content`, as text."""

import base64


def spelt(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read(text: str) -> bytes:
    """
    Raises:
        ValueError: `text` is not spelt so.
    """
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
