"""A request's body as JSON, the same for every dialect."""

from typing import Any

from starlette.requests import Request

from claude_run.dialects.json_text import json_value
from claude_run.server.paths import DEPLOYMENT


async def read_json(request: Request) -> Any:
    """Its model is the one that the path names, if it does, as at Azure.

    Raises:
        TurnError: BAD_REQUEST: the body is not JSON. TOO_LARGE: the guard takes no more of it.
    """
    body = json_value(await request.body())
    deployment = request.scope.get(DEPLOYMENT)
    return {**body, "model": deployment} if deployment and isinstance(body, dict) else body
