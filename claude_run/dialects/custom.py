"""Custom tools, whose input is plain text: for Claude each is a function of that one text.

What is called is given back as the text alone, as soon as it can be read in the arguments' JSON.
"""

import json
import re
from typing import Final

from claude_run.dialects.reading import at, object_, optional, required, text
from claude_run.dialects.tools import inside
from claude_run.turn import JsonObject
from claude_run.turn.unicode import valid

INPUT: Final = "input"
"""The one argument of a function that stands for a custom tool."""

_OPENING: Final = re.compile(rf'\s*\{{\s*"{INPUT}"\s*:\s*"')
_WHOLE: Final = re.compile(
    r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u(?![dD][89abAB])[0-9a-fA-F]{4}'
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*"
)
"""What is whole of a JSON string that is still being written: no half of an escape, nor of a
pair of them."""


def as_function(tool: JsonObject, name: str, param: str) -> JsonObject:
    """The function called `name` that stands for `tool`, which lies at `param`.

    Raises:
        TurnError: BAD_REQUEST: the tool is malformed.
    """
    wanted = _wanted(optional(object_, tool, "format", param) or {}, at(param, "format"))
    told = optional(text, tool, "description", param) or ""
    argument = {"type": "string", "description": f"The tool's whole input, as plain text.{wanted}"}
    return {
        "name": name,
        "description": f"{told}\n\nCall it with that text, unchanged, as `{INPUT}`.".strip(),
        "parameters": {
            "type": "object",
            "properties": {INPUT: argument},
            "required": [INPUT],
            "additionalProperties": False,
        },
    }


def _wanted(format_: JsonObject, path: str) -> str:
    """What the input must look like. Nothing holds Claude to a grammar, but it reads one."""
    if format_.get("type") != "grammar":
        return ""
    grammar, path = inside(format_, "grammar", path)
    syntax = text(required(grammar, "syntax", path), at(path, "syntax"))
    definition = text(required(grammar, "definition", path), at(path, "definition"))
    return f" It must match this {syntax} grammar:\n{definition}"


def arguments_of(input_: object, param: str) -> JsonObject:
    """The arguments of an earlier call with that input."""
    return {INPUT: text(input_ or "", param)}


class InputReader:
    """Reads the input of one call out of its arguments while they are written.

    `text` is what was read so far.
    """

    def __init__(self) -> None:
        self.text = ""
        self._arguments: list[str] = []
        self._unread = ""
        self._is_open = False

    def read(self, fragment: str) -> str:
        """What the next piece of the arguments' JSON adds to the text."""
        self._arguments.append(fragment)
        self._unread += fragment
        if not self._is_open and (opening := _OPENING.match(self._unread)):
            self._is_open, self._unread = True, self._unread[opening.end() :]
        if not (self._is_open and (whole := _WHOLE.match(self._unread))):
            return ""
        self._unread = self._unread[whole.end() :]
        return self._add(json.loads(f'"{whole[0]}"'))

    def finish(self) -> str:
        """What is still to be added, now that the arguments are whole."""
        whole = _input_in("".join(self._arguments))
        return self._add(whole[len(self.text) :]) if whole.startswith(self.text) else ""

    def _add(self, text: str) -> str:
        added = valid(text)
        self.text += added
        return added


def _input_in(arguments: str) -> str:
    """The text that `arguments` hold; what has another shape is the text itself."""
    try:
        value = json.loads(arguments or "{}")
    except ValueError:
        return valid(arguments)
    if value == {}:
        return ""
    text = value.get(INPUT) if isinstance(value, dict) else None
    return valid(text if isinstance(text, str) else arguments)
