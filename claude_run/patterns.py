"""Regular expressions that people write, matched in time linear in the text.

Python's own engine tries every way a pattern can match: `(a+)+$` on forty letters would hold
the whole bridge up. RE2 has neither backreferences nor lookaround, and no such pattern.
"""

from typing import Protocol

import re2


class Pattern(Protocol):
    def search(self, text: str) -> object | None: ...
    def sub(self, replacement: str, text: str) -> str: ...


class PatternError(ValueError):
    """Not a pattern, in words for the person who wrote it."""


def compiled(pattern: str) -> Pattern:
    """`pattern`, ready to use.

    Raises:
        PatternError: it cannot be read, needs what RE2 does not have, or matches no text at all.
    """
    options = re2.Options()
    options.log_errors = False  # they would go to stderr, beside the error raised
    try:
        made: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        [reason] = error.args or ("",)
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(
            f"{pattern!r} is not a regular expression of RE2 ({text}). RE2 has no lookaround"
            " and no backreferences: no pattern of it can freeze a run."
        ) from None
    if made.search("") is not None:
        raise PatternError(
            f"{pattern!r} matches where there is nothing, and so between all letters."
        )
    return made
