"""A request's body as JSON."""

import json
from typing import Any

from starlette.requests import Request

from claude_run.turn import bad_request


async def read_json(request: Request) -> Any:
    """Raises TurnError (BAD_REQUEST) when it is not JSON."""
    raw = await request.body()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The request body is not valid JSON: {error}.", None) from error
