"""Every dialect that is served. A new one is a folder in `claude_run.dialects` and a row here."""

from typing import Any

from claude_run.dialects.chat import Chat
from claude_run.dialects.completions import Completions
from claude_run.dialects.dialect import Dialect
from claude_run.dialects.messages import Messages
from claude_run.dialects.responses import Responses, ResponseStore


def dialects(store: ResponseStore) -> tuple[Dialect[Any], ...]:
    return Chat(), Responses(store), Completions(), Messages()
