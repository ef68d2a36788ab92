"""The endpoints that answer, and what goes wrong at each of them in the same way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import anthropic
import openai
from openai.types.chat import ChatCompletionMessageParam

from claude_run.rehearsal.answers import Refuse
from claude_run.turn import JsonObject

HELLO: Final[list[ChatCompletionMessageParam]] = [{"role": "user", "content": "hello"}]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`prompt` names the field with the conversation, `hello` is one of a single turn, and
    `text_of` finds the answer. `create` asks for `hello`, as a stream or not, and reads all of
    what comes. `own` are its own bad requests: what replaces which fields, and what is named;
    `wanted` is what every request needs besides."""

    path: str
    prompt: str
    hello: object
    create: Callable[[Any, bool], object]
    text_of: Callable[[JsonObject], object]
    own: tuple[tuple[JsonObject, str], ...] = ()
    wanted: JsonObject = field(default_factory=dict)

    def body(self, **fields: object) -> JsonObject:
        return {"model": "sonnet", self.prompt: self.hello, **self.wanted, **fields}

    def __str__(self) -> str:
        return self.path.removeprefix("/v1/")


def _chat(client: openai.OpenAI, stream: bool) -> object:
    answer = client.chat.completions.create(model="sonnet", messages=HELLO, stream=stream)
    return _read(answer)


def _response(client: openai.OpenAI, stream: bool) -> object:
    return _read(client.responses.create(model="sonnet", input="hello", stream=stream))


def _completion(client: openai.OpenAI, stream: bool) -> object:
    return _read(client.completions.create(model="sonnet", prompt="hello", stream=stream))


def _message(client: anthropic.Anthropic, stream: bool) -> object:
    answer = client.messages.create(model="sonnet", max_tokens=500, messages=HELLO, stream=stream)  # type: ignore[arg-type]  # what is the same in both
    return list(answer) if stream else answer


def _read(answer: object) -> object:
    return list(answer) if isinstance(answer, openai.Stream) else answer


CHAT: Final = Endpoint(
    "/v1/chat/completions",
    "messages",
    HELLO,
    _chat,
    lambda body: body["choices"][0]["message"]["content"],
    (
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"n": 0}, "n"),
    ),
)
RESPONSES: Final = Endpoint(
    "/v1/responses",
    "input",
    "hello",
    _response,
    lambda body: body["output"][0]["content"][0]["text"],
    (
        ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type"),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
            "input[0].call_id",
        ),
        ({"instructions": ["x"]}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"metadata": {"number": 1}}, "metadata.number"),
        ({"previous_response_id": 5}, "previous_response_id"),
        ({"reasoning": {"effort": "some"}}, "reasoning.effort"),
        ({"reasoning": "much"}, "reasoning"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ),
)
COMPLETIONS: Final = Endpoint(
    "/v1/completions",
    "prompt",
    "hello",
    _completion,
    lambda body: body["choices"][0]["text"],
    (
        ({"prompt": [[1, 2]]}, "prompt[0]"),
        ({"n": 0}, "n"),
        ({"echo": "yes"}, "echo"),
        ({"suffix": "the end"}, "suffix"),
        ({"max_tokens": 0}, "max_tokens"),
    ),
)
MESSAGES: Final = Endpoint(
    "/v1/messages",
    "messages",
    HELLO,
    _message,
    lambda body: body["content"][0]["text"],
    (
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "I"}]}, "messages"),
        ({"temperature": 1.5}, "temperature"),
        ({"system": 1}, "system"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]}, "tools[0].type"),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, "mcp_servers"),
        ({"thinking": {"type": "much"}}, "thinking.type"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type"),
        ({"container": "c"}, "container"),
    ),
    {"max_tokens": 500},
)
ENDPOINTS: Final = (CHAT, RESPONSES, COMPLETIONS)
"""Those of OpenAI's."""
EVERY_ENDPOINT: Final = (*ENDPOINTS, MESSAGES)


def bad_requests(endpoint: Endpoint) -> Iterator[tuple[object, str | None]]:
    """Bodies, and the field that the refusal of each names."""
    prompt = endpoint.prompt
    yield [], None
    yield "hello", None
    yield {prompt: endpoint.hello, **endpoint.wanted}, "model"
    yield endpoint.body(model=5), "model"
    yield {"model": "sonnet", **endpoint.wanted}, prompt
    yield endpoint.body(**{prompt: []}), prompt
    yield endpoint.body(**{prompt: 1}), prompt
    yield endpoint.body(**{prompt: [1]}), f"{prompt}[0]"
    yield endpoint.body(temperature="hot"), "temperature"
    yield endpoint.body(stream="yes"), "stream"
    yield endpoint.body(user="\ud800"), "user"
    yield from ((endpoint.body(**changes), param) for changes, param in endpoint.own)


BAD_REQUESTS: Final = tuple(
    (endpoint, *row) for endpoint in ENDPOINTS for row in bad_requests(endpoint)
)

FAILURES: Final[tuple[tuple[Refuse, int, str, str | None], ...]] = (
    (
        Refuse(401, "authentication_error", "bad token"),
        401,
        "authentication_error",
        "claude_login_required",
    ),
    (
        Refuse(403, "permission_error", "not yours"),
        403,
        "permission_error",
        "permission_denied",
    ),
    (
        Refuse(404, "not_found_error", "model: nope"),
        404,
        "invalid_request_error",
        "model_not_found",
    ),
    (
        Refuse(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    (
        Refuse(400, "invalid_request_error", "messages.0: image is broken"),
        400,
        "invalid_request_error",
        None,
    ),
    (
        Refuse(
            400,
            "invalid_request_error",
            "Third-party apps now draw from your extra usage, not your plan limits.",
        ),
        403,
        "billing_error",
        "billing_not_active",
    ),
    (
        Refuse(429, "rate_limit_error", "slow down"),
        429,
        "rate_limit_error",
        "rate_limit_exceeded",
    ),
    (Refuse(529, "overloaded_error", "Overloaded"), 503, "server_error", "overloaded"),
    (Refuse(500, "api_error", "boom"), 502, "server_error", "upstream_error"),
)
"""What upstream refuses with, and the status, type and code a client gets for it."""
