"""The types of the vendors' clients, strictly: what they do not have, no vendor sends."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pydantic
from pydantic import BaseModel, TypeAdapter

from tests.described.fault import Fault


def faults(value: object, type_: Any) -> Iterator[Fault]:
    """What in `value` is of a wrong kind for `type_`, or unknown to it."""
    try:
        read = _adapter(type_).validate_json(json.dumps(value), strict=True)
    except pydantic.ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            yield Fault.at(one["loc"], one["msg"])
    else:
        for path in _unknown(read, ()):
            yield Fault.at(path, "unknown to the client's type")


def _unknown(read: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match read:
        case BaseModel():
            yield from ((*path, name) for name in read.model_extra or ())
            for name in type(read).model_fields:
                yield from _unknown(getattr(read, name), (*path, name))
        case list():
            for item in read:
                yield from _unknown(item, path)
        case dict():
            for name, item in read.items():
                yield from _unknown(item, (*path, name))
        case _:
            pass


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_)
