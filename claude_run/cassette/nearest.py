"""Which recording a request is nearest to, and what differs between two documents."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any, Final

from claude_run.cassette.credentials import without_credentials
from claude_run.cassette.files import Recording
from claude_run.cassette.texts import canonical
from claude_run.turn import JsonObject

SHOWN: Final = 4
"""Differences that are told; the rest is counted."""

_CONTEXT: Final = 6
_LONGEST: Final = 60
"""Words and marks: around a difference, and of what differs. What is compared is bounded by it."""

_WORDS: Final = 400
_WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")
_NOTHING: Final = "(nothing)"


class Neighbours:
    """Recordings, to be asked for the one that has most in common with a request."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._known = [(_Features(recording.document), recording) for recording in recordings]

    def nearest(self, document: JsonObject) -> Recording | None:
        own = _Features(document)
        known = max(self._known, key=lambda known: own.nearness(known[0]), default=None)
        return None if known is None else known[1]


def differences(was: JsonObject, now: JsonObject) -> list[str]:
    """What differs, field by field, `was` first, in words for a person."""
    before, after = dict(leaves(was)), dict(leaves(now))
    places = sorted(before.keys() | after.keys(), key=_order(before, after))
    return [
        f"{place}: {_difference(before.get(place), after.get(place))}"
        for place in places
        if before.get(place) != after.get(place)
    ]


class _Features:
    def __init__(self, document: JsonObject) -> None:
        self.turns = [canonical(turn) for turn in document["turns"]]
        self.rest = {name: value for name, value in document.items() if name != "turns"}
        last = " ".join(text for _, text in leaves({"turns": document["turns"][-1:]}))
        self.words = set(last.split()[:_WORDS])

    def nearness(self, other: "_Features") -> float:
        pairs = zip(self.turns, other.turns, strict=False)
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        names = self.rest.keys() | other.rest.keys()
        equal: float = sum(self.rest.get(n) == other.rest.get(n) for n in names) / len(names)
        either: int = len(self.words | other.words)
        alike: float = len(self.words & other.words) / either if either else 1.0
        return shared + equal + alike - abs(len(self.turns) - len(other.turns)) / 2


def leaves(document: JsonObject) -> Iterator[tuple[str, str]]:
    """Every value in `document`, with the place where it stands as a person would say it."""
    for name, value in document.items():
        if name != "turns":
            yield from _flat(value, name)
    for number, turn in enumerate(document.get("turns", ()), 1):
        for role, parts in turn.items():
            place = f"turn {number} ({role})"
            if not parts:
                yield place, "(empty)"
            for index, part in enumerate(parts, 1):
                where = f"{place}, part {index}" if len(parts) > 1 else place
                yield from _flat(part, where, ", ")


def _flat(value: Any, place: str, between: str = ".") -> Iterator[tuple[str, str]]:
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from _flat(inner, f"{place}{between}{name}")
        case list() if value:
            for number, inner in enumerate(value):
                yield from _flat(inner, f"{place}[{number}]")
        case str():
            yield place, value
        case _:
            yield place, canonical(value).decode()


def _order(before: Mapping[str, str], after: Mapping[str, str]) -> Any:
    ranks = {place: rank for rank, place in enumerate((*before, *after))}
    return lambda place: ranks[place]


def _difference(was: str | None, now: str | None) -> str:
    if was is None or now is None:
        return f"{_short(was)} → {_short(now)}"
    return word_diff(without_credentials(was), without_credentials(now))


def _short(text: str | None) -> str:
    return _NOTHING if text is None else _cut(_WORD.findall(without_credentials(text)))


def word_diff(was: str, now: str) -> str:
    """The words that differ, as wdiff writes them, with a few that do not around them."""
    old, new = _WORD.findall(was), _WORD.findall(now)
    same = len(_common(old, new))
    end = len(_common(old[same:][::-1], new[same:][::-1]))
    before, after = old[:same], old[len(old) - end :]
    middle = _marked(old[same : len(old) - end], new[same : len(new) - end])
    head = ("…" if len(before) > _CONTEXT else "") + "".join(before[-_CONTEXT:])
    tail = "".join(after[:_CONTEXT]) + ("…" if len(after) > _CONTEXT else "")
    return " ".join(f"{head}{middle}{tail}".splitlines())


def _common(one: list[str], other: list[str]) -> list[str]:
    pairs = zip(one, other, strict=False)
    return [pair[0] for pair in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _marked(old: list[str], new: list[str]) -> str:
    if max(len(old), len(new)) > _LONGEST:
        return _change(old, new)
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return "".join(
        "".join(old[a:b]) if kind == "equal" else _change(old[a:b], new[c:d])
        for kind, a, b, c, d in blocks
    )


def _change(old: list[str], new: list[str]) -> str:
    gone = f"[-{_cut(old)}-]" if old else ""
    return gone + (f"{{+{_cut(new)}+}}" if new else "")


def _cut(words: list[str]) -> str:
    return "".join(words[:_LONGEST]) + ("…" if len(words) > _LONGEST else "")
