"""`claude-run serve`: a bridge for as long as it is wanted, for programs started elsewhere.

SIGTERM and Ctrl-C let the answers finish that have begun; a second one ends everything at once.
"""

import os
import select
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from claude_run import login
from claude_run.bridge import Bridge, BridgeError
from claude_run.cli.arguments import UsageError
from claude_run.cli.outputs import refuse_unwritable
from claude_run.cli.reporting import tell
from claude_run.cli.run import BRIDGE_FAILED
from claude_run.cli.saying import say
from claude_run.cli.verbs import Call
from claude_run.usage.run import Run

TITLE: Final = "claude-run serve"
KEY: Final = "CLAUDE_RUN_KEY"
SHORTEST_KEY: Final = 16
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Ready = Callable[[str], None]
"""Hears what is to be told once it serves."""


def act(call: Call) -> int:
    asked = [name for name in ("background", "stop", "status") if call.values[name]]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} do not go together; choose one")
    if call.values["stop"] or call.values["status"]:
        from claude_run.cli import serving  # noqa: PLC0415

        return serving.stop(call) if call.values["stop"] else serving.status(call)
    refuse_unwritable(call.values)
    key = key_of(call)
    if call.values["background"]:
        from claude_run.cli.background import in_background  # noqa: PLC0415

        return in_background(lambda ready: foreground(call, key, ready))
    return foreground(call, key, lambda text: print(text, flush=True))


def foreground(call: Call, key: str | None, ready: Ready) -> int:
    """Serve until a signal comes; the exit status."""
    settings = call.settings.with_model(call.values["model"])
    try:
        with _signals() as signals, Bridge(settings, key=key, title=TITLE, scopes=None) as bridge:
            began, began_at = time.time(), time.monotonic()
            bridge.wait_ready()
            ready(_told(bridge, call, is_new=key is None))
            _until_told_to_end(bridge, signals, call.values["drain"])
            died = bridge.obituary()
            seconds = time.monotonic() - began_at
    except (BridgeError, login.LoginError) as error:
        say(str(error))
        return BRIDGE_FAILED
    if died is not None:
        say(died)
    run = Run((TITLE,), began=began, seconds=seconds, paid_by=bridge.paid_by, status=0)
    if (bridge.last_report or {}).get("models"):
        tell(run, bridge, call.values)
    return 0 if died is None else BRIDGE_FAILED


def key_of(call: Call) -> str | None:
    """The key that the person gives, None for one that is made.

    Raises:
        UsageError: it cannot be read, or could be guessed.
    """
    path = call.values["key"]
    if path is None:
        key, where = os.environ.get(KEY, "").strip(), KEY
        if not key:
            return None
    else:
        key, where = _read(path), path
    if len(key) < SHORTEST_KEY or not key.isascii() or any(c.isspace() for c in key):
        raise UsageError(
            f"the key in {where} must be at least {SHORTEST_KEY} characters of ASCII without"
            " blanks; `openssl rand -hex 32` makes one"
        )
    return key


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError as error:
        raise UsageError(
            f"--key takes the name of a file that holds the key, because everybody can read a"
            f" command line, and this one cannot be read ({error.strerror}). {KEY} may hold the"
            " key itself."
        ) from None


def _told(bridge: Bridge, call: Call, *, is_new: bool) -> str:
    """What a person, or with --env a shell, needs in order to use it."""
    if call.values["env"]:
        names = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_KEY", "NO_PROXY", "no_proxy")
        env = bridge.env_of(os.environ)
        return "\n".join(f"export {name}={shlex.quote(env[name])}" for name in names)
    key = bridge.api_key if is_new else "(yours)"
    path = bridge.address().path
    where = f"unix:{path}\nOPENAI_BASE_URL={bridge.base_url} (through that socket)"
    if not path:
        where = f"{bridge.base_url}\nOPENAI_BASE_URL={bridge.base_url}"
    return f"serving on {where}\nOPENAI_API_KEY={key}"


def _until_told_to_end(bridge: Bridge, signals: int, patience: float) -> None:
    """Returns when everything is answered that had begun before a signal came, or has had its
    time, or on a second signal; or when the bridge has died."""
    is_draining = False
    while bridge.last_report is None and bridge.cause() is None:
        heard, _, _ = select.select([signals, bridge.news], [], [])
        bridge.listen()
        if signals not in heard:
            continue
        os.read(signals, 64)
        if is_draining:
            return
        is_draining = True
        bridge.drain(patience)
        say(f"ending: what has begun is finished within {patience:g} s; once more ends it at once")


@contextmanager
def _signals() -> Iterator[int]:
    """A pipe from which the signals that end it are read. Those that came ignored stay so."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = {n: h for n in _SIGNALS if (h := signal.getsignal(n)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, lambda *_: None)
    waker = signal.set_wakeup_fd(write)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(waker)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
