"""`claude-run check`: what a run needs, and what to do where it is missing."""

import json
import sys
from typing import Final

from claude_run.cli.checks.ask import asked
from claude_run.cli.checks.finding import Finding, State
from claude_run.cli.checks.here import CHECKS
from claude_run.cli.verbs import Call
from claude_run.usage.run import without_keys

FAILED: Final = 1
SIGNS: Final = {State.OK: "ok", State.NOTE: "note", State.FAULT: "FAULT"}
STYLES: Final = {State.OK: "green", State.NOTE: "yellow", State.FAULT: "bold red"}


def act(call: Call) -> int:
    settings = call.settings.with_model(call.values["model"])
    findings = [finding for check in CHECKS for finding in check(settings)]
    if call.values["ask"] and not _failed(findings):
        findings += asked(call.settings)
    if call.values["json"]:
        told = [finding.to_json() for finding in findings]
        report = {"ok": not _failed(findings), "checks": told}
        sys.stdout.write(without_keys(json.dumps(report, indent=1, ensure_ascii=False)) + "\n")
    elif sys.stdout.isatty():
        _on_terminal(findings)
    else:
        sys.stdout.writelines(f"{_line(finding)}\n" for finding in findings)
    return FAILED if _failed(findings) else 0


def _failed(findings: list[Finding]) -> bool:
    return any(finding.state is State.FAULT for finding in findings)


def _line(finding: Finding) -> str:
    return without_keys(f"{SIGNS[finding.state]:<6}{finding.subject:<16}{finding.told}")


def _on_terminal(findings: list[Finding]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only a terminal waits for it
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    columns = ("state", "subject", Column(overflow="fold"))  # a long path is shown whole
    table = Table(*columns, box=None, show_header=False, pad_edge=False)
    for finding in findings:
        sign = Text(SIGNS[finding.state], STYLES[finding.state])
        table.add_row(sign, Text(finding.subject, "bold"), Text(without_keys(finding.told)))
    Console().print(table)
