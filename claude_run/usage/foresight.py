"""What a call may come to, as long as none has told what one does: what is reserved for it then.

A budget should neither be run past by the first calls nor send them one by one, so each is taken
for one with a long answer.
"""

from typing import Final, NamedTuple

from claude_run.turn import (
    Document,
    Image,
    SearchResult,
    Text,
    ToolCall,
    ToolResult,
    TurnRequest,
)

LONG_ANSWER: Final = 16_384
"""Tokens of an answer that few are longer than. The CLI would let one be far longer, but no budget
holds several of those."""

_CHARS_PER_TOKEN: Final = 4
_PICTURE: Final = 1600  # tokens
_OWN: Final = 500  # tokens that the CLI adds of its own, and some


class Price(NamedTuple):
    """Dollars of a token on the metered API. What is read is taken for written into the cache,
    which costs most."""

    read: float
    written: float


def price_of(model: str) -> Price:
    """What tokens of `model`, as the CLI is given it, cost at most; of one that is not known as
    much as of the dearest."""
    dollars = next((d for part, d in _INPUT if part in model), _DEAREST)
    return Price(2 * dollars / 1e6, 5 * dollars / 1e6)


_DEAREST: Final = 15.0
# Dollars of a million tokens that are read; written ones are five times as dear in every family.
_INPUT: Final = (
    ("haiku", 1.0),
    ("sonnet", 3.0),
    ("opus-4-0", _DEAREST),
    ("opus-4-1", _DEAREST),
    ("opus-4-2", _DEAREST),  # claude-opus-4-20250514
    ("opus", 5.0),
    ("fable", 10.0),
)


def prompt_tokens(request: TurnRequest) -> float:
    """About how many tokens `request` is, its tools left out."""
    parts = (part for turn in request.turns for part in turn.parts)
    return len(request.system) / _CHARS_PER_TOKEN + sum(map(_tokens, parts))


def longest(request: TurnRequest) -> tuple[float, float]:
    """The tokens that `request` may read, and those that it may have written."""
    tools = sum(len(str(tool.schema)) + len(tool.description) for tool in request.tools)
    read = prompt_tokens(request) + tools / _CHARS_PER_TOKEN + _OWN
    return read, min(request.sampling.max_tokens or LONG_ANSWER, LONG_ANSWER)


def _tokens(part: object) -> float:
    match part:
        case Text(text) | Document(data=str(text)):
            return len(text) / _CHARS_PER_TOKEN
        case ToolResult(_, content):
            return sum(map(_tokens, content))
        case Image():
            return _PICTURE
        case ToolCall(arguments=arguments):
            return len(str(arguments)) / _CHARS_PER_TOKEN
        case SearchResult(passages=passages):
            return sum(map(len, passages)) / _CHARS_PER_TOKEN
        case _:
            return 0
