"""Anthropic's Messages dialect: a request body to a turn, and answers to messages or events."""

from claude_run.dialects.messages.answer import message
from claude_run.dialects.messages.dialect import Messages
from claude_run.dialects.messages.errors import STATUSES, anthropic_error
from claude_run.dialects.messages.fields import MESSAGES_FIELDS
from claude_run.dialects.messages.request import MessagesCall, parse_messages
from claude_run.dialects.messages.stream import MessageWriter

__all__ = [
    "MESSAGES_FIELDS",
    "STATUSES",
    "MessageWriter",
    "Messages",
    "MessagesCall",
    "anthropic_error",
    "message",
    "parse_messages",
]
