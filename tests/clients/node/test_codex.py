"""Codex CLI, on its own provider and on one from its configuration, running a shell command."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from claude_run.bridge import Bridge
from claude_run.child import command_environment
from claude_run.rehearsal.answers import say
from claude_run.settings import Settings
from tests.clients.upstream import calls, matched, offered, told
from tests.scripted import ScriptedUpstream, in_order, system_of
from tests.server.asking import ask

pytestmark = pytest.mark.timeout(600)  # the first test waits for npm

MODEL = """
model = "{model}"
check_for_update_on_startup = false
"""
NOT_ELSEWHERE = """
[analytics]
enabled = false
[features]
apps = false
plugins = false
"""
OWN_PROVIDER = """
openai_base_url = "{url}"
"""
CONFIGURED = """
model_provider = "claude-run"
[model_providers.claude-run]
name = "claude-run"
base_url = "{url}"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""

MAKE_A_FILE = "echo hello > made.txt; cat made.txt"


# What Codex knows of a model decides the form that it offers its tools in.
UNKNOWN = "sonnet"  # plain functions, and a namespace
KNOWN = "gpt-5.5"  # custom tools, and a search for more
LATEST = "gpt-5.6-sol"  # everything in namespaces, which come with the input


class Codex:
    """A Codex that knows the bridge, with a home of its own."""

    def __init__(
        self, packages: Path, tmp_path: Path, wrapped: dict[str, str], gateway: dict[str, str]
    ) -> None:
        self._packages = packages
        self.home = tmp_path / "codex"
        self.work = tmp_path / "work"
        self.home.mkdir()
        self.work.mkdir()
        self._url = wrapped["OPENAI_BASE_URL"]
        self._environment = {
            **wrapped,
            **gateway,
            "CODEX_HOME": str(self.home),
            "CODEX_API_KEY": wrapped["OPENAI_API_KEY"],
        }

    def run(self, prompt: str, *, model: str, provider: str = CONFIGURED, more: str = "") -> str:
        """What it says in the end."""
        settings = MODEL.format(model=model) + provider.format(url=self._url) + NOT_ELSEWHERE
        (self.home / "config.toml").write_text(settings + more)
        events = codex(self._packages, self._environment, self.work, prompt)
        items = [event["item"] for event in events if "item" in event]
        return str([item["text"] for item in items if item["type"] == "agent_message"][-1])


@pytest.fixture
def codex_here(
    packages: Path, tmp_path: Path, wrapped: dict[str, str], gateway: dict[str, str]
) -> Codex:
    return Codex(packages, tmp_path, wrapped, gateway)


def codex(packages: Path, environment: dict[str, str], directory: Path, prompt: str) -> list[Any]:
    """The events of a run in `directory`."""
    finished = subprocess.run(
        [
            *(packages / "node_modules" / ".bin" / "codex", "exec", "--json"),
            *("--skip-git-repo-check", "--sandbox", "danger-full-access", "--cd", directory),
            prompt,
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


@pytest.mark.parametrize("provider", [OWN_PROVIDER, CONFIGURED], ids=["own provider", "configured"])
def test_a_shell_command(upstream: ScriptedUpstream, codex_here: Codex, provider: str) -> None:
    upstream.answer = in_order(
        calls(("exec_command", {"cmd": MAKE_A_FILE}), saying="I make it."), say("All", " done.")
    )
    assert codex_here.run("Make a file.", model=UNKNOWN, provider=provider) == "All done."

    assert (codex_here.work / "made.txt").read_text() == "hello\n"
    before, after = upstream.requests
    assert "Codex" in system_of(before)
    assert "exec_command" in offered(before)
    (_, asked), (_, called), (_, result) = told(after)
    assert asked.endswith("\nMake a file.")
    assert called == f"I make it.\nexec_command(cmd={MAKE_A_FILE!r})"
    assert "exited with code 0" in result
    assert matched(after)


PATCH = """\
*** Begin Patch
*** Add File: made.txt
+hello "you"
*** End Patch
"""


def test_a_patch_by_a_custom_tool(upstream: ScriptedUpstream, codex_here: Codex) -> None:
    upstream.answer = in_order(calls(("apply_patch", {"input": PATCH})), say("Patched."))
    assert codex_here.run("Make a file.", model=KNOWN) == "Patched."

    assert (codex_here.work / "made.txt").read_text() == 'hello "you"\n'
    before, after = upstream.requests
    assert "lark grammar" in str(offered(before)["apply_patch"])
    assert "Success" in told(after)[-1][1]
    assert matched(after)


def test_tools_that_it_searches_for(upstream: ScriptedUpstream, codex_here: Codex) -> None:
    upstream.answer = in_order(calls(("tool_search", {"query": "spawn an agent"})), say("Found."))
    assert codex_here.run("Which tools are there?", model=KNOWN) == "Found."

    before, after = upstream.requests
    new = offered(after).keys() - offered(before).keys()
    assert "multi_agent_v1_spawn_agent" in new
    assert "multi_agent_v1.spawn_agent" in told(after)[-1][1]
    assert matched(after)


SCRIPT = "const r = await tools.exec_command({cmd: 'echo hello > made.txt'}); text(r.exit_code);"


def test_a_script_by_a_custom_tool_in_a_namespace_that_comes_with_the_input(
    upstream: ScriptedUpstream, codex_here: Codex
) -> None:
    upstream.answer = in_order(calls(("exec", {"input": SCRIPT})), say("Run."))
    assert codex_here.run("Make a file.", model=LATEST) == "Run."

    assert (codex_here.work / "made.txt").read_text() == "hello\n"
    before, after = upstream.requests
    assert {"exec", "wait", "collaboration_spawn_agent"} <= offered(before).keys()
    assert "Script completed" in told(after)[-1][1]
    assert matched(after)


def test_a_function_in_a_namespace(upstream: ScriptedUpstream, codex_here: Codex) -> None:
    upstream.answer = in_order(calls(("collaboration_list_agents", {})), say("One."))
    assert codex_here.run("Which agents are there?", model=LATEST) == "One."
    assert "/root" in told(upstream.requests[1])[-1][1]


SOCKETS = """
supports_websockets = true
"""
BY = {
    "own provider": (OWN_PROVIDER, {101}),
    "configured": (CONFIGURED, {200}),
    "configured for sockets": (CONFIGURED + SOCKETS, {101}),
}


@pytest.mark.parametrize(("provider", "statuses"), BY.values(), ids=BY)
def test_it_comes_by_websocket_unless_a_provider_is_configured_without(
    environment: dict[str, str],
    upstream: ScriptedUpstream,
    packages: Path,
    gateway: dict[str, str],
    tmp_path: Path,
    provider: str,
    statuses: set[int],
) -> None:
    upstream.answer = in_order(
        calls(("exec_command", {"cmd": "echo one"})),
        calls(("exec_command", {"cmd": "echo two"})),
        say("Done."),
    )
    with Bridge(Settings(log=str(tmp_path / "log")), environment=environment) as bridge:
        bridge.wait_ready()
        wrapped = command_environment(dict(os.environ), bridge.base_url, bridge.api_key)
        here = Codex(packages, tmp_path, wrapped, gateway)
        assert here.run("Count.", model=UNKNOWN, provider=provider) == "Done."
        used = ask(bridge, "/v1/usage", method="GET")[1]["sessions"]
    (log,) = (tmp_path / "log").iterdir()
    asked = [entry for entry in map(json.loads, log.read_text().splitlines()) if "path" in entry]
    assert {entry["status"] for entry in asked} == statuses
    assert used["continued"] == 2
