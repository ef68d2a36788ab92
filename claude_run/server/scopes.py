"""Scopes: the calls of one label, with rules of their own for as long as a scope is open.

A test, say, has its own budget, map of models and cassette, and what it asked can be told when it
has failed. Whoever has the run's key opens and closes scopes; their cassettes stand below one
directory.
"""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from claude_run.cassette.cassette import Cassette
from claude_run.cassette.files import CassetteError
from claude_run.claude.names import ModelName, resolve, unknown_target
from claude_run.login import has_names_of_its_own
from claude_run.option_values import value
from claude_run.server.caller import caller, clean_label
from claude_run.server.gate import Gate
from claude_run.server.gated import Budgeted
from claude_run.server.lines import Lines
from claude_run.server.logged import Keep
from claude_run.settings import LONGEST_LABEL, SCOPED, Settings
from claude_run.turn import (
    Answerer,
    Emit,
    Failure,
    JsonObject,
    Trace,
    TurnError,
    TurnRequest,
    bad_request,
)
from claude_run.usage.log import told
from claude_run.usage.record import CallRecord
from claude_run.usage.tally import Tally
from claude_run.usage.words import FREE

MOST_ENTRIES: Final = 20
"""Conversations of a scope that are kept, the last ones."""


class Scope:
    """`answerer` is what its calls are answered by, `settings` are the run's and its own."""

    def __init__(self, label: str, settings: Settings, answerer: Answerer) -> None:
        self.label: Final = label
        self.entries: deque[JsonObject] = deque(maxlen=MOST_ENTRIES)
        self._settings = settings
        self._cassette = _cassette(settings)
        self._answerer = _through(
            self._cassette,
            settings,
            Budgeted(answerer, Gate(settings, Lines(_tells_nobody), whose=label)),
        )
        self._tally = Tally()

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        """As `Answerer` says, within the scope's budget. Raises TurnError."""
        name = resolve(request.model, self._settings)
        try:
            await self._answerer.answer(replace(request, model=name.name), trace, emit)
        finally:
            trace.notices.extend(name.notices)

    def enter(self, record: CallRecord) -> None:
        self._tally.add(record)

    def keep(self, entry: JsonObject) -> None:
        self.entries.append(told(entry))

    def told(self) -> JsonObject:
        """What its calls came to. Times are seconds, dollars what the metered API would charge,
        None where nobody pays."""
        totals = self._tally.totals()
        sums = totals.together
        return {
            "label": self.label,
            "calls": sums.calls,
            "errors": sums.failed,
            "replayed": totals.sessions.get("replayed", 0),
            "seconds": sums.seconds,
            "tokens": sums.usage.prompt_tokens + sums.usage.output_tokens,
            "cost_usd": None if self._settings.paid_by in FREE else sums.cost_usd,
            "conversations": list(self.entries),
        }

    def close(self) -> JsonObject:
        """`told`, and what became of the cassette."""
        cassette = self._cassette.close() if self._cassette is not None else None
        return {**self.told(), "cassette": cassette}


