"""What an `async with` block needs, imported in a thread: it takes a while, and the loop goes on.

Everything else that waits is anyio's to do in threads; here anyio is what is imported.
"""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


async def imported(name: str) -> ModuleType:
    """The module `name`, and what anyio needs for the loop that runs, asyncio's or trio's."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        trio: Any = sys.modules["trio"]  # whose loop this is
        module: ModuleType = await trio.to_thread.run_sync(_imported, name, "trio")
        return module
    return await loop.run_in_executor(None, _imported, name, "asyncio")


def _imported(name: str, backend: str) -> ModuleType:
    import anyio  # noqa: PLC0415 - this is the thread for it

    anyio.run(anyio.sleep, 0, backend=backend)  # a first run imports what it is made of
    return import_module(name)
