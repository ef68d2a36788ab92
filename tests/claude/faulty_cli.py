"""A Claude Code CLI that does not do what some control request asks: the real one, behind a sieve.

As a program it is started in the CLI's place, with the same arguments and pipes. What it does is
written in the file beside it, so that one program serves every test.
"""

import json
import os
import stat
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_SDK: Final = find_spec("claude_agent_sdk")  # not imported: that takes longer than the CLI's start
assert _SDK is not None
assert _SDK.origin is not None
REAL: Final = Path(_SDK.origin).parent / "_bundled" / "claude"


def faulty(directory: Path, subtype: str, how: str, after: int = 0) -> Path:
    """A CLI for which requests of `subtype` are "refused" or "ignored" (acknowledged, and not
    carried out), once `after` of them have been carried out."""
    cli = directory / f"claude-{how}-{subtype}-{after}"
    cli.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from tests.claude.faulty_cli import main\n"
        f"main({subtype!r}, {how!r}, {after!r})\n"
    )
    cli.chmod(cli.stat().st_mode | stat.S_IXUSR)
    return cli


def main(subtype: str, how: str, after: int) -> None:
    real = subprocess.Popen([REAL, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert real.stdin is not None
    assert real.stdout is not None
    writing = threading.Lock()

    def write(line: bytes) -> None:
        with writing:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def read() -> None:
        assert real.stdout is not None
        for line in real.stdout:
            write(line)
        os._exit(real.wait())

    threading.Thread(target=read, daemon=True).start()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        is_of_it = (asked.get("request") or {}).get("subtype") == subtype
        after -= is_of_it
        if is_of_it and after < 0:
            write(json.dumps(_answer(asked["request_id"], how)).encode() + b"\n")
        else:
            real.stdin.write(line)
            real.stdin.flush()
    real.stdin.close()
    real.wait()


def _answer(request_id: str, how: str) -> dict[str, Any]:
    told: dict[str, Any]
    if how == "refused":
        told = {"subtype": "error", "request_id": request_id, "error": "unknown subtype"}
    else:
        told = {"subtype": "success", "request_id": request_id, "response": {}}
    return {"type": "control_response", "response": told}
