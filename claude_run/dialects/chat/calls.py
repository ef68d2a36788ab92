"""The calls of a stream while they are written: the pieces that each is told in."""

from abc import ABC, abstractmethod

from claude_run.dialects.custom import InputReader
from claude_run.turn import JsonObject, ToolCallStarted


class OpenCall(ABC):
    """A call that began. A piece is empty where there is nothing to tell."""

    def __init__(self, started: ToolCallStarted) -> None:
        self.started = started

    @abstractmethod
    def head(self) -> JsonObject:
        """The first piece, which alone has the call's id, type and name."""

    @abstractmethod
    def write(self, fragment: str) -> JsonObject:
        """What the next piece of the arguments' JSON adds."""

    @abstractmethod
    def end(self, *, whole: bool) -> JsonObject:
        """What is still to be told; `whole` is false where the model was cut off."""


class FunctionCall(OpenCall):
    """No arguments at all become an empty object, since clients parse whatever there is."""

    def __init__(self, started: ToolCallStarted) -> None:
        super().__init__(started)
        self._is_empty = True

    def head(self) -> JsonObject:
        function = {"name": self.started.name, "arguments": ""}
        return {"id": self.started.id, "type": "function", "function": function}

    def write(self, fragment: str) -> JsonObject:
        if not fragment:
            return {}
        self._is_empty = False
        return {"function": {"arguments": fragment}}

    def end(self, *, whole: bool) -> JsonObject:  # noqa: ARG002 - cut off, it is none the less
        return self.write("{}") if self._is_empty else {}


class CustomCall(OpenCall):
    """A call whose input is plain text."""

    def __init__(self, started: ToolCallStarted) -> None:
        super().__init__(started)
        self._input = InputReader()

    def head(self) -> JsonObject:
        custom = {"name": self.started.name, "input": ""}
        return {"id": self.started.id, "type": "custom", "custom": custom}

    def write(self, fragment: str) -> JsonObject:
        return self._piece(self._input.read(fragment))

    def end(self, *, whole: bool) -> JsonObject:
        return self._piece(self._input.finish()) if whole else {}

    def _piece(self, text: str) -> JsonObject:
        return {"custom": {"input": text}} if text else {}
