"""An answer without what a person wants redacted."""

import json

from claude_run.cassette.answers import Recorded, from_json, is_sealed, to_json
from claude_run.cassette.masks import Masks, applied
from claude_run.cassette.texts import joined, lines
from claude_run.turn import JsonObject


def redacted(answer: Recorded, masks: Masks) -> Recorded:
    """`answer` with its texts masked, each as a whole: a secret may lie across two pieces.
    A text that changes is one piece. What is sealed may hold it as well, and is left out."""
    if not masks.redacted:
        return answer
    told = to_json(answer)
    told["events"] = [_event(event, masks) for event in told["events"] if not is_sealed(event)]
    if "failure" in told:
        told["failure"]["message"] = masks.redact(told["failure"]["message"])
    return from_json(told)


def _event(event: JsonObject, masks: Masks) -> JsonObject:
    for name in ("text", "thinking", "refusal"):
        if name in event:
            return {**event, name: lines(masks.redact(joined(event[name])))}
    if "arguments" in event:
        return {**event, "arguments": _arguments(event["arguments"], masks)}
    return event


def _arguments(text: str, masks: Masks) -> str:
    """JSON stays JSON: a pattern may reach over the end of a string."""
    try:
        told = json.loads(text)
    except ValueError:
        return masks.redact(text)
    changed = applied(told, masks.redact)
    return text if changed == told else json.dumps(changed, ensure_ascii=False)
