"""Text that comes in pieces: stops across their borders, and JSON taken out of its wrapper."""

import json
import re
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.claude.answer.stops import StopFilter
from claude_run.claude.answer.structured import Unwrapper, output_tool

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def pieces(text: str, cuts: list[int]) -> list[str]:
    borders = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(borders)]


CUTS = st.lists(st.integers(0, 200), max_size=12)


@settings(deadline=None)
@given(JSON, CUTS, st.sampled_from([None, 2]))
def test_a_wrapped_value_comes_out_as_it_was_written(
    value: Any, cuts: list[int], indent: int | None
) -> None:
    text = json.dumps({"value": value}, indent=indent)
    unwrapper = Unwrapper()
    taken = [unwrapper.feed(piece) for piece in pieces(text, cuts)]
    assert json.loads("".join(taken)) == value


@settings(deadline=None)
@given(
    st.text(alphabet="a\n ", max_size=30),
    CUTS,
    st.lists(st.text(alphabet="\n ", min_size=1, max_size=3), min_size=1, max_size=3),
)
def test_text_ends_where_the_first_stop_begins(
    text: str, cuts: list[int], stops: list[str]
) -> None:
    filter_ = StopFilter(stops)
    seen = "".join(filter_.feed(piece) for piece in pieces(text, cuts)) + filter_.flush()
    first = re.search("|".join(sorted(map(re.escape, stops), key=len)), text)
    if first is None:
        assert (seen, filter_.hit) == (text, None)
    else:
        assert filter_.hit in stops
        # A piece may show a later stop before an earlier, longer one is complete.
        assert text.startswith(seen)
        assert not any(stop in seen for stop in stops)


def test_a_root_that_is_no_object_is_wrapped_and_its_references_follow() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/$defs/Leaf"}, {"$ref": "#"}]},
        "$defs": {"Leaf": {"type": "object", "properties": {"$id": {"type": "string"}}}},
    }
    _, wrapped = output_tool(schema)
    assert wrapped["properties"]["value"]["items"]["anyOf"] == [
        {"$ref": "#/$defs/Leaf"},
        {"$ref": "#/properties/value"},
    ]
    assert wrapped["$defs"] == schema["$defs"]
    assert "$schema" not in json.dumps(wrapped)


def test_an_object_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"id": {"const": {"$schema": "x"}}}}
    assert output_tool(schema)[1] == schema
