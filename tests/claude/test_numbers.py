"""Whole numbers that JavaScript cannot hold, on their way to a CLI that is written in it."""

from claude_run.claude.numbers import as_text, is_carried, told
from claude_run.turn import JsonObject

LARGE = 2**53 + 1


def test_only_what_would_change_becomes_text() -> None:
    value = {"a": [LARGE, -LARGE, 2**53, 1.5, 1e300, True, None, "x"], "__proto__": {"b": LARGE}}
    assert as_text(value) == {
        "a": [str(LARGE), str(-LARGE), 2**53, 1.5, 1e300, True, None, "x"],
        "__proto__": {"b": str(LARGE)},
    }
    assert not is_carried(value)
    assert is_carried(as_text(value))


def test_a_schema_tells_of_them_in_words() -> None:
    schema: JsonObject = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "enum": [LARGE, 5], "description": "Whose."},
            "enum": {"const": 5, "maximum": 10**20},
        },
    }
    assert told(schema) == {
        "type": "object",
        "properties": {
            "id": {
                "type": "integer",
                "description": 'Whose.\n\nJSON schema: {"enum": [9007199254740993, 5]}',
            },
            "enum": {
                "const": 5,
                "description": 'JSON schema: {"maximum": 100000000000000000000}',
            },
        },
    }
