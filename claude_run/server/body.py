"""A request's body as JSON, the same for every dialect."""

from typing import Any

from starlette.requests import Request

from claude_run.dialects.json_text import json_value


async def read_json(request: Request) -> Any:
    """
    Raises:
        TurnError: BAD_REQUEST: the body is not JSON. TOO_LARGE: the guard takes no more of it.
    """
    return json_value(await request.body())
