"""What steers one generation and is written the same way in both dialects."""

from collections.abc import Mapping
from typing import Final

from claude_run.dialects.fields import deviation
from claude_run.dialects.reading import at, choice, number, object_, optional, required, text
from claude_run.turn import Effort, JsonObject, Notice

# Whether the model's reasoning is shown, and how hard it thinks.
EFFORTS: Final[Mapping[str, tuple[bool, Effort]]] = {
    "none": (False, Effort.LOW),
    "minimal": (True, Effort.LOW),
    "low": (True, Effort.LOW),
    "medium": (True, Effort.MEDIUM),
    "high": (True, Effort.HIGH),
    "xhigh": (True, Effort.XHIGH),
    "max": (True, Effort.MAX),
}

FORMATS: Final = ("text", "json_object", "json_schema")


def effort(value: object, param: str) -> tuple[bool, Effort]:
    return EFFORTS[choice(value, EFFORTS, param)]


def temperature(asked: JsonObject, *, strict: bool) -> tuple[float | None, tuple[Notice, ...]]:
    """OpenAI's 0 to 2 on Claude's 0 to 1: what lies above becomes 1, with a notice."""
    value = optional(number, asked, "temperature", low=0, high=2)
    if value is None or value <= 1:
        return value, ()
    text = f"temperature {value} is above Claude's highest, 1, which is used instead."
    return 1.0, (deviation("temperature", text, strict=strict),)


def output_schema(value: object, param: str) -> JsonObject | None:
    """The schema a `response_format` or `text.format` asks for; None is plain text.

    The members of a json_schema may lie in `json_schema`, as chat has them, or flat. A
    json_object may bring a schema, as llama.cpp's clients send it.
    """
    asked = object_(value, param)
    match choice(required(asked, "type", param), FORMATS, at(param, "type")):
        case "text":
            return None
        case "json_object":
            return optional(object_, asked, "schema", param) or {"type": "object"}
    if "json_schema" in asked:
        param = at(param, "json_schema")
        asked = object_(asked["json_schema"], param)
    return _described(asked, param)


def _described(asked: JsonObject, param: str) -> JsonObject:
    schema = optional(object_, asked, "schema", param) or {"type": "object"}
    description = optional(text, asked, "description", param)
    return {"description": description, **schema} if description else schema
