"""A process of the CLI and an upstream that answers it, for a probe to look at."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from claude_agent_sdk import Message, StreamEvent

from claude_run.claude.session.aspects import ALL
from claude_run.claude.session.notes import sealed
from claude_run.claude.session.options import Place, birth_of
from claude_run.claude.session.replay import History
from claude_run.claude.session.session import Session
from claude_run.claude.session.shape import Shape, Tool
from claude_run.claude.tools import ToolNames
from claude_run.turn import JsonObject, Text, Turn, UserTurn
from tests.scripted import ScriptedUpstream, as_a_persons

NAMES: Final = ToolNames(("look_up",))
LOOK_UP: Final = Tool(
    "look_up", "Looks up.", '{"type": "object", "properties": {"a": {"type": "string"}}}'
)
PLAIN: Final = Shape("sonnet")


def user(text: str) -> UserTurn:
    return UserTurn((Text(text),))


@dataclass(frozen=True, slots=True)
class World:
    """`directory` holds what the CLI may know: its home, and a place to work in."""

    directory: Path
    upstream: ScriptedUpstream
    cli: str | None = None

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def place(self) -> Place:
        environment = as_a_persons(sealed(self.home, self.upstream.url))
        return Place(self.directory, self.cli, environment)

    @asynccontextmanager
    async def session(
        self, shape: Shape = PLAIN, history: Sequence[Turn] = (), *, is_fixed: bool = False
    ) -> AsyncIterator[Session]:
        """A live process, born as `shape`; one that is not fixed is made to be it."""
        changeable = frozenset() if is_fixed else ALL
        session = Session(
            birth_of(shape, changeable), self.place, History(tuple(history)), changeable=changeable
        )
        try:
            await session.open(NAMES)
            await session.become(shape, NAMES)
            yield session
        finally:
            await session.close()


async def heard(
    session: Session, *turns: Turn, until: Callable[[Message], bool] = lambda _: False
) -> list[Message]:
    """All that the SDK tells of the answer to `turns`."""
    messages: list[Message] = []

    def hear(message: Message) -> bool:
        messages.append(message)
        return until(message)

    await session.ask(turns, NAMES, hear)
    return messages


def events(messages: Sequence[Message], type_: str) -> list[JsonObject]:
    """The upstream events of one type among `messages`."""
    told: list[dict[str, Any]] = [m.event for m in messages if isinstance(m, StreamEvent)]
    return [event for event in told if event["type"] == type_]
