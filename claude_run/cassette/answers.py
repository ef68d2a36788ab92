"""An answer as it was recorded: its events with their timing, and JSON of them.

In JSON the pieces of one text stand together, so that a person reads the text and a change of
it is one change: "pace" says after how many milliseconds, if any, how many characters came.
Call ids are not kept: a replayed answer is given ids of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from typing_extensions import assert_never

from claude_run.cassette.texts import joined, lines
from claude_run.turn import (
    Failure,
    JsonObject,
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingRedacted,
    ThinkingSigned,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
    Usage,
)

_Whole = (
    TurnStarted | ThinkingSigned | ThinkingRedacted | ToolCallStarted | TurnRestarted | TurnFinished
)
Delta = TextDelta | ThinkingDelta | RefusalDelta
DELTAS: Final[Mapping[str, type[Delta]]] = {
    "text": TextDelta,
    "thinking": ThinkingDelta,
    "refusal": RefusalDelta,
}
_NAMES: Final[Mapping[type[Delta], str]] = {kind: name for name, kind in DELTAS.items()}


_SIGNATURE: Final = "signature"
_REDACTED: Final = "redacted_thinking"


@dataclass(frozen=True, slots=True)
class Timed:
    """`after` counts milliseconds since the event before, or since the request."""

    after: int
    event: TurnEvent


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer. `recorded` is UTC in ISO's form, `by` the version that recorded, and
    `rehearsed` says that a stand-in answered. `failure` ends an answer that has no
    TurnFinished."""

    events: tuple[Timed, ...]
    recorded: str
    by: str
    rehearsed: bool = False
    failure: TurnError | None = None

    @property
    def seconds(self) -> float:
        """How long Claude took."""
        return sum(timed.after for timed in self.events) / 1000

    @property
    def finished(self) -> TurnFinished | None:
        last = self.events[-1].event if self.events else None
        return last if isinstance(last, TurnFinished) else None

    def content(self) -> JsonObject:
        """What a client could tell it from another by, besides ids, times and counts, and what
        nobody but upstream can read."""
        told = to_json(self)
        for name in ("recorded", "by", "rehearsed"):
            told.pop(name, None)
        events = [_timeless(event) for event in told["events"] if not is_sealed(event)]
        return {**told, "events": events}


def is_sealed(event: JsonObject) -> bool:
    """Whether it holds what upstream alone can read, which is another in every answer."""
    return not event.keys().isdisjoint((_SIGNATURE, _REDACTED))


def _timeless(event: JsonObject) -> JsonObject:
    counted = ("after", "pace", "usage", "cost_usd")
    return {name: value for name, value in event.items() if name not in counted}


def to_json(answer: Recorded) -> JsonObject:
    told: JsonObject = {"recorded": answer.recorded, "by": answer.by}
    if answer.rehearsed:
        told["rehearsed"] = True
    told["events"] = list(_events(answer.events))
    if answer.failure is not None:
        told["failure"] = _failure(answer.failure)
    return told


def from_json(told: JsonObject) -> Recorded:
    """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on what is none."""
    events = tuple(timed for event in told["events"] for timed in _read(event))
    failure = _read_failure(told["failure"]) if "failure" in told else None
    if failure is None and not (events and isinstance(events[-1].event, TurnFinished)):
        raise ValueError("an answer has no end")
    datetime.fromisoformat(told["recorded"])
    return Recorded(events, told["recorded"], str(told["by"]), bool(told.get("rehearsed")), failure)


def settled_events(events: Iterable[Timed]) -> tuple[Timed, ...]:
    """`events` as if the answer had never begun again; the time it took stays."""
    kept: list[Timed] = []
    owed = 0
    for timed in events:
        if isinstance(timed.event, TurnRestarted):
            begun = [t for t in kept if isinstance(t.event, TurnStarted)][:1]
            owed += timed.after + sum(t.after for t in kept) - sum(t.after for t in begun)
            kept = begun
        else:
            kept.append(Timed(timed.after + owed, timed.event))
            owed = 0
    return tuple(kept)


def _events(events: Iterable[Timed]) -> Iterator[JsonObject]:
    run: list[Timed] = []
    for timed in events:
        if run and _kind(run[0].event) != _kind(timed.event):
            yield _written(run)
            run = []
        run.append(timed)
        if _kind(timed.event) is None:
            yield _written(run)
            run = []
    if run:
        yield _written(run)


