"""The shortest text a simple regular expression matches."""

import re
from bisect import bisect_left
from typing import Final

_CLASSES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_NOTHING: Final = frozenset("bBAZ")
_LONGEST: Final = 100_000  # characters
_SAMPLES: Final = "a0A -_.~!"
_BRACES: Final = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_SET: Final = re.compile(r"\[(\^?)((?:\\.|\]?[^\]\\])(?:\\.|[^\]\\])*)\]", re.DOTALL)


def minimal_match(pattern: str, at_least: int = 0) -> str | None:
    """A text of `at_least` characters or more that `pattern` is found in, as short as may be.

    None where there is none to be seen: look-around, references back and flags are not
    understood, and of several alternatives only the first is looked at.
    """
    try:
        extra = bisect_left(range(at_least), at_least, key=lambda more: len(_read(pattern, more)))
        text = _read(pattern, extra).ljust(at_least, "a")
        return text if re.search(pattern, text) else None
    except (_NotSimpleError, re.error):
        return None


def _read(pattern: str, extra: int) -> str:
    """A match in which whatever is repeated is repeated up to `extra` times more."""
    return _Reader(pattern, extra).whole()


class _NotSimpleError(Exception):
    pass


class _Reader:
    """Reads a pattern once from left to right. Each method gives what its part matches."""

    def __init__(self, pattern: str, extra: int) -> None:
        self._rest = pattern
        self._extra = extra

    def whole(self) -> str:
        text = self._choice()
        if self._rest:
            raise _NotSimpleError(self._rest)
        return text

    def _choice(self) -> str:
        first = self._sequence()
        while self._take("|"):
            self._sequence()
        return first

    def _sequence(self) -> str:
        text = ""
        while self._rest and self._rest[0] not in "|)":
            atom, times = self._atom(), self._times()
            if len(atom) * times > _LONGEST:
                raise _NotSimpleError("a text too long to be minimal")
            text += atom * times
        return text

    def _atom(self) -> str:
        if self._rest[0] == "[":
            return self._set()
        match self._next():
            case "(":
                return self._group()
            case "\\":
                return _escaped(self._next())
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "*" | "+" | "?":
                raise _NotSimpleError("nothing to repeat")
            case literal:
                return literal

    def _group(self) -> str:
        if self._take("?") and not self._take(":"):
            raise _NotSimpleError("a group of a special kind")
        text = self._choice()
        if not self._take(")"):
            raise _NotSimpleError("a group without an end")
        return text

    def _set(self) -> str:
        found = _SET.match(self._rest)
        if found is None:
            raise _NotSimpleError("a set without an end")
        self._rest = self._rest[found.end() :]
        negated, members = found.groups()
        first = _escaped(members[1]) if members[0] == "\\" else members[0]
        candidates = _SAMPLES if negated else first
        for candidate in candidates:
            if re.fullmatch(found[0], candidate):
                return candidate
        raise _NotSimpleError("a set without a member at hand")

    def _times(self) -> int:
        times = self._quantity()
        self._take("?")
        return times

    def _quantity(self) -> int:
        if self._take("?"):
            return 0
        if self._take("*"):
            return self._extra
        if self._take("+"):
            return 1 + self._extra
        if not (braces := _BRACES.match(self._rest)):
            return 1
        self._rest = self._rest[braces.end() :]
        least, comma, most = braces.groups()
        longer = int(least) + self._extra
        return longer if comma and not most else min(longer, int(most or least))

    def _next(self) -> str:
        if not self._rest:
            raise _NotSimpleError("an end in the middle")
        char, self._rest = self._rest[0], self._rest[1:]
        return char

    def _take(self, char: str) -> bool:
        taken = self._rest.startswith(char)
        if taken:
            self._rest = self._rest[1:]
        return taken


def _escaped(char: str) -> str:
    if char in _NOTHING:
        return ""
    if char in _CLASSES or char in _CONTROLS:
        return _CLASSES.get(char) or _CONTROLS[char]
    if char.isalnum():
        raise _NotSimpleError(f"\\{char}")
    return char
