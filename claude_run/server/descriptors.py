"""File descriptors: as many as the system allows, and what is said where they do not suffice."""

import asyncio
import resource
from contextlib import suppress
from typing import Any, Final

from claude_run.server.lines import Lines

WANTED: Final = 65536
"""Each connection takes one and each Claude process four; many systems begin with 256 or 1024."""

_EXHAUSTED: Final = "socket.accept() out of system resource"
"""What asyncio reports for each connection that it could not take, hundreds of times a second, with
a traceback."""


def as_many_as_allowed() -> None:
    """Raise this process's limit, as far as no administrator need be asked."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if most == resource.RLIM_INFINITY else min(WANTED, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        with suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def tell_exhaustion(loop: asyncio.AbstractEventLoop, lines: Lines) -> None:
    """Have `loop` say in one line that connections wait for descriptors. Meanwhile it goes on with
    those that it has, and looks for the others once a second."""

    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") != _EXHAUSTED:
            loop.default_exception_handler(context)
            return
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        lines.once(
            "descriptors",
            f"the bridge has used up its {limit} file descriptors: further connections wait until"
            " others are closed. `ulimit -n` raises the limit; so does a client that keeps fewer"
            " connections open.",
        )

    loop.set_exception_handler(handler)
