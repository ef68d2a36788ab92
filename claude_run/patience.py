"""Waiting for something, but not for ever."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What `work` gives, if it does in time; otherwise it is cancelled.

    Before Python 3.12, asyncio.wait_for loses a cancellation that comes when the work has just
    been done: then a client that went away would be answered to the end.

    Raises:
        asyncio.TimeoutError: it took longer.
    """
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.wait((doing,), timeout=max(0.0, seconds))
        if not doing.done():
            raise asyncio.TimeoutError
        return doing.result()
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait((doing,))
