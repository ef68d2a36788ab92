"""The tables of the README that are made from the code. Run it to write them."""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from claude_run.cli.options import OPTIONS, Group, Option
from claude_run.dialects.chat import CHAT_FIELDS
from claude_run.dialects.completions import COMPLETION_FIELDS
from claude_run.dialects.fields import Field, markdown_table
from claude_run.dialects.messages import MESSAGES_FIELDS
from claude_run.dialects.responses import RESPONSES_FIELDS
from tests.yardsticks import table as yardsticks

README = Path(__file__).parents[1] / "README.md"
TABLES: Mapping[str, Mapping[str, Field]] = {
    "chat": CHAT_FIELDS,
    "responses": RESPONSES_FIELDS,
    "completions": COMPLETION_FIELDS,
    "messages": MESSAGES_FIELDS,
}
_PLACE = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


_YARDSTICKS = re.compile(r"(<!-- yardsticks -->\n).*?(<!-- end -->)", re.DOTALL)
_OPTIONS = re.compile(r"(<!-- options -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(readme: str) -> str:
    """`readme` with every table of fields and of options as the code has it."""
    fields = _PLACE.sub(
        lambda place: f"{place[1]}{markdown_table(TABLES[place[2]]).strip()}\n{place[3]}", readme
    )
    options = _OPTIONS.sub(lambda place: f"{place[1]}{options_told()}{place[2]}", fields)
    return _YARDSTICKS.sub(lambda place: f"{place[1]}{yardsticks.told()}{place[2]}", options)


def options_told() -> str:
    """The options of a run by their groups, and which of them no project's file may set."""
    lines = ["| option | what it does |", "|---|---|"]
    for group in Group:
        rows = [_row(option) for option in OPTIONS if option.group is group]
        lines += [f"| **{group.value}** | |", *rows] if rows else []
    personal = [f"`{o.name}` ({o.personal})" for o in OPTIONS if o.personal]
    said = "Only yours to set, and an error in a project's file: "
    return "\n".join([*lines, "", *textwrap.wrap(f"{said}{', '.join(personal)}.", 100)]) + "\n"


def _row(option: Option) -> str:
    metavar = f" {option.kind.metavar}" if option.kind.metavar else ""
    flags = ", ".join(f"`{flag}{metavar}`" for flag in reversed(option.flags))
    return "| {} | {} |".format(*(cell.replace("|", "\\|") for cell in (flags, option.help)))


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
