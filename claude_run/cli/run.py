"""The wrapper: a command, with a bridge beside it for as long as it runs."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from claude_run import child, login
from claude_run.bridge import Bridge, BridgeError
from claude_run.cassette.mode import recording_command
from claude_run.cli.arguments import UsageError
from claude_run.cli.meaning import look_for, meant
from claude_run.cli.options import OPTIONS, STEP_SUMMARY, Group, default
from claude_run.cli.outputs import refuse_unwritable
from claude_run.cli.saying import say
from claude_run.cli.surroundings import check, led
from claude_run.cli.title import Show, titled
from claude_run.cli.verbs import RUN, Call
from claude_run.settings import Settings
from claude_run.usage.run import Run, title_of
from claude_run.usage.verdict import FOUND, Report, found

BRIDGE_FAILED: Final = 125


def act(call: Call) -> int:
    if not call.words:
        raise UsageError(_nothing_to_run())
    if not call.marked and (mistaken := meant(call)) is not None:
        raise UsageError(mistaken)
    check(call.words, call.values)
    refuse_unwritable(call.values)
    try:
        look_for(call)
    except child.StartError as error:
        say(str(error))
        return error.status
    return wrap(call.words, _settings(call), call.values)


def _settings(call: Call) -> Settings:
    """`--model` is a map in which every name leads to one model, behind those that are nearer. A
    miss names what was typed."""
    model, settings = call.values["model"], call.settings
    if settings.cassette is not None:
        settings = replace(settings, recorded_by=recording_command(call.typed, call.words))
    if call.values["for_"] and not (model or settings.model_map or settings.default_model):
        settings = replace(settings, default_model="sonnet")
    return settings.with_model(model)


def _nothing_to_run() -> str:
    examples = "\n".join(f"  {example}" for example in RUN.examples)
    return f"no command was given; for example:\n{examples}\n`claude-run --help` tells more."


def wrap(command: Sequence[str], settings: Settings, values: Mapping[str, Any]) -> int:
    """Run `command` beside a bridge; its exit status, or ours if it never ran."""
    try:
        held = child.hold_signals()
        with (
            titled(wanted=settings.title) as show,
            Bridge(settings, before_exec=held.release, title=title_of(command)) as bridge,
        ):
            began, began_at = time.time(), time.monotonic()
            watch = _watch(bridge, show, values["deadline"])
            with led(command, bridge.base_url, bridge.api_key, values) as (words, environment):
                status = child.run(words, environment, held, watch)
            wall = time.monotonic() - began_at
            if (obituary := bridge.obituary()) is not None:
                say(obituary)
    except (BridgeError, login.LoginError) as error:
        say(str(error))
        return BRIDGE_FAILED
    except child.StartError as error:
        say(str(error))
        return error.status
    told = bridge.last_report or {}
    run = Run(
        tuple(command),
        began=began,
        seconds=wall,
        paid_by=bridge.paid_by,
        status=status,
        is_complete=not told.get("bridge_died"),
        is_served=not bridge.has_failed,
        cassette=told.get("cassette"),
        led_for=values["for_"],
    )
    with suppress(Exception):  # an ending that cannot be told is still the command's
        if _is_anything_told(bridge, values):
            _tell(run, bridge, values)
    return _judged(status, bridge.last_report, settings, values["fail_on"])


def _watch(bridge: Bridge, show: Show, deadline: float | None) -> child.Watch:
    def on_news() -> bool:
        bridge.listen()
        show(bridge.title)
        _tell_if_dead(bridge)
        return bridge.is_stopping

    return child.Watch(lambda: _tell_if_dead(bridge), bridge.news, on_news, deadline)


def _judged(
    status: int, report: Report | None, settings: Settings, wanted: Sequence[str] | None
) -> int:
    """`status`, unless the command succeeded and something of `wanted` was found."""
    if wanted is None:
        wanted = ("miss",) if settings.cassette is not None else ()  # only a replay can miss
    if status != 0 or (finding := found(report, wanted)) is None:
        return status
    say(f"{finding}: the status is {FOUND} instead of 0 (--fail-on)")
    return FOUND


def _is_anything_told(bridge: Bridge, values: Mapping[str, Any]) -> bool:
    """Of a quiet run that was never served only an output that was asked for may tell."""
    asked = any(values[o.field] != default(o) for o in OPTIONS if o.group is Group.CI)
    served = bridge.last_report is not None
    return served or asked or STEP_SUMMARY in os.environ or not values["quiet"]


def _tell(run: Run, bridge: Bridge, values: Mapping[str, Any]) -> None:
    from claude_run.cli.reporting import tell  # noqa: PLC0415 - the command need not wait for it

    tell(run, bridge, values)


def _tell_if_dead(bridge: Bridge) -> None:
    if (obituary := bridge.obituary()) is not None:
        say(f"{obituary}\nclaude-run: the command goes on, but its calls to Claude will fail.")
