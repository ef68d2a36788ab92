"""What schemathesis makes of the vendors' own descriptions, sent to a bridge that only replays.

It has a command of its own: pip install -e '.[fuzz]'. What is answered as published is asked
elsewhere; here nothing may be a fault.
"""

import json
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

from claude_run.bridge import Bridge
from tests.described.descriptions import ANTHROPIC, OPEN_RESPONSES, OPENAI, Vendor

_PATHS: Final[dict[Vendor, tuple[str, ...]]] = {
    OPENAI: ("/chat/completions", "/completions", "/models", "/models/{model}"),
    OPEN_RESPONSES: ("/responses", "/responses/compact"),
    ANTHROPIC: ("/v1/messages", "/v1/models", "/v1/models/{model_id}"),
}
_OPTIONS: Final = (
    *("--checks", "not_a_server_error"),
    *("--phases", "coverage,fuzzing"),
    *("--mode", "all"),
    *("--request-timeout", "10"),
    *("--generation-database", "none"),
)


def described(bridge: Bridge, examples: int) -> list[str]:
    """What went wrong, as schemathesis tells it, after `examples` bodies for each path and more
    that lie at the edges of what is described.

    Raises:
        FileNotFoundError: schemathesis is not installed.
    """
    program = shutil.which("schemathesis")
    if program is None:
        raise FileNotFoundError("schemathesis is not installed: pip install -e '.[fuzz]'")
    with tempfile.TemporaryDirectory() as directory:
        return [
            told
            for vendor in _PATHS
            if (told := _searched(program, bridge, vendor, Path(directory), examples))
        ]


def _searched(
    program: str, bridge: Bridge, vendor: Vendor, directory: Path, examples: int
) -> str | None:
    description = json.loads(files("llm_comply").joinpath("specs", f"{vendor}.json").read_text())
    paths = {path: description["paths"][path] for path in _PATHS[vendor]}
    file = directory / f"{vendor}.json"
    file.write_text(json.dumps({**description, "paths": paths}))
    base = bridge.base_url.removesuffix("/v1") if vendor == ANTHROPIC else bridge.base_url
    key = f"Authorization: Bearer {bridge.api_key}"  # it opens a bridge that ends with this
    where = (str(file), "--url", base, "-H", key, "--max-examples", str(examples))
    command = [program, "run", *where, *_OPTIONS]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory)
    summary = [line.strip() for line in done.stdout.splitlines() if " generated, " in line]
    print(f"{vendor:16}{', '.join(summary) or 'nothing was generated'}", flush=True)
    return None if done.returncode == 0 and summary else done.stdout + done.stderr
