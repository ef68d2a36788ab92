"""Custom tools in a chat, as openai's client offers them and is given their calls."""

from typing import Any

import openai

from claude_run.rehearsal.answers import Reply, say
from claude_run.turn import JsonObject
from tests.scripted import ScriptedUpstream, turns
from tests.server.chats import WEATHER, in_both_forms, offered, result, use, user

PATCH: JsonObject = {
    "type": "custom",
    "custom": {
        "name": "apply_patch",
        "description": "Edits files.",
        "format": {
            "type": "grammar",
            "grammar": {"syntax": "regex", "definition": "[*]{3} .*"},
        },
    },
}
INPUT = '*** Begin\n"Köln" \\ \N{GRINNING FACE}'


def called(client: openai.OpenAI, *, stream: bool, **asked: Any) -> JsonObject:
    """The one call of the answer, as the client has it, however the answer came."""
    if not stream:
        (choice,) = client.chat.completions.create(**asked).choices
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls or []
        told: JsonObject = call.model_dump()
        return told
    made: JsonObject = {}
    for chunk in client.chat.completions.create(stream=True, **asked):
        for piece in chunk.choices[0].delta.tool_calls or ():
            part = piece.model_dump(exclude_unset=True)
            assert part.pop("index") == 0
            if made:
                made["custom"]["input"] += part["custom"]["input"]
            else:
                made = part
    return made


@in_both_forms
def test_a_custom_tool_is_called_with_a_text_and_goes_on_with_its_result(
    client: openai.OpenAI, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.answer = Reply((use("apply_patch", input=INPUT),))
    asked: JsonObject = {"model": "sonnet", "tools": [WEATHER, PATCH]}
    asked["tool_choice"] = {"type": "custom", "custom": {"name": "apply_patch"}}
    call = called(client, stream=stream, messages=[user("patch")], **asked)
    made = {"name": "apply_patch", "input": INPUT}
    assert call == {"id": call["id"], "type": "custom", "custom": made}

    upstream.answer = say("Done.")
    asked["tool_choice"] = "auto"
    talk: Any = [
        user("patch"),
        {"role": "assistant", "tool_calls": [call]},
        result(call["id"], "ok"),
    ]
    answer = client.chat.completions.create(messages=talk, **asked)
    assert answer.choices[0].message.content == "Done."

    first, second = upstream.requests
    told = offered(first)["mcp__c__apply_patch"]["input_schema"]["properties"]["input"]
    assert told["description"].endswith("It must match this regex grammar:\n[*]{3} .*")
    assert first["tool_choice"] == {"type": "tool", "name": "mcp__c__apply_patch"}
    (part,) = turns(second)[1]["content"]
    assert (part["type"], part["input"]) == ("tool_use", {"input": INPUT})
