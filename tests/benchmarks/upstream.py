"""A model that echoes, in a process of its own, so that its work is nobody else's."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from claude_run.rehearsal.answers import Pause, Reply, ToolUse, say
from claude_run.rehearsal.upstream import Upstream
from claude_run.turn import JsonObject
from tests.scripted import sealed_environment, turns
from tests.verified import remember_what_works

_THINKS = re.compile(r"thinks (\d+\.\d+) s")


def thinks(seconds: float) -> str:
    """What a question must hold for its answer to take so long."""
    return f"thinks {seconds:.3f} s"


@contextmanager
def sealed_to_a_model() -> Iterator[dict[str, str]]:
    """The environment in which a CLI talks to such a model and to nothing else. Meanwhile it is
    this process's own as well: the SDK hands that down."""
    command = [sys.executable, "-m", __name__]
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        environment = sealed_environment(Path(directory), process.stdout.readline().strip())
        with process.stdin, patch.dict(os.environ, environment, clear=True):
            remember_what_works(environment)
            yield environment


def answer(request: JsonObject) -> Reply:
    """A call of the first tool, where there is one; elsewhere the question itself."""
    question = json.dumps(turns(request)[-1]["content"])
    found = _THINKS.search(question)
    seconds = float(found[1]) if found else 0.0
    if tools := request.get("tools"):
        return Reply((Pause(seconds), ToolUse("", tools[0]["name"], {"city": "Ulm"})))
    return say(Pause(seconds), "You said: ", question)


async def _serve() -> None:
    async with Upstream(answer) as upstream:
        print(upstream.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
