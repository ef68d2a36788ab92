"""The stream of several choices at once: chunks of each as they come, usage and [DONE] last."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from claude_run.dialects.dialect import Event
from claude_run.dialects.errors import body_of
from claude_run.turn import JsonObject, TurnError, TurnEvent, TurnFinished, Usage

DONE: Final = Event("[DONE]")

UsageChunk = Callable[[Sequence[Usage], str], JsonObject]
"""Makes the last chunk of all usages and the model."""


class ChoiceWriter(Protocol):
    def write(self, event: TurnEvent) -> list[JsonObject]: ...


class ChoicesWriter:
    """`writers` holds one for each choice; `usage_chunk` is None where none was asked for."""

    def __init__(self, writers: Sequence[ChoiceWriter], usage_chunk: UsageChunk | None) -> None:
        self._writers = writers
        self._usage_chunk = usage_chunk
        self._usages: list[Usage] = []
        self._model = ""

    def write(self, index: int, event: TurnEvent) -> list[Event]:
        if isinstance(event, TurnFinished):
            self._usages.append(event.usage)
            self._model = event.model
        return [Event(chunk) for chunk in self._writers[index].write(event)]

    def end(self) -> list[Event]:
        if self._usage_chunk is None:
            return [DONE]
        return [Event(self._usage_chunk(self._usages, self._model)), DONE]

    def fail(self, error: TurnError) -> list[Event]:
        return [Event(body_of(error), "error")]
