"""Imports point one way, tables have a row for everything, and files stay readable."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import claude_agent_sdk.types
import pytest

import claude_run
from claude_run.claude.errors import BY_ERROR
from claude_run.dialects.chat.answer import FINISH_REASON
from claude_run.dialects.errors import WIRE
from claude_run.turn import Failure, StopReason

PACKAGE = Path(claude_run.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each may import what it names, and itself.
ALLOWED = {
    "turn": set(),
    "settings": set(),
    "option_values": {"settings"},
    "patterns": set(),
    "loopback": set(),
    "login": {"cassette", "proxies", "settings"},
    "proxies": set(),
    "dialects": {"turn"},
    "usage": {"turn"},
    "cassette": {"patterns", "settings", "turn"},
    "claude": {"turn", "settings", "rehearsal"},
    "rehearsal": {"turn", "loopback"},
    "server": {
        "cassette", "claude", "dialects", "fault", "login", "loopback", "option_values", "registry",
        "rehearsal", "settings", "turn", "usage",
    },
    "stderr": set(),
    "fault": set(),
    "isolated": set(),
    "news": set(),
    "registry": set(),
    "bridge": {
        "cassette", "child", "claude", "dialects", "fault", "isolated", "login", "news",
        "option_values", "registry", "settings", "stderr", "turn", "usage",
    },
    "child": {"proxies", "terminal"},
    "terminal": set(),
    "pytest_plugin": {"bridge", "cli", "login", "settings", "usage"},
    "cli": {
        "bridge", "cassette", "child", "claude", "dialects", "login", "patterns", "proxies",
        "registry", "settings", "stderr", "turn", "usage",
    },
}  # fmt: skip


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    if part in {"__init__", "__main__"}:
        return
    for name in imported(path):
        root, _, rest = name.partition(".")
        if root == "claude_run" and rest:
            assert rest.partition(".")[0] in ALLOWED[part] | {part}, name
        if root == "claude_agent_sdk":
            assert part == "claude", name
        if root == "rich":
            assert part == "cli" or path.name == "summary.py", name


def test_every_failure_has_a_place_on_the_wire() -> None:
    assert set(WIRE) == set(Failure)


def test_every_stop_reason_has_a_finish_reason() -> None:
    assert set(FINISH_REASON) == set(StopReason)


def test_every_error_the_sdk_names_has_a_row() -> None:
    named = set(get_args(claude_agent_sdk.types.AssistantMessageError))
    assert named
    assert named <= set(BY_ERROR)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_file_outgrows_its_subject(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
