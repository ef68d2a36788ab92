"""The smallest values that a JSON schema allows."""

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain, count, islice, product
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from claude_run.rehearsal.patterns import minimal_match
from claude_run.rehearsal.schemas import FORMATS, Schema, is_of, merged, own, same, types_of
from claude_run.turn import JsonObject

_Chain: TypeAlias = tuple[JsonObject, ...]  # what a schema is inside of, outermost first
_Part: TypeAlias = tuple[Schema, _Chain]

_Comparison: TypeAlias = Callable[[Fraction, Fraction], bool]
_LOWER: Final[Mapping[str, _Comparison]] = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
}
_UPPER: Final[Mapping[str, _Comparison]] = {
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
}

_ENOUGH: Final = 64  # values of one kind, where the first will not do


def minimal_instance(schema: Schema) -> Any:
    """A value that `schema` allows, with nothing in it that is not required.

    Of several alternatives it is the first that can be met; a recursive one never is where
    there is another. Not looked at: `not`, `if`, `contains`, the `dependent…` keywords,
    whether a second branch of `oneOf` is met too, and references to other documents.

    Raises:
        ValueError: no value was found, or a reference leads nowhere.
    """
    for depth in (1, 2):
        for value in _Instances(schema, depth).of(schema, ()):
            return value
    raise ValueError(f"no value can meet the schema {json.dumps(schema)[:200]}")


class _Instances:
    """Values of any part of one schema, smallest first; none at all where none can be.

    `depth` is how often a schema may stand inside itself. Once is enough for the smallest
    value, unless one that extends a schema also holds another of it.
    """

    def __init__(self, root: Schema, depth: int) -> None:
        self._root = root
        self._depth = depth
        self._kinds: Final[Mapping[str, Callable[[JsonObject, _Chain], Iterable[Any]]]] = {
            "object": self._objects,
            "array": self._arrays,
            "string": lambda schema, _: _strings(schema),
            "number": lambda schema, _: _numbers(schema, whole=False),
            "integer": lambda schema, _: _numbers(schema, whole=True),
            "boolean": lambda *_: (False, True),
            "null": lambda *_: (None,),
        }

    def of(self, schema: Schema, inside: _Chain) -> Iterator[Any]:
        for plain, within in self._alternatives(((schema, inside),), {}, inside):
            yield from islice(self._values(plain, within), _ENOUGH)

    # --- combinations -----------------------------------------------------------------

    def _alternatives(
        self, parts: tuple[_Part, ...], so_far: JsonObject, inside: _Chain
    ) -> Iterator[tuple[JsonObject, _Chain]]:
        """Every way of meeting all `parts`, as one schema without combinations."""
        if not parts:
            yield so_far, inside
            return
        (first, above), *others = parts
        schema = {} if first is True else first
        if schema is False or sum(outer is schema for outer in above) >= self._depth:
            return
        both, within = merged(so_far, own(schema)), (*inside, schema)
        for choice in product(*self._choices(schema, (*above, schema))):
            yield from self._alternatives((*choice, *others), both, within)

    def _choices(self, schema: JsonObject, chain_: _Chain) -> Iterator[list[_Part]]:
        """What `schema` combines: of each list, one must be met."""
        if "$ref" in schema:
            yield [(self._target(schema["$ref"]), chain_)]
        yield from ([(every, chain_)] for every in schema.get("allOf", ()))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                yield [(branch, chain_) for branch in schema[keyword]]

    def _target(self, ref: str) -> Schema:
        if not (ref == "#" or ref.startswith("#/")):
            return True
        target: Any = self._root
        for escaped in unquote(ref).split("/")[1:]:
            name = escaped.replace("~1", "/").replace("~0", "~")
            try:
                target = target[int(name) if isinstance(target, list) else name]
            except (LookupError, TypeError, ValueError):
                raise ValueError(f"the reference {ref} leads nowhere") from None
        found: Schema = target
        return found

    # --- values -----------------------------------------------------------------------

    def _values(self, schema: JsonObject, inside: _Chain) -> Iterator[Any]:
        types = types_of(schema)
        if "enum" in schema:
            yield from (v for v in schema["enum"] if types is None or is_of(v, types))
        elif types is None:
            yield from chain((None,), count())
        else:
            for type_ in (known for known in types if known in self._kinds):
                yield from islice(self._kinds[type_](schema, inside), _ENOUGH)

    def _objects(self, schema: JsonObject, inside: _Chain) -> Iterator[JsonObject]:
        values = {name: self.of(_property(schema, name), inside) for name in _names(schema)}
        first = {}
        for name, candidates in values.items():
            for value in candidates:
                first[name] = value
                break
            else:
                return
        yield first
        for name, candidates in values.items():
            yield from ({**first, name: value} for value in candidates)

    def _arrays(self, schema: JsonObject, inside: _Chain) -> Iterator[list[Any]]:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        for length in count(least) if most is None else range(least, most + 1):
            items = self._items(schema, length, inside)
            if items is None:
                return
            yield items

    def _items(self, schema: JsonObject, length: int, inside: _Chain) -> list[Any] | None:
        items: list[Any] = []
        for index in range(length):
            taken = items if schema.get("uniqueItems") else ()
            for value in self.of(_item(schema, index), inside):
                if not any(same(value, other) for other in taken):
                    items.append(value)
                    break
            else:
                return None
        return items


