"""An answer without what a person wants redacted."""

import json
from contextlib import suppress

from claude_run.cassette.answers import DELTAS, Recorded, from_json, is_sealed, to_json
from claude_run.cassette.masks import Masks, everywhere
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
    for name in DELTAS:
        if name in event:
            return {**event, name: lines(_text(joined(event[name]), masks))}
    if "arguments" in event:
        return {**event, "arguments": _text(event["arguments"], masks)}
    return event


def _text(text: str, masks: Masks) -> str:
    """JSON stays JSON, unless a pattern reaches over the end of a string."""
    spelt = text
    with suppress(ValueError, RecursionError):
        told = json.loads(text)
        if isinstance(told, dict | list) and (made := everywhere(told, masks.redact)) != told:
            spelt = json.dumps(made, ensure_ascii=False)
    return masks.redact(spelt)
