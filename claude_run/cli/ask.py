"""`claude-run ask`: one question, asked of the bridge that is there or of one started for it.

The answer is on stdout, everything else on stderr.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from claude_run import login
from claude_run.bridge import Bridge, BridgeError
from claude_run.cli.answers import (
    Answers,
    Page,
    printed_as_it_comes,
    printed_as_json,
    printed_by_number,
)
from claude_run.cli.arguments import UsageError
from claude_run.cli.attachments import content_of, part
from claude_run.cli.options import SETTINGS
from claude_run.cli.piped import as_text, is_piped, read_all
from claude_run.cli.question import AskError, Endpoint, chunks, endpoint_in
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.turn import JsonObject

FAILED: Final = 1
BRIDGE_FAILED: Final = 125
PIPED: Final = "-"


def act(call: Call) -> int:
    values = call.values
    before, model = _before(call)
    body = _body(values, [*before, *_question(call.words, values)], model)
    answers = Answers(values["n"])
    try:
        with _endpoint(call) as endpoint:
            _print(chunks(body, endpoint), answers, values)
    except AskError as error:
        say(str(error))
        return FAILED
    except (BridgeError, login.LoginError) as error:
        say(str(error))
        return BRIDGE_FAILED
    if (values["keep"] or values["continue_"]) and values["n"] == 1:
        from claude_run.cli.kept import keep  # noqa: PLC0415 - it needs platformdirs

        said = {"role": "assistant", "content": answers.answers[0].text}
        keep([*body["messages"], said], model)
    return 0


def _before(call: Call) -> tuple[Sequence[JsonObject], str]:
    """The messages to go on from, and the model to ask: the one that was asked before, unless
    another is named."""
    model = call.values["model"]
    if not call.values["continue_"]:
        return (), model
    if call.values["n"] > 1:
        raise UsageError("--continue goes on with one answer; leave -n out")
    from claude_run.cli.kept import kept  # noqa: PLC0415

    if (conversation := kept()) is None:
        if not call.values["quiet"]:
            say("no conversation was kept as yet; this one begins")
        return (), model
    return conversation.messages, model if "model" in call.given else conversation.model or model


@contextmanager
def _endpoint(call: Call) -> Iterator[Endpoint]:
    """Where to ask: an option that is for a bridge asks for one of its own."""
    there = None if call.given & SETTINGS else endpoint_in(os.environ)
    if there is not None:
        yield there
        return
    with Bridge(call.settings, alarms=False) as bridge:  # what fails is said here
        bridge.wait_ready()
        yield Endpoint(bridge.base_url, bridge.api_key)


def _body(values: Mapping[str, Any], messages: Sequence[JsonObject], model: str) -> JsonObject:
    body: JsonObject = {"model": model, "messages": [*messages], "stream": _streams(values)}
    if _streams(values):
        body["stream_options"] = {"include_usage": True}
    if values["n"] > 1:
        body["n"] = values["n"]
    if values["effort"]:
        body["reasoning_effort"] = values["effort"]
    if values["schema"]:
        described = {"name": "answer", "schema": _schema(values["schema"])}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    return body


def _streams(values: Mapping[str, Any]) -> bool:
    """What must fit a schema is only known to once it is whole."""
    return bool(values["stream"] and not values["schema"] and not values["json"])


def _schema(path: str) -> JsonObject:
    try:
        schema = json.loads(content_of(path))
    except ValueError as error:
        raise UsageError(f"--schema {path} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise UsageError(f"--schema {path} is no JSON schema: an object is wanted")
    return schema


def _question(words: Sequence[str], values: Mapping[str, Any]) -> Iterator[JsonObject]:
    """The messages of the question: who Claude is to be, and what is asked: files first, then what
    is piped in, then the words."""
    asked = " ".join(word for word in words if word != PIPED).strip()
    if any("\udc80" <= character <= "\udcff" for character in asked + (values["system"] or "")):
        raise UsageError("what was typed is not UTF-8 text")
    in_file = PIPED in values["file"]
    wanted = PIPED in words or is_piped()
    piped = read_all() if in_file or wanted else b""
    parts = [
        part("what is piped in", piped) if path == PIPED else part(path, content_of(path))
        for path in values["file"]
    ]
    material = "" if in_file else as_text(piped, "what is piped in")
    text = "\n\n".join(said for said in (material, asked) if said.strip())
    if not (text or parts):
        raise UsageError(
            "PROMPT: there is nothing to ask; write for example claude-run ask what is a monad, or "
            "git diff | claude-run ask summarise this"
        )
    if values["system"]:
        yield {"role": "system", "content": values["system"]}
    content = [*parts, *([{"type": "text", "text": text}] if text else [])]
    yield {"role": "user", "content": content if parts else text}


def _print(answer: Iterator[JsonObject], answers: Answers, values: Mapping[str, Any]) -> None:
    if values["json"]:
        printed_as_json(answer, answers, Page(), is_structured=bool(values["schema"]))
    elif values["n"] > 1:
        printed_by_number(answer, answers, Page())
    else:
        printed_as_it_comes(answer, answers, Page())
