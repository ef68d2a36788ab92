"""What the CLI's control protocol offers and the SDK has no public method for yet.

Three things need the SDK's insides: rewinding a conversation, setting request fields on a
live process, and the process itself. They are kept in this one file; every one may be
refused by another version, and then the caller of it does without: it retires the session
and starts a new process.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import psutil
from claude_agent_sdk import ClaudeSDKClient

from claude_run.patience import within

_PATIENCE: Final = 5.0


class ControlRefusedError(Exception):
    """The CLI did not do what it was asked; the session is to be retired."""


async def rewind(client: ClaudeSDKClient, first: str, last: str) -> None:
    """Take everything from the user message with uuid `first` on out of the conversation.

    `last` is the uuid of its newest user message: the CLI rewinds only for someone who has
    seen it. What the model is sent next holds nothing of what was before: measured, the
    request is that of a process never used. Takes about 2 ms.
    """
    answer = await _request(
        client,
        {
            "subtype": "rewind_conversation",
            "target_message_uuid": first,
            "last_seen_user_message_uuid": last,
        },
    )
    # An assistant message before the first user message survives a rewind.
    if not answer.get("rewound") or answer.get("precedingAssistantUuid") is not None:
        raise ControlRefusedError(str(answer.get("reason", "something would have stayed")))


async def set_environment(client: ClaudeSDKClient, environment: Mapping[str, str]) -> None:
    """Change environment variables of a live process, for its later requests. Takes 10 ms."""
    await _request(
        client, {"subtype": "apply_flag_settings", "settings": {"env": dict(environment)}}
    )


def process_of(client: ClaudeSDKClient) -> psutil.Process | None:
    """The CLI's process, while there is one."""
    process = getattr(getattr(client, "_transport", None), "_process", None)
    with suppress(psutil.Error, AttributeError):
        return psutil.Process(process.pid) if process is not None else None
    return None


async def _request(client: ClaudeSDKClient, request: dict[str, Any]) -> dict[str, Any]:
    try:
        send = client._query._send_control_request  # type: ignore[union-attr]  # noqa: SLF001
        answer: dict[str, Any] = await within(_PATIENCE, send(request))
    except Exception as error:
        raise ControlRefusedError(f"{request['subtype']}: {error}") from error
    return answer
