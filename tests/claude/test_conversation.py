"""One conversation goes on with another exactly if it should."""

from hypothesis import given, settings
from hypothesis import strategies as st

from claude_run.claude.conversation import answered, continues, identity
from claude_run.turn import (
    Answer,
    AssistantTurn,
    CallText,
    Image,
    StopReason,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    TurnFinished,
    Usage,
    UserTurn,
)

WORDS = st.sampled_from(["a", "b", "ab", "", " ", "a\n", "é"])
ARGUMENTS = st.dictionaries(
    st.sampled_from(["x", "y"]), st.sampled_from([0, 0.0, 1, 1.0, True, False, None, "1"])
)
USERS = st.lists(
    st.one_of(
        WORDS.map(Text),
        st.builds(ToolResult, WORDS, st.tuples(WORDS.map(Text)), st.booleans()),
        st.builds(Image, url=WORDS),
    ),
    max_size=2,
).map(lambda parts: UserTurn(tuple(parts)))
ASSISTANTS = st.lists(
    st.one_of(WORDS.map(Text), st.builds(ToolCall, WORDS, WORDS, ARGUMENTS)), max_size=2
).map(lambda parts: AssistantTurn(tuple(parts)))


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Turn, ...]:
    rounds = draw(st.integers(0, 3))
    turns: list[Turn] = []
    for _ in range(rounds):
        turns += [draw(USERS), draw(ASSISTANTS)]
    return (*turns, draw(USERS))


def longer(turn: Turn) -> Turn:
    more = Text("more")
    if isinstance(turn, UserTurn):
        return UserTurn((*turn.parts, more))
    return AssistantTurn((*turn.parts, more))


def same_spelling(a: Turn, b: Turn) -> bool:
    """The rule in other words: equal as printed, where an answer's texts are one text."""

    def spelt(turn: Turn) -> str:
        if isinstance(turn, AssistantTurn):
            text = "".join(p.text for p in turn.parts if isinstance(p, Text))
            calls = [
                (p.id, p.name, sorted(p.arguments.items()))
                for p in turn.parts
                if isinstance(p, ToolCall)
            ]
            return repr(("assistant", text, calls))
        return repr(turn)

    return spelt(a) == spelt(b)


@settings(deadline=None)
@given(conversations(), conversations())
def test_only_a_beginning_is_gone_on_with(kept: tuple[Turn, ...], asked: tuple[Turn, ...]) -> None:
    held = kept[:-1]
    expected = 0 < len(held) < len(asked) and all(map(same_spelling, held, asked))
    assert continues(held, asked) == expected


@settings(deadline=None)
@given(conversations(), USERS, ASSISTANTS)
def test_what_was_asked_and_answered_is_gone_on_with(
    asked: tuple[Turn, ...], more: UserTurn, answer: AssistantTurn
) -> None:
    held = (*asked, answer)
    assert continues(held, (*held, more))
    assert not continues(held, held)
    assert not continues((*held, more), held)


@settings(deadline=None)
@given(conversations(), st.data())
def test_any_change_breaks_it(asked: tuple[Turn, ...], data: st.DataObject) -> None:
    held = (*asked, AssistantTurn((Text("so"),)))
    at = data.draw(st.integers(0, len(held) - 1))
    changed = longer(held[at])
    assert not continues(held, (*held[:at], changed, *held[at + 1 :], UserTurn((Text("x"),))))


def test_an_answer_in_pieces_is_the_answer_in_one() -> None:
    one = AssistantTurn((Text("ab"), ToolCall("1", "f", {"x": 1, "y": 2})))
    two = AssistantTurn((Text("a"), Text("b"), ToolCall("1", "f", {"y": 2, "x": 1})))
    assert identity(one) == identity(two)


def test_numbers_and_booleans_are_told_apart() -> None:
    turns = [AssistantTurn((ToolCall("1", "f", {"x": x}),)) for x in (1, True, 1.0, "1")]
    assert len({identity(turn) for turn in turns}) == 4


def answer(text: str, *calls: CallText) -> Answer:
    said = (Text(text),) if text else ()
    return Answer(TurnFinished(StopReason.END, Usage(), "m"), (*said, *calls))


def test_an_answer_is_remembered_as_a_client_sends_it_back() -> None:
    assert answered(answer(" x ")) == AssistantTurn((Text(" x "),))
    called = answered(answer("\n", CallText("1", "f", '{"x": 1}')))
    assert called == AssistantTurn((ToolCall("1", "f", {"x": 1}),))


def test_what_no_client_can_send_back_is_not_remembered() -> None:
    assert answered(answer("")) is None
    assert answered(answer("\n ")) is None
    assert answered(answer("x", CallText("1", "f", '{"broken'))) is None
