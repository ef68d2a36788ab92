"""The legacy text completions dialect: prompts to turns, and answers to choices of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import assert_never

from claude_run.dialects.chat.answer import usage
from claude_run.dialects.fields import Field, Treatment, sift, table
from claude_run.dialects.reading import (
    boolean,
    elements,
    integer,
    model_name,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.sampling import sampling
from claude_run.turn import (
    Answer,
    Failure,
    JsonObject,
    Notice,
    RefusalDelta,
    StopReason,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnRestarted,
    TurnStarted,
    Usage,
    UserTurn,
    bad_request,
)

HONOURED: Final = Treatment.HONOURED
IGNORED: Final = Treatment.IGNORED
REFUSED: Final = Treatment.REFUSED

COMPLETION_FIELDS: Final[Mapping[str, Field]] = table(
    Field("model", HONOURED, "An alias, a Claude id, or a name that is mapped to one."),
    Field("prompt", HONOURED, "A user message; each of several texts is a request of its own."),
    Field("stream", HONOURED, "Token by token."),
    Field("stream_options", HONOURED, "`include_usage` adds the usage chunk."),
    Field("n", HONOURED, "1 to 128 answers to each prompt."),
    Field("echo", HONOURED, "Each text begins with its prompt."),
    Field("max_tokens", HONOURED, "The most output tokens; without it Claude's own limit."),
    Field("temperature", HONOURED, "0 to 2; above 1, 1 is used, with a notice."),
    Field("top_p", HONOURED, "0 to 1."),
    Field("top_k", HONOURED, "Not OpenAI's: 1 or more; 0 and -1 mean no limit."),
    Field("stop", HONOURED, "Up to 4 strings; empty ones are dropped."),
    Field("best_of", IGNORED, "Without probabilities there is no best.", harmless=(1,)),
    Field("logprobs", IGNORED, "Claude tells no probabilities; none are made up.", (0, False)),
    Field("frequency_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("presence_penalty", IGNORED, "Claude has no penalties.", harmless=(0,)),
    Field("logit_bias", IGNORED, "Claude's tokens cannot be weighted.", harmless=({},)),
    Field("seed", IGNORED, "Claude takes no seed: answers differ from run to run."),
    Field("user", IGNORED, "The login says who asks."),
    Field("suffix", REFUSED, "Claude does not write towards a given end.", harmless=("",)),
)

FINISH_REASON: Final[Mapping[StopReason, str]] = {
    StopReason.END: "stop",
    StopReason.LENGTH: "length",
    StopReason.TOOL_CALLS: "stop",
    StopReason.REFUSAL: "content_filter",
}

MOST_CHOICES: Final = 128


@dataclass(frozen=True, slots=True)
class CompletionCall:
    """One understood request: `requests` holds one for each choice, in the order of their
    indices, and `echoes` what the text of each choice begins with."""

    requests: tuple[TurnRequest, ...]
    echoes: tuple[str, ...]
    stream: bool = False
    include_usage: bool = False
    notices: tuple[Notice, ...] = ()


def parse_completion(body: object, *, strict: bool) -> CompletionCall:
    """What a request body asks. `strict` refuses what would be done otherwise than asked.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    asked, notices = sift(body, COMPLETION_FIELDS, strict=strict)
    model = model_name(asked)
    steered, clamped = sampling(asked, "max_tokens", strict=strict)
    n = optional(integer, asked, "n", low=1, high=MOST_CHOICES) or 1
    prompts = [prompt for prompt in _prompts(required(asked, "prompt")) for _ in range(n)]
    echo = optional(boolean, asked, "echo") or False
    stream = optional(boolean, asked, "stream") or False
    return CompletionCall(
        requests=tuple(
            TurnRequest(model, (UserTurn(_said(prompt)),), sampling=steered) for prompt in prompts
        ),
        echoes=tuple(prompt if echo else "" for prompt in prompts),
        stream=stream,
        include_usage=stream and _include_usage(asked),
        notices=notices + clamped,
    )


def _prompts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    prompts = list(elements(value, "prompt"))
    if not prompts:
        raise bad_request("prompt must hold at least one text.", "prompt")
    for path, prompt in prompts:
        if isinstance(prompt, int | list):
            raise bad_request(
                "prompt holds tokens, and Claude's are others than OpenAI's: send text.", path
            )
    return [text(prompt, path) for path, prompt in prompts]


def _said(prompt: str) -> tuple[Text, ...]:
    return (Text(prompt),) if prompt else ()


def _include_usage(asked: JsonObject) -> bool:
    options = optional(object_, asked, "stream_options") or {}
    return optional(boolean, options, "include_usage", "stream_options") or False


def text_completion(
    call: CompletionCall,
    answers: Sequence[Answer],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
) -> JsonObject:
    """The whole response; `answers` holds one for each request, `created` is in Unix seconds."""
    texts = [answer.text or answer.refusal for answer in answers]
    return {
        **_frame(id, created, answers[0].finished.model),
        "choices": [
            _choice(index, echo + text, FINISH_REASON[answer.finished.stop])
            for index, (echo, text, answer) in enumerate(
                zip(call.echoes, texts, answers, strict=True)
            )
        ],
        "usage": usage([answer.finished.usage for answer in answers]),
    }


class TextWriter:
    """Writes one choice of a stream; `created` is in Unix seconds."""

    def __init__(
        self,
        call: CompletionCall,
        index: int,
        id: str,  # noqa: A002 - OpenAI's word
        created: int,
    ) -> None:
        self._index = index
        self._echo = call.echoes[index]
        self._frame = _frame(id, created, call.requests[index].model)
        self._usage_to_come = {"usage": None} if call.include_usage else {}
        self._written = False

    def write(self, event: TurnEvent) -> list[JsonObject]:
        """The chunks that tell of `event`, none for some.

        Raises:
            TurnError: UPSTREAM, when what was written turns out to be void.
        """
        match event:
            case TurnStarted(model):
                self._frame["model"] = model
                return self._chunks(self._echo)
            case TextDelta(text) | RefusalDelta(text):
                self._written = self._written or bool(text)
                return self._chunks(text)
            case TurnRestarted() if self._written:
                message = "Claude began its answer anew after a part of it was sent."
                raise TurnError(Failure.UPSTREAM, message)
            case TurnFinished(stop):
                return [self._chunk("", FINISH_REASON[stop])]
            case TurnRestarted() | ThinkingDelta() | ToolCallStarted() | ToolCallDelta():
                return []
            case _:
                assert_never(event)

    def _chunks(self, text: str) -> list[JsonObject]:
        return [self._chunk(text, None)] if text else []

    def _chunk(self, text: str, reason: str | None) -> JsonObject:
        choices = [_choice(self._index, text, reason)]
        return {**self._frame, "choices": choices, **self._usage_to_come}


def text_usage_chunk(
    usages: Sequence[Usage],
    *,
    id: str,  # noqa: A002 - OpenAI's word
    created: int,
    model: str,
) -> JsonObject:
    """The last chunk of a stream that was asked to include usage: that of all its choices."""
    return {**_frame(id, created, model), "choices": [], "usage": usage(usages)}


def _frame(completion_id: str, created: int, model: str) -> dict[str, Any]:
    return {"id": completion_id, "object": "text_completion", "created": created, "model": model}


def _choice(index: int, text: str, reason: str | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
