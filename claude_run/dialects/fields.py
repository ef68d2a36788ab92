"""The rule for request fields: each is honoured, ignored with a notice, or refused by name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from claude_run.dialects.errors import shortened
from claude_run.turn import JsonObject, Notice, bad_request

MOST_UNKNOWN: Final = 12


class Treatment(Enum):
    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a dialect's table.

    `note` says in one short sentence what happens; the README prints it and so do notices
    and refusals. A value among `harmless` asks for what happens anyway: it is accepted
    without a word, and is not passed on. `code` is what a client knows a refusal by.
    """

    name: str
    treatment: Treatment
    note: str
    harmless: tuple[Any, ...] = ()
    code: str | None = None


def table(*rows: Field) -> Mapping[str, Field]:
    return {row.name: row for row in rows}


def sift(
    body: JsonObject, fields: Mapping[str, Field], *, strict: bool
) -> tuple[JsonObject, tuple[Notice, ...]]:
    """The honoured fields of `body` that are not null, and what there is to say of the others.

    Raises:
        TurnError: a field is refused or, with `strict`, would have been ignored.
    """
    honoured: JsonObject = {}
    notices: list[Notice] = []
    unknown: list[str] = []
    for name, value in body.items():
        row = fields.get(name)
        if value is None or (row and value in row.harmless):
            continue
        if row is None:
            unknown.append(name)
        elif row.treatment is Treatment.HONOURED:
            honoured[name] = value
        else:
            notices.append(_notice(row, strict=strict))
    return honoured, (*notices, *_unknown(unknown, strict=strict))


def _notice(row: Field, *, strict: bool) -> Notice:
    if row.treatment is Treatment.REFUSED:
        raise bad_request(f"{row.name} is not supported. {row.note}", row.name, row.code)
    return ignored(row, strict=strict)


def ignored(row: Field, *, strict: bool) -> Notice:
    """A notice that a field of `row` is ignored; raises as `deviation`."""
    return deviation(row.name, f"{row.name} is ignored. {row.note}", strict=strict)


def _unknown(names: Sequence[str], *, strict: bool) -> Iterator[Notice]:
    """A notice for each of a few names, and one for all of many."""
    shown = [shortened(name) for name in names[:MOST_UNKNOWN]]
    if len(names) <= MOST_UNKNOWN:
        for name in shown:
            yield deviation(name, f"{name} is not known here and is ignored.", strict=strict)
        return
    told = f"{', '.join(shown)} and {len(names) - MOST_UNKNOWN} more"
    text = f"{told} are not known here and are ignored."
    yield deviation("many unknown fields", text, strict=strict)


def deviation(subject: str, text: str, *, strict: bool) -> Notice:
    """A notice that the field `subject` is not done as asked.

    Raises:
        TurnError: `strict` makes it a refusal.
    """
    if strict:
        raise bad_request(f"{text} --strict-params is on, so the request is refused.", subject)
    return Notice(subject, text)


def markdown_table(fields: Mapping[str, Field]) -> str:
    """The table as the README prints it."""
    rows = (f"| `{row.name}` | {row.treatment.value} | {row.note} |" for row in fields.values())
    return "\n".join(("| Field | Treatment | What happens |", "|---|---|---|", *rows))
