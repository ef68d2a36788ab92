"""The record of a call: complete, frozen, and the one source of every figure that is told."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from claude_run.turn import Notice, Overage, PlanWindow, Usage


@dataclass(frozen=True, slots=True)
class CallError:
    """Why a call has no answer: the failure's kind, and what the client was told."""

    kind: str
    status: int
    code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, which is one answer: a request for n choices makes n calls.

    `began` is epoch seconds, every other time is a length in seconds: `queued` until a session
    was ready, `first_token` from the beginning of the call, `seconds` in all. `model` is the
    model that said it answered, `mapped_model` the name that Claude Code was given,
    `asked_model` the client's. `session` is the path: "continued", "spare", "cold" or
    "replayed". The four token counts `input_tokens`, `cache_read_tokens`, `cache_write_tokens`
    and `output_tokens` are disjoint; `reasoning_tokens` are part of `output_tokens`. `cost_usd`
    is what the metered API would have charged. `retry_of` is the request id of the first
    attempt, where this is the same request again after an error. `windows` and `overage` are
    what was last heard of the plan. `at_once` counts the calls in flight when this one had
    begun, itself among them.

    A call without `finish_reason` and `error` has no end of its own: its client went away
    (`client_gone`), or another choice of its request failed.
    """

    request_id: str
    began: float
    choice: int = 0
    endpoint: str = ""
    stream: bool = False
    label: str | None = None
    asked_model: str = ""
    mapped_model: str = ""
    model: str | None = None
    session: str | None = None
    cold_reason: str | None = None
    queued: float = 0.0
    first_token: float | None = None
    seconds: float = 0.0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    finish_reason: str | None = None
    error: CallError | None = None
    client_gone: bool = False
    retry_of: str | None = None
    notices: tuple[Notice, ...] = ()
    windows: tuple[PlanWindow, ...] = ()
    overage: Overage | None = None
    at_once: int = 1

    @property
    def usage(self) -> Usage:
        return Usage(*(getattr(self, member.name) for member in fields(Usage)))

    @property
    def tokens(self) -> int:
        """All that was read and written."""
        return self.usage.prompt_tokens + self.output_tokens

    @property
    def first_id(self) -> str:
        """The request id of the first attempt, which may be this one."""
        return self.retry_of or self.request_id

    @property
    def name(self) -> str:
        """The best known name of the model: who answered, else who was to answer."""
        return self.model or self.mapped_model or self.asked_model

    def to_json(self) -> str:
        """One line. What has its default is left out, so that 200,000 of them stay small."""
        said = {
            name: _plain(value)
            for name, default in _DEFAULTS.items()
            if (value := getattr(self, name)) != default
        }
        return json.dumps(said, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str | bytes) -> "CallRecord":
        """The inverse of `to_json`. Members that are not known are left aside.

        Raises:
            ValueError: `line` is not the record of a call.
        """
        raw = json.loads(line)
        if not isinstance(raw, dict) or "request_id" not in raw or "began" not in raw:
            raise ValueError("not the record of a call")
        known = _DEFAULTS.keys() & raw.keys()
        return cls(**{name: _NESTED.get(name, _same)(raw[name]) for name in known})


_DEFAULTS: Final[Mapping[str, Any]] = {
    member.name: member.default if member.default is not MISSING else None
    for member in fields(CallRecord)
}


def _plain(value: Any) -> Any:
    match value:
        case tuple():
            return [members(item) for item in value]
        case CallError() | Overage():
            return members(value)
        case _:
            return value


def members(value: CallError | Notice | Overage | PlanWindow | Usage) -> dict[str, Any]:
    """A flat record as JSON."""
    return {member.name: getattr(value, member.name) for member in fields(value)}


def _same(value: Any) -> Any:
    return value


_NESTED: Final[Mapping[str, Any]] = {
    "error": lambda raw: CallError(**raw),
    "notices": lambda raw: tuple(Notice(**item) for item in raw),
    "windows": lambda raw: tuple(PlanWindow(**item) for item in raw),
    "overage": lambda raw: Overage(**raw),
}
