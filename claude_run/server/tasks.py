"""What goes on beside something else: begun with it, and over when it is."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def beside(*works: Work) -> AsyncIterator[anyio.CancelScope]:
    """Each of `works` runs beside the body, and is cancelled where the body ends; the scope
    cancels all of them. What the body raises is raised as it is, not in a group."""
    raised: Exception | None = None
    async with anyio.create_task_group() as group:
        for work in works:
            group.start_soon(work)
        try:
            yield group.cancel_scope
        except Exception as error:
            raised = error
        group.cancel_scope.cancel()
    if raised is not None:
        raise raised
