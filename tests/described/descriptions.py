"""The vendors' API descriptions, as JSON schemas.

They come with llm-comply, which is pinned: OpenAI's as of its version 2.3.0, Open Responses' of
2026-04-24, which tells what stands in a response today, and Anthropic's.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias

import jsonschema_rs

from tests.described.fault import Fault

Vendor: TypeAlias = Literal["openai_chat", "openresponses", "anthropic"]

OPENAI: Final[Vendor] = "openai_chat"
OPEN_RESPONSES: Final[Vendor] = "openresponses"
ANTHROPIC: Final[Vendor] = "anthropic"


def faults(value: object, vendor: Vendor, name: str) -> Iterator[Fault]:
    """What `value` lacks or has of a wrong kind to be what `vendor` describes as `name`."""
    for error in _validator(vendor, name).iter_errors(value):
        yield Fault.at(error.instance_path, error.message[:300])


@cache
def names_of_events() -> dict[str, str]:
    """The description of each event of a response, by the event's type."""
    schemas = _description(OPEN_RESPONSES)["components"]["schemas"]
    named = ((name, schema) for name, schema in schemas.items() if name.endswith("StreamingEvent"))
    return {schema["properties"]["type"]["enum"][0]: name for name, schema in named}


@cache
def _validator(vendor: Vendor, name: str) -> Any:
    schema = {"$ref": f"urn:{vendor}#/components/schemas/{name}"}
    return jsonschema_rs.Draft202012Validator(schema, registry=_registry(vendor))


@cache
def _registry(vendor: Vendor) -> Any:
    return jsonschema_rs.Registry([(f"urn:{vendor}", _description(vendor))])


@cache
def _description(vendor: Vendor) -> Any:
    text = files("llm_comply").joinpath("specs", f"{vendor}.json").read_text()
    return _nullable(json.loads(text))


def _nullable(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema, beside a `$ref` as well."""
    match schema:
        case {"nullable": True, **rest}:
            return {"anyOf": [_nullable(rest), {"type": "null"}]}
        case dict():
            return {name: _nullable(value) for name, value in schema.items()}
        case list():
            return [_nullable(value) for value in schema]
        case _:
            return schema
