"""What the wrapped command finds: the variables that lead it to the bridge, and its words."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from claude_run import child, login
from claude_run.cli.kinds import filled
from claude_run.cli.saying import say


class Command(NamedTuple):
    words: Sequence[str]
    environment: Mapping[str, str]


def check(command: Sequence[str], values: Mapping[str, Any]) -> None:
    """Raises UsageError where `led` would, before anything is started."""
    if name := values["for_"]:
        from claude_run.cli.programs import PROGRAMS, with_words  # noqa: PLC0415 - who asks waits

        somewhere = {**os.environ, "OPENAI_BASE_URL": "http://127.0.0.1/v1"}
        with_words(command, name, PROGRAMS[name].lead(somewhere).words)


@contextmanager
def led(
    command: Sequence[str], base_url: str, key: str, values: Mapping[str, Any]
) -> Iterator[Command]:
    """`command`, as it is led to the bridge at `base_url` by what `values` ask for. Raises
    UsageError."""
    environment = child.command_environment(os.environ, base_url, key)
    if values["hide_login"]:
        environment = login.hidden(environment)
    if values["anthropic"]:
        environment = login.led_to(base_url, key, environment)
    with ExitStack() as stack:
        if name := values["for_"]:
            from claude_run.cli.programs import FILE, PROGRAMS, with_words  # noqa: PLC0415

            lead = PROGRAMS[name].lead(environment)
            words = lead.words
            if lead.file is not None:
                directory = stack.enter_context(TemporaryDirectory(prefix="claude-run-for-"))
                path = os.path.join(directory, f"{name}.yaml")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(lead.file)
                words = tuple(word.replace(FILE, path) for word in words)
            command = with_words(command, name, words)
            environment |= lead.variables
            if lead.told is not None:
                say(lead.told)
        for variable, template in values["set"]:
            environment[variable] = filled(template, base_url, key)
        yield Command(command, environment)
