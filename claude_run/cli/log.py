"""`claude-run log`: what was asked and answered in a run that was logged."""

import json
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from claude_run.cli.arguments import UsageError
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.patterns import Pattern, compiled
from claude_run.turn import JsonObject
from claude_run.usage.log import entries_in
from claude_run.usage.words import duration, printable, shortened

FAILED: Final = 1
_BAD: Final = 400
_WIDTH: Final = 60
_KEPT: Final = frozenset("\n\t")


def act(call: Call) -> int:
    if not call.words:
        raise UsageError("log: name a file that --log has written")
    path, *wanted = call.words
    patterns = [compiled(pattern) for pattern in call.values["grep"]]
    try:
        _head, *entries = entries_in(Path(path))
    except OSError as error:
        say(f"{path} cannot be read: {error.strerror}")
        return FAILED
    except ValueError as error:
        say(str(error))
        return FAILED
    if missing := [name for name in wanted if all(e["request_id"] != name for e in entries)]:
        say(f"{path} has no request {missing[0]}; `claude-run log {shlex.quote(path)}` lists them")
        return FAILED
    found = [entry for entry in entries if _fits(entry, wanted, call.values, patterns)]
    for text in _told(found, is_one=bool(wanted), as_curl=call.values["curl"]):
        sys.stdout.write(text + "\n")
    return 0 if found else FAILED


def _fits(
    entry: JsonObject,
    wanted: Sequence[str],
    values: Mapping[str, Any],
    patterns: Sequence[Pattern],
) -> bool:
    text = json.dumps(entry, ensure_ascii=False) if patterns else ""
    return (
        (not wanted or entry["request_id"] in wanted)
        and not (values["errors"] and not _has_failed(entry))
        and values["model"] in {None, _model(entry)}
        and values["label"] in {None, entry["label"]}
        and entry["seconds"] > (values["slow"] or -1)
        and all(pattern.search(text) for pattern in patterns)
    )


def _told(entries: Sequence[JsonObject], *, is_one: bool, as_curl: bool) -> Iterator[str]:
    for entry in entries:
        if as_curl:
            yield _curl(entry)
        elif is_one:
            yield from readable(entry)
        else:
            yield _line(entry)


def _line(entry: JsonObject) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(entry["began"]))
    status, took = f"{entry['status'] or 'gone':>4}", f"{duration(entry['seconds']):>8}"
    names = (printable(name) for name in (_model(entry), entry["label"]) if name)
    prompt = shortened(printable(" ".join(_prompt(entry).split())), _WIDTH)
    return "  ".join([clock, entry["request_id"], status, took, *names, prompt]).rstrip()


def readable(entry: JsonObject) -> Iterator[str]:
    """One request as a conversation, without control characters that a terminal would obey."""
    yield _line(entry)
    for call in entry["calls"]:
        if "sent" in call:
            yield from _sent(call["sent"])
            yield from (_event(event) for event in call["events"])
        if (error := call.get("error")) is not None:
            yield f"error: {_safe(error['message'])}"
    if _has_failed(entry):
        answer = json.dumps(entry["answer"], indent=1, ensure_ascii=False)
        yield f"answer: {_safe(answer)}"


def _sent(sent: JsonObject) -> Iterator[str]:
    if sent["system"]:
        yield f"\nsystem:\n{_safe(sent['system'])}"
    for turn in sent["turns"]:
        who = turn["type"].removesuffix("Turn").lower()
        parts = (part.get("text") or _short(part) for part in turn["parts"])
        yield f"\n{who}:\n" + "\n".join(map(_safe, parts))
    yield "\nanswer:"


def _event(event: JsonObject) -> str:
    text = event.get("text") or event.get("fragment") or _short(event)
    return f"[{event['at']:.2f} s] {event['type']}: {_safe(text)}"


def _short(part: JsonObject) -> str:
    told = {name: value for name, value in part.items() if name not in {"at", "type"}}
    return json.dumps(told, ensure_ascii=False)


def _curl(entry: JsonObject) -> str:
    body = shlex.quote(json.dumps(entry["request"]))
    path = entry["path"].removeprefix("/v1")
    return (
        f'curl "$OPENAI_BASE_URL{path}" -H "Authorization: Bearer $OPENAI_API_KEY"'
        f" -H 'Content-Type: application/json' -d {body}"
    )


def _has_failed(entry: JsonObject) -> bool:
    return (entry["status"] or _BAD) >= _BAD or any(call.get("error") for call in entry["calls"])


def _model(entry: JsonObject) -> str | None:
    request = entry["request"]
    return str(request["model"]) if isinstance(request, dict) and "model" in request else None


def _prompt(entry: JsonObject) -> str:
    """The last thing that was asked."""
    for call in entry["calls"]:
        for turn in reversed(call["sent"]["turns"] if "sent" in call else ()):
            for part in reversed(turn["parts"]):
                if part.get("text"):
                    return str(part["text"])
    return ""


def _safe(text: str) -> str:
    return "".join(c if c in _KEPT else printable(c) for c in text)
