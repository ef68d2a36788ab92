"""The tables of the README that are made from the code. Run it to write them."""

import re
from collections.abc import Mapping
from pathlib import Path

from claude_run.dialects.chat import CHAT_FIELDS
from claude_run.dialects.completions import COMPLETION_FIELDS
from claude_run.dialects.fields import Field, markdown_table
from claude_run.dialects.messages import MESSAGES_FIELDS
from claude_run.dialects.responses import RESPONSES_FIELDS

README = Path(__file__).parents[1] / "README.md"
TABLES: Mapping[str, Mapping[str, Field]] = {
    "chat": CHAT_FIELDS,
    "responses": RESPONSES_FIELDS,
    "completions": COMPLETION_FIELDS,
    "messages": MESSAGES_FIELDS,
}
_PLACE = re.compile(r"(<!-- fields: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(readme: str) -> str:
    """`readme` with every field table as the code has it."""
    return _PLACE.sub(
        lambda place: f"{place[1]}{markdown_table(TABLES[place[2]]).strip()}\n{place[3]}", readme
    )


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