def _kind(event: TurnEvent) -> object:
    """What the pieces of one run have in common; None for what is never in pieces."""
    match event:
        case TextDelta() | ThinkingDelta() | RefusalDelta():
            return type(event)
        case ToolCallDelta(index):
            return index
        case _:
            return None


def _written(run: list[Timed]) -> JsonObject:
    event = run[0].event
    match event:
        case TextDelta() | ThinkingDelta() | RefusalDelta():
            pieces = [t.event.text for t in run if isinstance(t.event, Delta)]
            return {_NAMES[type(event)]: lines("".join(pieces)), "pace": _pace(run, pieces)}
        case ToolCallDelta(index):
            pieces = [t.event.fragment for t in run if isinstance(t.event, ToolCallDelta)]
            return {"arguments": "".join(pieces), "index": index, "pace": _pace(run, pieces)}
        case _:
            return {**_whole(event), "after": run[0].after}


def _whole(event: _Whole) -> JsonObject:
    """What is never in pieces."""
    match event:
        case TurnStarted(model):
            return {"started": model}
        case ThinkingSigned(signature):
            return {_SIGNATURE: signature}
        case ThinkingRedacted(data):
            return {_REDACTED: data}
        case ToolCallStarted(index, _, name):
            return {"call": name, "index": index}
        case TurnRestarted():
            return {"restarted": True}
        case TurnFinished():
            return _finish(event)
        case _:
            assert_never(event)


def _pace(run: list[Timed], pieces: list[str]) -> str:
    steps = zip(run, pieces, strict=True)
    return " ".join(f"{t.after}:{len(p)}" if t.after else f"{len(p)}" for t, p in steps)


def _finish(event: TurnFinished) -> JsonObject:
    usage = {f.name: getattr(event.usage, f.name) for f in fields(event.usage)}
    told = {
        "finished": event.stop.value,
        "model": event.model,
        "usage": {name: count for name, count in usage.items() if count},
    }
    more = {"stop_string": event.stop_string, "cost_usd": event.cost_usd}
    return {**told, **{name: value for name, value in more.items() if value is not None}}


def _read(told: JsonObject) -> Iterator[Timed]:
    match told:
        case {"started": model, "after": after}:
            yield Timed(after, TurnStarted(model))
        case {"signature": signature, "after": after}:
            yield Timed(after, ThinkingSigned(signature))
        case {"redacted_thinking": data, "after": after}:
            yield Timed(after, ThinkingRedacted(data))
        case {"call": name, "index": index, "after": after}:
            yield Timed(after, ToolCallStarted(index, "", name))
        case {"arguments": text, "index": index, "pace": pace}:
            for after, piece in _pieces(text, pace):
                yield Timed(after, ToolCallDelta(index, piece))
        case {"restarted": True, "after": after}:
            yield Timed(after, TurnRestarted())
        case {"finished": stop, "model": model, "usage": usage, "after": after}:
            more = {name: told.get(name) for name in ("cost_usd", "stop_string")}
            yield Timed(after, TurnFinished(StopReason(stop), Usage(**usage), model, **more))
        case _:
            yield from _read_delta(told)


def _read_delta(told: JsonObject) -> Iterator[Timed]:
    for name, kind in DELTAS.items():
        if name in told:
            for after, piece in _pieces(joined(told[name]), told["pace"]):
                yield Timed(after, kind(piece))
            return
    raise ValueError(f"there is no event with {', '.join(told)}")


def _pieces(text: str, pace: str) -> Iterator[tuple[int, str]]:
    """The pieces of `text`; in one where a person has changed the text since."""
    parted = (step.rpartition(":") for step in pace.split())
    steps = [(int(after or 0), int(length)) for after, _, length in parted]
    if sum(length for _, length in steps) != len(text):
        yield sum(after for after, _ in steps), text
        return
    start = 0
    for after, length in steps:
        yield after, text[start : start + length]
        start += length


def _failure(error: TurnError) -> JsonObject:
    told: dict[str, Any] = {
        "kind": error.failure.value,
        "message": error.message,
        "param": error.param,
        "code": error.code,
        "retry_after": error.retry_after,
    }
    return {name: value for name, value in told.items() if value is not None}


def _read_failure(told: JsonObject) -> TurnError:
    details = {name: value for name, value in told.items() if name not in ("kind", "message")}
    return TurnError(Failure(told["kind"]), told["message"], **details)
