"""The chat completions dialect: a request body to a turn, and answers to completions or chunks."""

from claude_run.dialects.chat.answer import completion
from claude_run.dialects.chat.call import ChatCall
from claude_run.dialects.chat.dialect import Chat
from claude_run.dialects.chat.fields import CHAT_FIELDS
from claude_run.dialects.chat.request import parse_chat
from claude_run.dialects.chat.stream import ChunkWriter, usage_chunk

__all__ = [
    "CHAT_FIELDS",
    "Chat",
    "ChatCall",
    "ChunkWriter",
    "completion",
    "parse_chat",
    "usage_chunk",
]
