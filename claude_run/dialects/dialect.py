"""What a dialect is to whoever serves it: where it is asked, how it reads, and how it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

from claude_run.turn import JsonObject, Notice, TurnError, TurnEvent, TurnRequest

NO_COUNT: Final = (
    "Nothing counts what a whole request would take: Claude Code counts its parts, each by itself, "
    "and where it cannot, it guesses without saying so. An answer's usage says how many tokens its "
    "input had: ask for a short one, or reckon with 4 characters a token."
)
"""Why there is no count of tokens beforehand, and what to do."""

CallT = TypeVar("CallT", bound="Call")


class Call(Protocol):
    """One understood request: an answer to each of `requests` is wanted, streamed or not."""

    @property
    def requests(self) -> Sequence[TurnRequest]: ...
    @property
    def stream(self) -> bool: ...
    @property
    def notices(self) -> tuple[Notice, ...]: ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one answer from every other: its `id`, and when it was `created`, in whole
    seconds since 1970, as `clock` tells the time; and the id of the request that asked for it."""

    id: str
    created: int
    clock: Callable[[], int]
    request_id: str | None = None


class Event(NamedTuple):
    """One event of a stream; a text is sent as it is, and anything else as JSON."""

    data: JsonObject | str
    name: str | None = None


class Writer(Protocol):
    """Writes the stream of one call."""

    def write(self, index: int, event: TurnEvent) -> list[Event]:
        """What tells of `event`, which happened to answer `index`; nothing for some.

        Raises:
            TurnError: UPSTREAM, when what was written turns out to be void.
        """

    def end(self) -> list[Event]:
        """What comes after the last event of the last answer."""

    def fail(self, error: TurnError) -> list[Event]:
        """What ends a stream that breaks off here, after a part of it was written."""


class Dialect(Protocol[CallT]):
    """`id_prefix` begins the id of each answer. `schema_field` is what a client calls the schema
    of an answer. `absent` holds what the vendor offers beneath `path` and Claude does not, each
    with what to do instead."""

    @property
    def path(self) -> str: ...
    @property
    def id_prefix(self) -> str: ...
    @property
    def schema_field(self) -> str: ...
    @property
    def absent(self) -> Mapping[str, str]: ...

    def parse(self, body: object, *, strict: bool) -> CallT:
        """What a request body asks. `strict` refuses what would be done otherwise than asked.

        Raises:
            TurnError: BAD_REQUEST, naming the field at fault in `param`.
        """

    def answer(
        self, call: CallT, answers: Sequence[Sequence[TurnEvent]], stamp: Stamp
    ) -> JsonObject:
        """The whole answer; `answers` holds all events of each."""

    def writer(self, call: CallT, stamp: Stamp) -> Writer: ...
