"""What a person is told when nothing recorded answers a request."""

from claude_run.cassette.nearest import SHOWN, differences
from claude_run.cassette.tape import Question, Tape


def missed(question: Question, tape: Tape, recorded_by: str) -> str:
    """Why `question` has no answer, what the nearest recording has otherwise, and what to do."""
    return "\n".join([*_why(question, tape), f"Record it with: {recorded_by}"])


def _why(question: Question, tape: Tape) -> list[str]:
    if there := len(tape.answers(question.key)):
        times = "once" if there == 1 else f"{there} times"
        return [
            f"This request was recorded {times}, and asked for the {_ordinal(question.number)} time"
            " (--repeat gives the last answer again)."
        ]
    if tape.recording(question.key) is not None:
        return ["This request was only recorded in a rehearsal (--rehearse)."]
    near = tape.neighbours.nearest(question.document)
    if near is None:
        return ["Nothing recorded answers this request: there is no recording in that cassette."]
    told = differences(near.document, question.document)
    more = [f"  and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return [
        f"Nothing recorded answers this request. The nearest is {near.file}; there [-this-]"
        " stands where {+that+} was asked:",
        *(f"  {difference}" for difference in told[:SHOWN]),
        *more,
    ]


def _ordinal(number: int) -> str:
    """`number` counts from 0."""
    return {0: "first", 1: "second", 2: "third"}.get(number, f"{number + 1}th")
