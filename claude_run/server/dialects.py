"""Every dialect that is served. A new one is a folder in `claude_run.dialects` and a row here."""

from typing import Any

from claude_run.dialects.chat import Chat
from claude_run.dialects.completions import Completions
from claude_run.dialects.dialect import Dialect
from claude_run.dialects.messages import Messages
from claude_run.dialects.responses import Responses


def dialects(responses: Responses) -> tuple[Dialect[Any], ...]:
    return Chat(), responses, Completions(), Messages()
