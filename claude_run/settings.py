"""Every option of a run, in one frozen record; flags, environment and library all make it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

Billing = Literal["auto", "subscription", "api-key"]
SessionMode = Literal["recycled", "fresh"]
OnLimit = Literal["fail", "wait", "stop"]
ExtraUsage = Literal["stop", "allow"]
RecordMode = Literal["new", "none", "all"]

LONGEST_LABEL: Final = 80
"""Characters of what calls are labelled with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`host` is an address of this machine or `unix:` and a path, `allow_host` holds further names
    that clients may call it by. `model_map` holds (FROM, TO) pairs, looked at in order. Sizes are
    in bytes, times in seconds. `max_concurrency` and `max_sessions` None are worked out from the
    machine.
    `paid_by` is for the summary, and decided when a bridge starts. `cassette` is a directory
    of recordings and `record` what is done with it, None where the surroundings decide;
    `ignore` and `redact` are RE2 patterns. `replay_speed` is a factor on the recorded pace,
    None replays at once; `recorded_by` is the command that a miss names.
    `label` is for calls that name none; `log` is a directory.
    `max_cost` is in API-equivalent dollars, `max_window` a percentage of the five-hour window.
    With `on_demand` Claude is started by the first call that needs him, and where nobody may pay
    only that call fails: `no_login`, decided as `paid_by` is, says why.
    `cli` is another Claude Code CLI than the one that the SDK brings along. With `in_python`
    messages tell what to write there, otherwise on a command line."""

    host: str = "127.0.0.1"
    allow_host: tuple[str, ...] = ()
    port: int = 0
    billing: Billing = "auto"
    model_map: tuple[tuple[str, str], ...] = ()
    default_model: str | None = None
    max_body: int = 32 * 1024 * 1024
    timeout: float = 600.0
    strict_params: bool = False
    sessions: SessionMode = "recycled"
    max_concurrency: int | None = None
    max_sessions: int | None = None
    rehearse: bool = False
    title: bool = False
    label: str | None = None
    log: str | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_window: float | None = None
    on_limit: OnLimit = "fail"
    max_wait: float | None = None
    extra_usage: ExtraUsage = "stop"
    cli: str | None = None
    paid_by: str = "other"
    on_demand: bool = False
    no_login: str | None = None
    cassette: str | None = None
    record: RecordMode | None = None
    record_errors: bool = False
    ignore: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    repeat: bool = False
    replay_speed: float | None = None
    recorded_by: str | None = None
    in_python: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def with_model(self, model: str | None) -> Settings:
        """With `model` for every name that the map does not mention."""
        if not model:
            return self
        return replace(self, model_map=(*self.model_map, ("*", model)))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The inverse of `to_json`. Raises TypeError on a field that does not exist."""
        raw: dict[str, Any] = json.loads(text)
        return cls(**{name: _frozen(value) for name, value in raw.items()})


SCOPED: Final = frozenset(
    {
        "model_map", "default_model", "max_calls", "max_tokens", "max_cost", "cassette", "record",
        "record_errors", "ignore", "redact", "repeat", "replay_speed", "recorded_by",
    }
)  # fmt: skip
"""The fields that a part of a run may have for itself."""


def _frozen(value: Any) -> Any:
    """JSON knows no tuples: its lists were ours."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def parse_model_map(entries: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`FROM=TO` entries as pairs, order kept.

    Raises:
        ValueError: an entry has no `=`, or nothing on one side of it.
    """
    pairs = []
    for entry in entries:
        source, equals, target = (part.strip() for part in entry.partition("="))
        if not (source and equals and target):
            raise ValueError(
                f"{entry!r} is not FROM=TO; write for example 'gpt-*=sonnet' "
                "or opus=claude-opus-4-7"
            )
        pairs.append((source, target))
    return tuple(pairs)