class Scopes:
    """Those that are open, by label. `answerer` answers what is in none of them. `below` is where
    their cassettes may stand, None where nobody may open any."""

    def __init__(self, settings: Settings, answerer: Answerer, below: Path | None) -> None:
        self._settings = settings
        self._answerer = answerer
        self._below = below
        self._open: dict[str, Scope] = {}
        self._unlabelled: str | None = settings.label

    @property
    def unlabelled(self) -> str | None:
        """The label of calls that name none."""
        return self._unlabelled

    async def answer(self, request: TurnRequest, trace: Trace, emit: Emit) -> None:
        scope = self._scope_of_caller()
        await (scope or self._answerer).answer(request, trace, emit)

    def enter(self, record: CallRecord) -> None:
        """The record of a call that has ended."""
        if (scope := self._open.get(record.label or "")) is not None:
            scope.enter(record)

    def keepers(self) -> list[Keep]:
        """Who keeps the conversation of the present request."""
        scope = self._scope_of_caller()
        return [scope.keep] if scope is not None else []

    def open(self, body: Any) -> JsonObject:
        """Open the scope that `body` describes.

        Raises:
            TurnError: it cannot be opened as described.
        """
        label, settings = self._read(body)
        if label in self._open:
            raise bad_request(f"The scope {label!r} is open already.", "label")
        with _blamed_on_the_cassette():
            self._open[label] = Scope(label, settings, self._answerer)
        if body.get("unlabelled"):
            self._unlabelled = label
        return {"label": label}

    def told(self, label: str) -> JsonObject:
        """Raises TurnError: there is no such scope."""
        return self._named(label).told()

    def close(self, label: str) -> JsonObject:
        """Raises TurnError: there is no such scope."""
        scope = self._named(label)
        del self._open[label]
        if self._unlabelled == label:
            self._unlabelled = self._settings.label
        with _blamed_on_the_cassette():
            return scope.close()

    def _scope_of_caller(self) -> Scope | None:
        return self._open.get(caller().label or "")

    def _named(self, label: str) -> Scope:
        if label not in self._open:
            raise TurnError(Failure.NOT_FOUND, f"There is no open scope {label!r}.")
        return self._open[label]

    def _read(self, body: Any) -> tuple[str, Settings]:
        if self._below is None:
            raise TurnError(Failure.PERMISSION, "This bridge has no scopes.")
        match body:
            case {"label": str(label), **more} if label:
                plain = {name: _value(name, more[name]) for name in more if name in SCOPED}
            case _:
                raise bad_request("A scope has a label.", "label")
        if label != clean_label(label):  # its calls would not be found by it
            message = f"The label of a scope is one line of at most {LONGEST_LABEL} characters."
            raise bad_request(message, "label")
        plain["model_map"] = (*plain.get("model_map", ()), *self._settings.model_map)
        unset = {member.name: member.default for member in fields(Settings)}
        budgets = {name: unset[name] for name in ("max_calls", "max_tokens", "max_cost")}
        none = {"cassette": None, "record": None, **budgets, "max_window": None}
        settings = replace(self._settings, **{**none, **plain})
        own_names = has_names_of_its_own(os.environ) and not settings.rehearse
        if not own_names and (unknown := unknown_target(settings)) is not None:
            raise bad_request(unknown.as_keyword, "model_map")
        if settings.cassette is not None:
            self._look_at(Path(settings.cassette))
        return label, settings

    def _look_at(self, cassette: Path) -> None:
        assert self._below is not None  # noqa: S101 - `_read` has looked
        below = self._below.resolve()
        with _blamed_on_the_cassette():
            is_below = cassette.is_absolute() and cassette.resolve().is_relative_to(below)
        if not is_below:
            raise bad_request(f"The cassette {cassette} does not stand below {below}.", "cassette")


def _cassette(settings: Settings) -> Cassette | None:
    if settings.cassette is None:
        return None
    return Cassette(settings, _as_it_is, lambda _: None)


def _through(cassette: Cassette | None, settings: Settings, answerer: Answerer) -> Answerer:
    if cassette is None:
        return answerer
    return cassette.replayer() if settings.record == "none" else cassette.recorder(answerer)


def _as_it_is(name: str) -> ModelName:
    """The scope has looked the model up already."""
    return ModelName(name)


def _value(name: str, given: Any) -> Any:
    try:
        return value(name, given)
    except (TypeError, ValueError) as error:
        raise bad_request(f"{error}.", name) from error


def _tells_nobody(_: JsonObject) -> None:
    """What a scope is refused stands in the error."""


@contextmanager
def _blamed_on_the_cassette() -> Iterator[None]:
    try:
        yield
    except (CassetteError, OSError, ValueError) as error:  # of a path that no file can have
        raise bad_request(str(error), "cassette") from error
