"""The Responses dialect: a request body to a turn, and answers to response objects or events."""

from claude_run.dialects.responses.call import ResponseCall
from claude_run.dialects.responses.dialect import ConnectedResponses, Responses
from claude_run.dialects.responses.fields import RESPONSES_FIELDS
from claude_run.dialects.responses.listing import page
from claude_run.dialects.responses.request import parse_response, previous_id
from claude_run.dialects.responses.store import ResponseStore, StoredResponse, stored
from claude_run.dialects.responses.stream import ResponseWriter, response_object

__all__ = [
    "RESPONSES_FIELDS",
    "ConnectedResponses",
    "ResponseCall",
    "ResponseStore",
    "ResponseWriter",
    "Responses",
    "StoredResponse",
    "page",
    "parse_response",
    "previous_id",
    "response_object",
    "stored",
]
