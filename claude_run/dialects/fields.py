"""The rule for request fields: each is honoured, ignored with a notice, or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from claude_run.turn import JsonObject, Notice, bad_request


class Treatment(Enum):
    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a dialect's table.

    `note` says in one short sentence what happens; the README prints it and so do notices
    and refusals. A value among `harmless` asks for what happens anyway: it is accepted
    without a word, and is not passed on.
    """

    name: str
    treatment: Treatment
    note: str
    harmless: tuple[Any, ...] = ()


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
    for name, value in body.items():
        row = fields.get(name)
        if value is None or (row and value in row.harmless):
            continue
        if row and row.treatment is Treatment.HONOURED:
            honoured[name] = value
        else:
            notices.append(_notice(name, row, strict=strict))
    return honoured, tuple(notices)


def _notice(name: str, row: Field | None, *, strict: bool) -> Notice:
    if row is None:
        return deviation(name, f"{name} is not known here and is ignored.", strict=strict)
    if row.treatment is Treatment.REFUSED:
        raise bad_request(f"{name} is not supported. {row.note}", name)
    return deviation(name, f"{name} is ignored. {row.note}", strict=strict)


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
