"""What `claude-run ask` takes."""

from typing import Final

from claude_run.cli.kinds import FLAG, choice, count, path, text
from claude_run.cli.options import Group, Option, named

MOST_ANSWERS: Final = 128

ASK_OPTIONS: Final = (
    Option(
        "model", text("MODEL"), Group.EVERYDAY,
        "The model that answers. Without it sonnet.",
        short="m", default="sonnet",
    ),
    Option(
        "system", text("TEXT"), Group.EVERYDAY,
        "What Claude is to be and to do: the system prompt.",
        short="s", configurable=False,
    ),
    Option(
        "file", path("FILE", repeated=True), Group.EVERYDAY,
        "Ask about FILE: text, a picture (PNG, JPEG, GIF, WebP) or a PDF; - is what is piped in."
        " May be repeated.",
        short="f", configurable=False,
    ),
    Option(
        "continue", FLAG, Group.EVERYDAY,
        "Go on with the conversation that was kept last, and keep it. If there is none, one"
        " begins.",
        short="c", default=False, configurable=False,
    ),
    Option(
        "keep", FLAG, Group.EVERYDAY,
        "Keep the conversation that begins here for --continue, in your state directory.",
        default=False, personal="it decides what is kept of what you ask",
    ),
    Option(
        "n", count("N", most=MOST_ANSWERS), Group.EVERYDAY,
        "N answers at once, each under its number.",
        short="n", default=1, configurable=False,
    ),
    Option(
        "effort", choice("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        Group.EVERYDAY,
        "How hard Claude thinks before it answers.",
        configurable=False,
    ),
    Option(
        "schema", path("FILE"), Group.EVERYDAY,
        "Answer with JSON that fits the JSON schema in FILE.",
        configurable=False,
    ),
    Option(
        "json", FLAG, Group.EVERYDAY,
        "Print answers, model, what ended each, and what was used as one JSON object.",
        default=False, configurable=False,
    ),
    Option(
        "stream", FLAG, Group.EVERYDAY,
        "Print the answer as it is written; --no-stream: once it is whole.",
        default=True, configurable=False,
    ),
    Option(
        "quiet", FLAG, Group.EVERYDAY,
        "Say nothing but what failed. What concerns money stays.",
        short="q", default=False, configurable=False,
    ),
    *named("billing", "model-map", "default-model", "timeout", "rehearse"),
)  # fmt: skip
