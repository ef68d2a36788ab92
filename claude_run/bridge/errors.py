"""What goes wrong with a bridge, in words for the person who asked."""

from __future__ import annotations


class BridgeError(Exception):
    """The bridge could not start, has ended, or is not used as it is meant."""


class AnswerError(BridgeError):
    """There is no answer, or only part of one; the message says why.

    `status` is the HTTP status, None where the bridge could not be reached or the answer broke
    off; `type` and `code` are those of OpenAI's error envelope."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the envelope's own word
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.code = code
