"""One understood chat request: what is asked of Claude, and in what form to answer."""

from dataclasses import dataclass

from claude_run.turn import Notice, TurnRequest


@dataclass(frozen=True, slots=True)
class ChatCall:
    """`n` answers to `request` are wanted, each its own choice.

    `include_usage` asks a stream to end with a usage chunk. `legacy_functions` asks for the
    `function_call` of old, which has room for one call, in place of `tool_calls`. `custom` has
    the names of the tools whose input is plain text.
    """

    request: TurnRequest
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    legacy_functions: bool = False
    custom: frozenset[str] = frozenset()
    notices: tuple[Notice, ...] = ()

    @property
    def requests(self) -> tuple[TurnRequest, ...]:
        return (self.request,) * self.n
