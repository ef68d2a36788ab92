"""A part of a run with rules of its own: a test, an evaluation, a stage of a pipeline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from claude_run.bridge.face import Face
from claude_run.bridge.keywords import did_you_mean, settings_of
from claude_run.cassette.mode import settled
from claude_run.settings import SCOPED

if TYPE_CHECKING:
    from types import TracebackType

    from claude_run.bridge.calls import Address
    from claude_run.turn import JsonObject


class Scope(Face):
    """The calls labelled `label` of the bridge behind `face`, for the length of a `with` block.

    `options` are the fields of Settings that may be a scope's own (model_map, max_calls,
    max_tokens, max_cost, cassette, record and their like). With `unlabelled`, calls that have no
    label are this scope's, too. `outcome` is what it came to, once the block is over."""

    def __init__(
        self, face: Face, label: str, options: JsonObject, *, unlabelled: bool = False
    ) -> None:
        super().__init__(face.base_url, face.api_key, label=label)
        self.outcome: JsonObject = {}
        self._face = face
        self._body = {"label": label, "unlabelled": unlabelled, **options}

    def cause(self, patience: float = 0.0) -> str | None:
        return self._face.cause(patience)

    def address(self) -> Address:
        return self._face.address()

    def told(self) -> JsonObject:
        """What its calls came to so far, and its last conversations."""
        return dict(self._asked(self._path))

    def __enter__(self) -> Scope:
        self._asked("/scopes", self._body)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.outcome = dict(self._asked(self._path, method="DELETE"))

    @property
    def _path(self) -> str:
        return f"/scopes/{quote(self.label or '', safe='')}"


def options_of(given: dict[str, Any]) -> JsonObject:
    """`given`, read as a Bridge reads its options; only those that were given.

    Raises:
        TypeError: there is no such option, or it takes another type.
        ValueError: it takes no such value.
    """
    if others := sorted(set(given) - SCOPED):
        raise TypeError(f"a scope has no option {others[0]!r}{did_you_mean(others[0], SCOPED)}")
    settings = settled(settings_of(None, given), os.environ)
    decided = {"record", "recorded_by"} if settings.cassette is not None else set()
    return {name: getattr(settings, name) for name in {*given, *decided}}
