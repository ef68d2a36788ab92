"""A Responses body, understood or refused."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from claude_run.dialects import steering
from claude_run.dialects.fields import deviation, sift
from claude_run.dialects.reading import (
    at,
    boolean,
    choice,
    elements,
    few,
    model_name,
    object_,
    optional,
    required,
    text,
)
from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.echo import echo
from claude_run.dialects.responses.fields import RESPONSES_FIELDS
from claude_run.dialects.responses.items import Conversation, conversation, kind_of
from claude_run.dialects.responses.reasoning import INCLUDED
from claude_run.dialects.responses.store import StoredResponse, unknown
from claude_run.dialects.responses.tools import Offer, offer
from claude_run.dialects.sampling import sampling
from claude_run.turn import Effort, JsonObject, Notice, Sampling, TurnRequest, bad_request

NESTED: Final = ("text", "reasoning")
SUMMARIES: Final = ("auto", "concise", "detailed")


def previous_id(body: object) -> str | None:
    """The id of the response that a body goes on from.

    Raises:
        TurnError: BAD_REQUEST, when it is no string.
    """
    return optional(text, body, "previous_response_id") if isinstance(body, dict) else None


Items: TypeAlias = Iterator[tuple[str, JsonObject]]


def nothing_kept(_: str) -> None:
    """The lookup of items where there are none to refer to."""


def parse_response(
    body: object,
    *,
    strict: bool,
    previous: StoredResponse | None = None,
    kept_item: Callable[[str], JsonObject | None] = nothing_kept,
    opened: Callable[[Items], Items] = iter,
) -> ResponseCall:
    """What a request body asks. `strict` refuses what would be done otherwise than asked.

    `previous` is the response `previous_id(body)`, None where there is no such response;
    `kept_item` finds the items that others refer to, by id. `opened` gives each item, after its
    path, as one that can be read.

    Raises:
        TurnError: BAD_REQUEST, naming the field at fault in `param`.
    """
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.", None)
    asked, notices = sift(_spread(body), RESPONSES_FIELDS, strict=strict)
    earlier = _earlier(asked, previous)
    brought = _brought(asked, kept_item, needed=not earlier)
    talk = conversation(opened(_with_paths(earlier, brought)))
    offered = offer(asked, talk.tools, talk.turns, strict=strict)
    steered, clamped = sampling(asked, "max_output_tokens", strict=strict)
    reasoning = _reasoning(asked)
    included = [text(name, path) for path, name in elements(asked.get("include", []), "include")]
    return ResponseCall(
        request=_turn_request(asked, talk, offered, steered, reasoning),
        stream=optional(boolean, asked, "stream") or False,
        store=optional(boolean, asked, "store") is not False,
        shows_reasoning=reasoning.asked and reasoning.summary is not None,
        seals_reasoning=INCLUDED in included,
        echo=echo(body, _checked(asked), offered.written, reasoning.summary, steered),
        earlier_items=earlier,
        input_items=brought,
        forms=offered.forms,
        notices=notices + offered.notices + clamped + _not_included(included, strict=strict),
    )


def _spread(body: JsonObject) -> JsonObject:
    """`body` with the members of its nested objects beside the other fields, by their path."""
    spread = {name: value for name, value in body.items() if name not in NESTED}
    for name in NESTED:
        members = optional(object_, body, name) or {}
        spread.update({at(name, key): value for key, value in members.items()})
    return spread


def _earlier(asked: JsonObject, previous: StoredResponse | None) -> tuple[JsonObject, ...]:
    id_ = optional(text, asked, "previous_response_id")
    if id_ is None:
        return ()
    if previous is None:
        raise bad_request(
            f"{unknown(id_)} Send the conversation in `input`.",
            "previous_response_id",
            "previous_response_not_found",
        )
    return previous.conversation


def _brought(
    asked: JsonObject, kept_item: Callable[[str], JsonObject | None], *, needed: bool
) -> tuple[JsonObject, ...]:
    value = required(asked, "input") if needed else asked.get("input", [])
    if isinstance(value, str):
        return ({"type": "message", "role": "user", "content": value},)
    given = elements(few(value, "input"), "input")
    items = tuple(_resolved(item, path, kept_item) for path, item in given)
    if needed and not items:
        raise bad_request("input must hold at least one item.", "input")
    return items


def _resolved(
    value: object, param: str, kept_item: Callable[[str], JsonObject | None]
) -> JsonObject:
    item = object_(value, param)
    optional(text, item, "id", param)  # it is kept and listed by it
    if kind_of(item) != "item_reference":
        return item
    id_ = text(required(item, "id", param), at(param, "id"))
    found = kept_item(id_)
    if found is None:
        raise bad_request(f"There is no item {id_!r} in this run.", at(param, "id"))
    return found


def _with_paths(
    earlier: tuple[JsonObject, ...], brought: tuple[JsonObject, ...]
) -> Iterator[tuple[str, JsonObject]]:
    yield from (("previous_response_id", item) for item in earlier)
    yield from elements(list(brought), "input")


class _Reasoning(NamedTuple):
    asked: bool
    effort: Effort | None
    summary: str | None


def _reasoning(asked: JsonObject) -> _Reasoning:
    """A summary of it asks for reasoning, unless the effort says that there is to be none."""
    summary = optional(_summary, asked, "reasoning.summary") or optional(
        _summary, asked, "reasoning.generate_summary"
    )
    thinks, effort = optional(steering.effort, asked, "reasoning.effort") or (None, None)
    return _Reasoning(summary is not None if thinks is None else thinks, effort, summary)


def _not_included(included: list[str], *, strict: bool) -> tuple[Notice, ...]:
    if all(name == INCLUDED for name in included):
        return ()
    row = RESPONSES_FIELDS["include"]
    return (deviation(row.name, f"{row.name} adds one thing alone. {row.note}", strict=strict),)


def _summary(value: object, param: str) -> str:
    return choice(value, SUMMARIES, param)


def _turn_request(
    asked: JsonObject, talk: Conversation, offered: Offer, steered: Sampling, reasoning: _Reasoning
) -> TurnRequest:
    instructions = optional(text, asked, "instructions") or ""
    system = (instructions, *talk.system) if instructions.strip() else talk.system
    return TurnRequest(
        model=model_name(asked),
        turns=talk.turns,
        system="\n\n".join(system),
        tools=offered.tools,
        tool_choice=offered.choice,
        output_schema=optional(steering.output_schema, asked, "text.format"),
        sampling=steered,
        thinking=reasoning.asked,
        effort=reasoning.effort,
    )


def _checked(asked: JsonObject) -> JsonObject:
    """`asked`, once its metadata is known to be text by name."""
    for key, value in (optional(object_, asked, "metadata") or {}).items():
        text(value, at("metadata", key))
    return asked