def _names(schema: JsonObject) -> list[str]:
    """The properties a smallest object has: the required ones, and enough others."""
    names = list(dict.fromkeys(schema.get("required", ())))
    others = (name for name in schema.get("properties", {}) if name not in names)
    invented = (f"property_{number}" for number in count(1))
    lacking = schema.get("minProperties", 0) - len(names)
    return [*names, *islice(chain(others, invented), max(0, lacking))]


def _property(schema: JsonObject, name: str) -> Schema:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if name in properties:
        return properties[name]
    for pattern, described in schema.get("patternProperties", {}).items():
        if re.search(pattern, name):
            found: Schema = described
            return found
    rest: Schema = schema.get("additionalProperties", True)
    return rest


def _item(schema: JsonObject, index: int) -> Schema:
    first: list[Schema] = schema.get("prefixItems", [])
    rest: Schema = schema.get("items", True)
    return first[index] if index < len(first) else rest


def _strings(schema: JsonObject) -> Iterator[str]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    for length in range(least, least + _ENOUGH):
        text = FORMATS.get(schema.get("format", ""), "").ljust(length, "a")
        if "pattern" in schema:
            text = minimal_match(schema["pattern"], length) or text
        if most is None or len(text) <= most:
            yield text


def _numbers(schema: JsonObject, *, whole: bool) -> Iterator[int | float]:
    """Zero where it is allowed, then what lies nearest to the bounds."""
    low, high = _bound(schema, _LOWER, max), _bound(schema, _UPPER, min)
    grid = Fraction(str(schema.get("multipleOf", 1)))
    if whole:
        grid = Fraction(grid.numerator)
    rising = ((math.ceil((low or 0) / grid) + n) * grid for n in range(_ENOUGH))
    falling = ((math.floor((high or 0) / grid) - n) * grid for n in range(_ENOUGH))
    bounds = [bound for bound in (low, high) if bound is not None]
    middle = [sum(bounds, Fraction()) / 2]
    for value in chain([Fraction()], bounds, middle, rising, falling):
        if _fits(value, schema) and not (whole and value.denominator > 1):
            yield int(value) if value.denominator == 1 else float(value)


def _bound(
    schema: JsonObject, keywords: Iterable[str], tightest: Callable[..., Fraction]
) -> Fraction | None:
    given = [Fraction(str(schema[keyword])) for keyword in keywords if keyword in schema]
    return tightest(given) if given else None


def _fits(value: Fraction, schema: JsonObject) -> bool:
    """Multiples are judged in floating point, because validators judge them so."""
    step = schema.get("multipleOf")
    return (step is None or (float(value) / step).is_integer()) and all(
        holds(value, Fraction(str(schema[keyword])))
        for keyword, holds in {**_LOWER, **_UPPER}.items()
        if keyword in schema
    )
