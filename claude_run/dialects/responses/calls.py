"""The calls of an answer while they are written, each in the form its tool was written in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from claude_run.dialects.custom import InputReader
from claude_run.dialects.responses.forms import Form, FormKind
from claude_run.dialects.responses.output import Emit, ItemStatus, OutputItem
from claude_run.turn import JsonObject, ToolCallStarted


@dataclass(frozen=True, slots=True)
class Called:
    """A call that began, of the tool that was written in `form`."""

    started: ToolCallStarted
    form: Form


class Call(OutputItem):
    """A call of one of the caller's tools."""

    def __init__(self, index: int, seed: str, emit: Emit, called: Called) -> None:
        super().__init__(index, seed, emit)
        self.started = called.started
        self._form = called.form
        self._pieces: list[str] = []

    def write(self, fragment: str) -> None:
        """The next piece of the arguments' JSON."""
        self._pieces.append(fragment)

    @property
    def _arguments(self) -> str:
        return "".join(self._pieces)

    def _rendered(self, type_: str, status: ItemStatus, **fields: Any) -> JsonObject:
        item = {"id": self.id, "type": type_, "call_id": self.started.id, "name": self._form.name}
        if self._form.namespace is not None:
            item["namespace"] = self._form.namespace
        return {**item, **fields, "status": status}


class FunctionCall(Call):
    prefix = "fc"

    def render(self, status: ItemStatus) -> JsonObject:
        return self._rendered("function_call", status, arguments=self._arguments)

    def write(self, fragment: str) -> None:
        super().write(fragment)
        self._tell("response.function_call_arguments.delta", delta=fragment)

    def close(self, status: ItemStatus) -> JsonObject:
        # A call cut off before its arguments keeps none: "{}" would be one that clients make.
        if status == "completed" and not self._pieces:
            self.write("{}")
        return super().close(status)

    def _finish(self) -> None:
        self._tell(
            "response.function_call_arguments.done",
            name=self._form.name,
            arguments=self._arguments,
        )


class CustomCall(Call):
    """A call whose input is plain text: the text in the arguments, as soon as it can be read."""

    prefix = "ctc"

    def __init__(self, index: int, seed: str, emit: Emit, called: Called) -> None:
        super().__init__(index, seed, emit, called)
        self._input = InputReader()

    def render(self, status: ItemStatus) -> JsonObject:
        return self._rendered("custom_tool_call", status, input=self._input.text)

    def write(self, fragment: str) -> None:
        self._say(self._input.read(fragment))

    def close(self, status: ItemStatus) -> JsonObject:
        if status == "completed":
            self._say(self._input.finish())
        return super().close(status)

    def _say(self, text: str) -> None:
        if text:
            self._tell("response.custom_tool_call_input.delta", delta=text)

    def _finish(self) -> None:
        self._tell("response.custom_tool_call_input.done", input=self._input.text)


class SearchCall(Call):
    """A search for tools that the client carries out."""

    prefix = "tsc"

    def render(self, status: ItemStatus) -> JsonObject:
        return {
            "id": self.id,
            "type": "tool_search_call",
            "call_id": self.started.id,
            "execution": "client",
            "arguments": json.loads(self._arguments or "{}") if status == "completed" else {},
            "status": status,
        }

    def _finish(self) -> None:
        pass  # it is told as a whole


CALLS: Final[Mapping[FormKind, type[Call]]] = {
    "function": FunctionCall,
    "custom": CustomCall,
    "tool_search": SearchCall,
}
"""The item that a call becomes, by the form of its tool."""
