"""What only Claude can tell: a tiny call for each family, and one for each field we pass on."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from claude_run.bridge import Bridge, BridgeError
from claude_run.claude.names import ALIASES
from claude_run.cli.checks.finding import Finding, fault, note, ok
from claude_run.login import LoginError
from claude_run.settings import Settings

Answer: TypeAlias = str | dict[str, Any]
"""A chat completion, or what went wrong."""

_AT_ONCE: Final = 4
"""Calls at once: a person waits a moment, and the machine has not a process for each to start."""

_FAMILIES: Final = ALIASES[:3]
"""Without `fable`, which may draw on paid credits."""

_SECONDS: Final = 120.0
_OTHERWISE: Final = "leave it out of requests, or choose another model"
_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "say",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
    },
}
_SCHEMA: Final = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "temperature": {"temperature": 0.5},
    "top_p": {"top_p": 0.9},
    "top_k": {"top_k": 40},
    "stop": {"stop": ["nothing"]},
    "thinking": {"reasoning_effort": "low"},
    "forced tool": {"tools": [_TOOL], "tool_choice": "required"},
    "schema": {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "word", "schema": _SCHEMA, "strict": True},
        }
    },
}
"""What a request says, by what is to be found out."""


def asked(settings: Settings) -> list[Finding]:
    try:
        with (
            Bridge(settings, title="claude-run check --ask") as bridge,
            ThreadPoolExecutor(_AT_ONCE) as workers,
        ):
            models = [{"model": model, "max_tokens": 16} for model in _FAMILIES]
            fields = [{"model": "sonnet", "max_tokens": 2000, **more} for more in FIELDS.values()]
            answers = [*workers.map(partial(_asked, bridge), [*models, *fields])]
            notices = {told["subject"]: told["text"] for told in bridge.report()["notices"]}
        of_families = dict(zip(_FAMILIES, answers, strict=False))
        of_fields = dict(zip(FIELDS, answers[len(models) :], strict=True))
        return [*_families(of_families), *_fields(of_fields, notices)]
    except (BridgeError, LoginError, ValueError) as error:
        return [fault("bridge", str(error), "see above")]


def _families(answers: Mapping[str, Answer]) -> Iterator[Finding]:
    for model, answer in answers.items():
        if isinstance(answer, str):
            found = fault if model == "sonnet" else note
            yield found(f"ask {model}", answer, "another model may answer: -m")
        else:
            yield ok(f"ask {model}", f"{answer['model']} answers")


def _fields(answers: Mapping[str, Answer], notices: dict[str, str]) -> Iterator[Finding]:
    """A field that a model does not take is left out for it, with a notice: that is not taken."""
    for name, answer in answers.items():
        left_out = notices.pop(f"{name} for sonnet", None)
        if isinstance(answer, str):
            yield note(f"ask {name}", answer, _OTHERWISE)
        elif left_out is not None:
            yield note(f"ask {name}", left_out, _OTHERWISE)
        elif not _is_obeyed(name, answer["choices"][0]["message"]):
            yield note(f"ask {name}", "is taken, and the answer does not show it", _OTHERWISE)
        else:
            yield ok(f"ask {name}", "is taken")
    for text in notices.values():
        yield note("notice", text)


def _is_obeyed(name: str, message: Mapping[str, Any]) -> bool:
    """Where an answer can show it."""
    match name:
        case "forced tool":
            return bool(message.get("tool_calls"))
        case "schema":
            with suppress(ValueError):
                return "word" in json.loads(message["content"] or "")
            return False
        case _:
            return True


def _asked(bridge: Bridge, fields: Mapping[str, Any]) -> Answer:
    body = {"messages": [{"role": "user", "content": "Say the word ok."}], **fields}
    headers = {"Authorization": f"Bearer {bridge.api_key}", "Content-Type": "application/json"}
    url = f"{bridge.base_url}/chat/completions"
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own bridge
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except HTTPError as error:
        return str(json.load(error)["error"]["message"])
    except (URLError, OSError, ValueError) as error:
        return str(error)
