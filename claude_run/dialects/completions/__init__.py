"""The legacy text completions dialect: prompts to turns, and answers to choices of text."""

from claude_run.dialects.completions.answer import FINISH_REASON, text_completion
from claude_run.dialects.completions.call import CompletionCall
from claude_run.dialects.completions.dialect import Completions
from claude_run.dialects.completions.fields import COMPLETION_FIELDS
from claude_run.dialects.completions.request import parse_completion
from claude_run.dialects.completions.stream import TextWriter, text_usage_chunk

__all__ = [
    "COMPLETION_FIELDS",
    "FINISH_REASON",
    "CompletionCall",
    "Completions",
    "TextWriter",
    "parse_completion",
    "text_completion",
    "text_usage_chunk",
]
