"""A model that answers as DSPy's adapters want it: the output fields it is asked for."""

import json
import re
from collections.abc import Callable
from typing import TypeAlias

from claude_run.rehearsal.answers import Reply, say
from claude_run.turn import JsonObject
from tests.clients.upstream import is_structured, structure, told

Fill: TypeAlias = Callable[[str], object]
"""The value of an output field, by its name."""


def filled(**values: object) -> Callable[[JsonObject], Reply]:
    """An answerer that has a value for every field."""
    return lambda request: fill(request, values.__getitem__)


def fill(request: JsonObject, value: Fill) -> Reply:
    """Every field that is asked for, in the adapter's format."""
    values = {name: value(name) for name in _fields(request)}
    if is_structured(request):
        return structure(values)
    parts = [f"[[ ## {name} ## ]]\n{_shown(value)}\n\n" for name, value in values.items()]
    return say(*parts, "[[ ## completed ## ]]")


def _fields(request: JsonObject) -> list[str]:
    asked = told(request)[-1][1].rpartition("Respond with ")[2]
    names = re.findall(r"`(?:\[\[ ## )?(\w+)(?: ## \]\])?`", asked)
    return [name for name in names if name != "completed"]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
