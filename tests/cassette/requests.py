"""Neutral requests and answers of every kind, for Hypothesis."""

import base64

from hypothesis import strategies as st

from claude_run.cassette.answers import Recorded, Timed
from claude_run.turn import (
    AssistantTurn,
    Document,
    Effort,
    Failure,
    Image,
    JsonObject,
    RedactedThinking,
    RefusalDelta,
    Sampling,
    SearchResult,
    StopReason,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingRedacted,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    ToolChoice,
    ToolMode,
    ToolResult,
    ToolSpec,
    TurnError,
    TurnEvent,
    TurnFinished,
    TurnRequest,
    TurnRestarted,
    TurnStarted,
    Usage,
    UserTurn,
)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
long_texts = st.lists(texts, min_size=1, max_size=4).map(
    lambda parts: "\n\n".join(part * 60 for part in parts)
)
names = st.text("abcxyz_", min_size=1, max_size=6)
data = st.binary(max_size=12).map(lambda content: base64.b64encode(content).decode())
leaves = st.none() | st.booleans() | st.integers() | texts | st.sampled_from([0.5, 1.0, -2.25])
objects: st.SearchStrategy[JsonObject] = st.dictionaries(
    names | st.just("beside"), st.recursive(leaves, lambda inner: st.lists(inner, max_size=2)),
    max_size=3,
)  # fmt: skip

plain = st.builds(Text, texts | long_texts)
images = st.builds(Image, st.sampled_from(["image/png", "image/webp"]), data) | st.builds(
    Image, url=texts
)
documents = (
    st.builds(Document, st.just("application/pdf"), data, st.none(), st.none() | texts)
    | st.builds(Document, st.just("text/plain"), texts | long_texts)
    | st.builds(Document, url=texts, context=st.none() | texts)
)
found = st.builds(SearchResult, texts, texts, st.lists(texts | long_texts, max_size=2).map(tuple))
content = plain | images | documents | found
results = st.builds(ToolResult, names, st.lists(content, max_size=2).map(tuple), st.booleans())
calls = st.builds(ToolCall, names, names, objects)
thoughts = st.builds(Thinking, texts, names) | st.builds(RedactedThinking, names)
user_turns = st.builds(UserTurn, st.lists(results | content, max_size=3).map(tuple))
assistant_turns = st.builds(
    AssistantTurn, st.lists(plain | calls | thoughts, min_size=1, max_size=3).map(tuple)
)
tools = st.builds(ToolSpec, names, texts, objects)
choices = st.builds(ToolChoice, st.sampled_from(ToolMode), st.none() | names, st.booleans())
samplings = st.builds(
    Sampling,
    st.none() | st.sampled_from([0.0, 0.5, 1.0]),
    st.none() | st.sampled_from([0.1, 1.0]),
    st.none() | st.integers(1, 9),
    st.lists(texts, max_size=2).map(tuple),
    st.none() | st.integers(1, 99),
)


@st.composite
def turns(draw: st.DrawFn) -> tuple[UserTurn | AssistantTurn, ...]:
    before = draw(st.lists(st.tuples(user_turns, assistant_turns), max_size=2))
    return (*(turn for pair in before for turn in pair), draw(user_turns))


requests = st.builds(
    TurnRequest,
    names,
    turns(),
    texts | long_texts,
    st.lists(tools, max_size=2).map(tuple),
    choices,
    st.none() | objects,
    samplings,
    st.booleans(),
    st.none() | st.sampled_from(Effort),
)

usages = st.builds(Usage, *[st.integers(0, 9)] * 5)
events: st.SearchStrategy[TurnEvent] = st.one_of(
    st.builds(TurnStarted, names),
    st.builds(TextDelta, texts),
    st.builds(ThinkingDelta, texts),
    st.builds(ThinkingSigned, names),
    st.builds(ThinkingRedacted, names),
    st.builds(RefusalDelta, texts),
    st.builds(ToolCallStarted, st.integers(0, 3), st.just(""), names),
    st.builds(ToolCallDelta, st.integers(0, 3), texts),
    st.just(TurnRestarted()),
)
finishes = st.builds(
    TurnFinished,
    st.sampled_from(StopReason),
    usages,
    names,
    st.none() | st.just(0.25),
    st.none() | texts,
)


def timed(happened: list[TurnEvent]) -> tuple[Timed, ...]:
    return tuple(Timed(number * 7, event) for number, event in enumerate(happened))


answered = st.builds(
    Recorded,
    st.tuples(st.lists(events, max_size=8), finishes).map(lambda both: timed([*both[0], both[1]])),
    st.just("2026-01-02T03:04:05+00:00"),
    st.just("claude-run 0.1.0"),
    st.booleans(),
)
failed = st.builds(
    Recorded,
    st.lists(events, max_size=3).map(timed),
    st.just("2026-01-02T03:04:05+00:00"),
    st.just("claude-run 0.1.0"),
    st.booleans(),
    st.builds(TurnError, st.sampled_from(Failure), texts, param=st.none() | names),
)
answers = answered | failed
