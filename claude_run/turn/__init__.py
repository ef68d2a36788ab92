"""The neutral vocabulary: what a turn asks, what comes back, and how it can fail.

OpenAI's dialects are translated to and from these values, and so is the Claude
Agent SDK; neither side knows the other. Everything here but `Trace` is frozen and pure.
"""

from claude_run.turn.answer import Answer, CallText, fold
from claude_run.turn.conversation import (
    AssistantPart,
    AssistantTurn,
    Document,
    Image,
    JsonObject,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    UserPart,
    UserTurn,
    alternate,
)
from claude_run.turn.events import (
    RefusalDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    TurnEvent,
    TurnFinished,
    TurnRestarted,
    TurnStarted,
    Usage,
)
from claude_run.turn.failure import Failure, TurnError, bad_request
from claude_run.turn.request import Effort, Sampling, ToolChoice, ToolMode, ToolSpec, TurnRequest
from claude_run.turn.trace import Answerer, Emit, Notice, Overage, PlanWindow, Trace

__all__ = [
    "Answer",
    "Answerer",
    "AssistantPart",
    "AssistantTurn",
    "CallText",
    "Document",
    "Effort",
    "Emit",
    "Failure",
    "Image",
    "JsonObject",
    "Notice",
    "Overage",
    "PlanWindow",
    "RefusalDelta",
    "Sampling",
    "StopReason",
    "Text",
    "TextDelta",
    "ThinkingDelta",
    "ToolCall",
    "ToolCallDelta",
    "ToolCallStarted",
    "ToolChoice",
    "ToolMode",
    "ToolResult",
    "ToolSpec",
    "Trace",
    "Turn",
    "TurnError",
    "TurnEvent",
    "TurnFinished",
    "TurnRequest",
    "TurnRestarted",
    "TurnStarted",
    "Usage",
    "UserPart",
    "UserTurn",
    "alternate",
    "bad_request",
    "fold",
]
