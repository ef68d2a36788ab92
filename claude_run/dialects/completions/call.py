"""One understood text completions request: what is asked of Claude, and in what form to answer."""

from dataclasses import dataclass

from claude_run.turn import Notice, TurnRequest


@dataclass(frozen=True, slots=True)
class CompletionCall:
    """`requests` holds one for each choice, in the order of their indices, and `echoes` what
    the text of each choice begins with. `include_usage` asks a stream to end with its usage."""

    requests: tuple[TurnRequest, ...]
    echoes: tuple[str, ...]
    stream: bool = False
    include_usage: bool = False
    notices: tuple[Notice, ...] = ()
