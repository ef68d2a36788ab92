"""A request in a file, in whichever dialect it is, as a cassette knows it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from claude_run.cassette.document import asked
from claude_run.cassette.files import CassetteError
from claude_run.cassette.masks import Masks, masked
from claude_run.claude.names import resolve
from claude_run.dialects.chat import parse_chat
from claude_run.dialects.completions import parse_completion
from claude_run.dialects.messages import parse_messages
from claude_run.dialects.responses import parse_response
from claude_run.settings import Settings
from claude_run.turn import JsonObject, TurnRequest

_ANTHROPICS = frozenset({"system", "stop_sequences", "thinking", "output_config"})
"""Members that a body of Anthropic's has and a chat has not."""


def document_in(path: Path, masks: Masks, settings: Settings) -> JsonObject:
    """What the body in `path` asks. Of a completion with several prompts it is the first.

    Raises:
        CassetteError: the file cannot be read, or holds no JSON object.
        TurnError: the body is none that would be answered.
    """
    try:
        body = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CassetteError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(body, dict):
        raise CassetteError(f"{path} is not the body of a request: it holds no object")
    request = _parsed(body)
    name = resolve(request.model, settings).name
    return masked(asked(request, name).document, masks)


def _parsed(body: JsonObject) -> TurnRequest:
    if "prompt" in body:
        return parse_completion(body, strict=False).requests[0]
    parse: Callable[..., Any] = parse_response
    if "messages" in body:
        is_anthropics = not _ANTHROPICS.isdisjoint(body) or any(_anthropics_tools(body))
        parse = parse_messages if is_anthropics else parse_chat
    request: TurnRequest = parse(body, strict=False).request
    return request


def _anthropics_tools(body: JsonObject) -> Iterator[bool]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        yield isinstance(tool, dict) and "input_schema" in tool
