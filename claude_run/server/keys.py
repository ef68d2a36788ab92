"""Where clients put their key.

Nothing but the standard library: it is read, too, where the rest could not be imported.
"""

from collections.abc import Mapping
from email.message import Message
from typing import Final

_OTHERS: Final = ("x-api-key", "api-key")
"""Headers in which clients of Anthropic's and Azure's put it."""


def key_in(headers: Mapping[str, str] | Message) -> str:
    """The key that a request brought, as it is; empty where it brought none. The names of
    `headers` are found in any case."""
    scheme, _, token = str(headers.get("authorization", "")).partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return next((str(headers[name]) for name in _OTHERS if name in headers), "")
