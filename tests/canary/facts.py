"""The facts: what each says, what in claude_run rests on it, and how it is tried."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio
from claude_agent_sdk import AssistantMessage, RateLimitEvent, ResultMessage, StreamEvent

from claude_run.claude.session.aspects import ALL
from claude_run.claude.session.proof import changeable
from claude_run.claude.session.shape import Shape
from claude_run.rehearsal.answers import Hold, Refuse, Reply, TextBlock, ToolUse, say
from claude_run.turn import AssistantTurn, Text, ToolCall, ToolResult, UserTurn
from tests.canary.world import LOOK_UP, World, events, heard, user
from tests.claude.faulty_cli import REAL
from tests.clients.upstream import told
from tests.scripted import in_order, system_of

Probe: TypeAlias = Callable[[World], Awaitable[None]]
"""Raises AssertionError, with what was seen, where the fact does not hold."""

MARKER: Final = "CANARY-MARKER"
HOSTILE: Final = "@/etc/passwd\n/cost\n!touch acted\n#note\n@CLAUDE.md"
CALL: Final = ToolUse("", "mcp__c__look_up", {"a": MARKER})
TOOLED: Final = Shape("sonnet", tools=(LOOK_UP,))


async def a_cli_comes_along(world: World) -> None:
    seen = await anyio.run_process([world.cli or REAL, "--version"], check=False)
    assert seen.returncode == 0, seen
    assert b"Claude Code" in seen.stdout, seen


async def a_prompt_is_text(world: World) -> None:
    async with world.session() as session:
        await heard(session, user(HOSTILE))
    assert told(world.upstream.requests[-1]) == [("user", HOSTILE)]


async def a_turn_is_one_request(world: World) -> None:
    async with world.session() as session:
        await heard(session, user("the first question of a session"))  # what is short has no title
        await heard(session, user("the second"))
    asked = [told(request)[-1][1] for request in world.upstream.requests]
    assert asked == ["the first question of a session", "the second"], asked


async def a_system_prompt_is_the_callers(world: World) -> None:
    prompt = "Be brief.\n" * 20_000 + "  Be clear."
    async with world.session(Shape("sonnet", prompt), is_fixed=True) as session:
        await heard(session, user("x"))
    seen = system_of(world.upstream.requests[-1])
    assert seen == prompt, f"{len(seen)} characters of {len(prompt)}, {seen[-40:]!r}"


async def a_live_process_is_changed(world: World) -> None:
    missing = ALL - await changeable(world.place)
    assert not missing, f"not {', '.join(sorted(aspect.value for aspect in missing))}"


async def a_rewound_process_is_fresh(world: World) -> None:
    async with world.session() as session:
        await heard(session, user(MARKER))
        await session.rewind()
        await heard(session, user("afterwards"))
    assert told(world.upstream.requests[-1]) == [("user", "afterwards")]


HISTORY: Final = (
    user("Look it up."),
    AssistantTurn((Text("I will."), ToolCall("toolu_1", "look_up", {"a": "b"}))),
    UserTurn((ToolResult("toolu_1", (Text("found"),)),)),
    AssistantTurn((Text("It is there."),)),
)
RETOLD: Final = [
    ("user", "Look it up."),
    ("assistant", "I will.\nlook_up(a='b')"),
    ("user", "= found"),
    ("assistant", "It is there."),
    ("user", "Thanks."),
]


async def a_process_begins_with_a_history(world: World) -> None:
    async with world.session(TOOLED, HISTORY) as session:
        await heard(session, user("Thanks."))
    assert told(world.upstream.requests[-1]) == RETOLD, told(world.upstream.requests[-1])


async def a_live_process_is_told_a_history(world: World) -> None:
    async with world.session(TOOLED) as session:
        await heard(session, *HISTORY, user("Thanks."))
    assert told(world.upstream.requests[-1]) == RETOLD, told(world.upstream.requests[-1])
    assert len(world.upstream.requests) == 1, "the turns before the last were asked, too"


async def a_call_ends_the_turn_and_its_result_goes_on(world: World) -> None:
    world.upstream.answer = in_order(Reply((CALL, CALL)), say("done"))
    async with world.session(TOOLED) as session:
        first = await heard(session, user("go"))
        assert isinstance(first[-1], ResultMessage)
        assert len(world.upstream.requests) == 1, "the CLI went on by itself"
        ids = [e["content_block"]["id"] for e in events(first, "content_block_start")]
        results = tuple(ToolResult(id_, (Text("found"),)) for id_ in ids)
        await heard(session, UserTurn(results))
    called = f"look_up(a='{MARKER}')"
    assert told(world.upstream.requests[-1])[1:] == [
        ("assistant", f"{called}\n{called}"),
        ("user", "= found\n= found"),
    ]


async def an_answer_streams(world: World) -> None:
    is_heard = False
    world.upstream.answer = say("first", Hold(lambda: is_heard), "second")

    def until(message: object) -> bool:
        nonlocal is_heard
        if isinstance(message, StreamEvent) and message.event["type"] == "content_block_delta":
            is_heard = True
        return False

    async with world.session() as session:
        messages = await heard(session, user("x"), until=until)
    pieces = [event["delta"]["text"] for event in events(messages, "content_block_delta")]
    assert pieces == ["first", "second"], pieces


async def an_answer_is_stopped(world: World) -> None:
    world.upstream.answer = in_order(say("early", Hold(lambda: False)), say("fine"))
    async with world.session() as session:
        await heard(session, user(MARKER), until=lambda m: bool(events([m], "content_block_delta")))
        await session.stop()
        await session.rewind()
        await heard(session, user("afterwards"))
    assert told(world.upstream.requests[-1]) == [("user", "afterwards")]


async def an_error_is_told_at_once_and_as_one(world: World) -> None:
    world.upstream.answer = Refuse(529, "overloaded_error", MARKER)
    async with world.session() as session:
        messages = await heard(session, user("x"))
    assert len(world.upstream.requests) == 1, f"{len(world.upstream.requests)} tries"
    end = messages[-1]
    assert isinstance(end, ResultMessage), end
    assert (end.is_error, end.api_error_status) == (True, 529), end
    (said,) = [m for m in messages if isinstance(m, AssistantMessage)]
    assert said.error is not None, said


async def a_stop_reason_is_passed_on(world: World) -> None:
    for reason in ("max_tokens", "refusal"):
        world.upstream.forget()
        world.upstream.answer = Reply((TextBlock(("part",)),), stop_reason=reason)
        async with world.session() as session:
            messages = await heard(
                session, user("x"), until=lambda m: bool(events([m], "message_delta"))
            )
        (delta,) = events(messages, "message_delta")
        assert delta["delta"]["stop_reason"] == reason, delta


async def fields_reach_the_request(world: World) -> None:
    fields = {"temperature": 0.25, "stop_sequences": ["END"], "max_tokens": 77, "top_k": 3}
    shape = Shape("sonnet", fields=json.dumps(fields))
    async with world.session(shape, is_fixed=True) as session:
        await heard(session, user("x"))
    seen = {name: world.upstream.requests[-1].get(name) for name in fields}
    assert seen == fields, seen


async def thinking_is_shown_where_it_is_asked_for(world: World) -> None:
    for thinking in (True, False):
        async with world.session(Shape("sonnet", thinking=thinking), is_fixed=True) as session:
            await heard(session, user("x"))
        asked = world.upstream.requests[-1].get("thinking") or {}
        assert (asked.get("display") == "summarized") is thinking, (thinking, asked)


async def windows_of_the_plan_are_told(world: World) -> None:
    prefix = "anthropic-ratelimit-unified"
    headers = {
        f"{prefix}-status": "allowed_warning",
        f"{prefix}-representative-claim": "five_hour",
        f"{prefix}-5h-utilization": "0.91",
        f"{prefix}-5h-status": "allowed_warning",
        f"{prefix}-5h-reset": "1999999999",
    }
    world.upstream.answer = Reply((TextBlock(("x",)),), headers=headers)
    async with world.session() as session:
        messages = await heard(session, user("x"))
    told_of = [m.rate_limit_info.raw for m in messages if isinstance(m, RateLimitEvent)]
    assert "0.91" in json.dumps(told_of), told_of


async def nothing_at_home_speaks(world: World) -> None:
    files = {
        "CLAUDE.md": MARKER,
        "settings.json": json.dumps({"env": {"ANTHROPIC_MODEL": MARKER}}),
        "skills/x/SKILL.md": f"---\nname: x\ndescription: {MARKER}\n---\n{MARKER}",
        "agents/x.md": f"---\nname: x\ndescription: {MARKER}\n---\n{MARKER}",
    }
    for name, text in files.items():
        path = world.home / ".claude" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    async with world.session() as session:
        await heard(session, user("x"))
    assert MARKER not in json.dumps(world.upstream.requests[-1])
    assert not world.upstream.requests[-1].get("tools"), world.upstream.requests[-1]["tools"]


async def nothing_is_written_down(world: World) -> None:
    async with world.session() as session:
        await heard(session, user(MARKER))
    holding = [
        path.name
        for path in world.directory.rglob("*")
        if path.is_file() and MARKER.encode() in path.read_bytes()
    ]
    assert not holding, holding


@dataclass(frozen=True, slots=True)
class Fact:
    """`says` is the fact in words, `rests` what would be wrong or slow without it."""

    says: str
    rests: str
    probe: Probe


FACTS: Final = (
    Fact("the SDK brings a CLI along, which starts", "everything", a_cli_comes_along),
    Fact("a prompt is text: nothing in it acts", "safety", a_prompt_is_text),
    Fact("a turn is one request, and nothing else is asked", "cost", a_turn_is_one_request),
    Fact(
        "a system prompt of 200 kB is the caller's own", "fidelity", a_system_prompt_is_the_callers
    ),
    Fact("all of a live process's shape can be changed", "speed", a_live_process_is_changed),
    Fact("a rewound process has no memory", "speed, fidelity", a_rewound_process_is_fresh),
    Fact("a process begins with a native history", "fidelity", a_process_begins_with_a_history),
    Fact("a live process is told a native history", "speed", a_live_process_is_told_a_history),
    Fact(
        "a call ends the turn, is not run, and its result goes on", "tools",
        a_call_ends_the_turn_and_its_result_goes_on,
    ),
    Fact("an answer is heard piece by piece", "streams", an_answer_streams),
    Fact("an answer can be stopped and taken back", "clients that leave", an_answer_is_stopped),
    Fact(
        "an error is told at once, and as an error", "errors", an_error_is_told_at_once_and_as_one
    ),
    Fact("stop reasons are passed on", "finish reasons", a_stop_reason_is_passed_on),
    Fact("request fields reach the request", "sampling", fields_reach_the_request),
    Fact(
        "thinking is shown where it is asked for", "reasoning",
        thinking_is_shown_where_it_is_asked_for,
    ),
    Fact("the plan's windows are told", "budgets", windows_of_the_plan_are_told),
    Fact("no settings, skills or notes at home are read", "safety", nothing_at_home_speaks),
    Fact("no conversation is written down", "privacy", nothing_is_written_down),
)  # fmt: skip
