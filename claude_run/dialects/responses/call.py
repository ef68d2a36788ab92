"""One understood request: what is asked of Claude, and what the response must say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from claude_run.dialects.responses.forms import Form
from claude_run.turn import JsonObject, Notice, TurnRequest


@dataclass(frozen=True, slots=True)
class ResponseCall:
    """`input_items` is what this request brought, `earlier_items` the conversation it goes on
    from. `echo` holds the fields a response repeats. `shows_reasoning` says whether a summary
    was asked for, `seals_reasoning` whether reasoning that can be sent back. `forms` says how the
    client wrote its tools, by the functions' names."""

    request: TurnRequest
    stream: bool
    store: bool
    shows_reasoning: bool
    seals_reasoning: bool
    echo: JsonObject
    earlier_items: tuple[JsonObject, ...]
    input_items: tuple[JsonObject, ...]
    forms: Mapping[str, Form] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()

    @property
    def requests(self) -> tuple[TurnRequest]:
        return (self.request,)
