"""Who pays: which Claude logins exist on this machine, and which of them a run may use.

Only existence is looked at. No token is read, printed or passed on from here.
"""

import hashlib
import os
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from claude_run.cassette.mode import only_replays
from claude_run.settings import Billing, Settings

PaidBy = Literal["subscription", "api-key", "rehearsal", "replay", "cloud", "other"]

OAUTH_TOKEN: Final = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - a variable's name, not a token
API_KEY: Final = "ANTHROPIC_API_KEY"
AUTH_TOKEN: Final = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - a variable's name, not a token
BASE_URL: Final = "ANTHROPIC_BASE_URL"

CLOUDS: Final[Mapping[str, str]] = {
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
    "CLAUDE_CODE_USE_MANTLE": "Amazon Bedrock",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": "your AWS account",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "your Google Cloud account",
}
"""The settings of Claude Code that hand the bill to somebody else, and to whom."""

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_NO_LOGIN: Final = (
    "no Claude login was found. Log in once with `claude login`, or where there is no browser"
    f" (CI) run `claude setup-token` and set {OAUTH_TOKEN}. To try things out without any"
    " login, add --rehearse."
)


class LoginError(Exception):
    """Nobody may pay for this run as it was asked for; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Logins:
    """What was found. `keys` names the environment variables that hold a key, `cloud` the one
    that chooses a cloud; `elsewhere` is a base URL that is not Anthropic's own."""

    subscription: bool = False
    keys: tuple[str, ...] = ()
    cloud: str | None = None
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`withheld` names environment variables to keep from the CLI, `line` is what the person
    has to know about their money, if anything."""

    paid_by: PaidBy
    withheld: tuple[str, ...] = ()
    line: str | None = None


def who_pays(settings: Settings, environment: Mapping[str, str]) -> Decision:
    """Who pays for a run with these settings, here.

    Raises:
        LoginError: what `settings.billing` asks for does not exist.
    """
    if only_replays(settings, environment):
        return Decision("replay")
    if settings.rehearse:
        return Decision("rehearsal")
    return decide(settings.billing, find(environment))


def find(environment: Mapping[str, str]) -> Logins:
    """The logins Claude Code would see in `environment`."""
    return Logins(
        subscription=_subscription_exists(environment),
        keys=tuple(name for name in (API_KEY, AUTH_TOKEN) if environment.get(name, "").strip()),
        cloud=next((name for name in CLOUDS if _is_true(environment.get(name))), None),
        elsewhere=environment.get(BASE_URL) or None,
    )


def decide(billing: Billing, found: Logins) -> Decision:
    """What `billing` means where `found` is all there is.

    Raises:
        LoginError: it cannot be had.
    """
    match billing:
        case "auto":
            return _whoever_is_there(found)
        case "subscription":
            return _the_subscription(found)
        case "api-key":
            return _the_key(found)


def _whoever_is_there(found: Logins) -> Decision:
    if found.cloud is not None:
        line = f"{found.cloud} is set: {CLOUDS[found.cloud]} bills this run (metered)."
        return Decision("cloud", line=line)
    if found.subscription:
        return _on_subscription(found)
    if found.keys:
        return _on_key(found, withheld=())
    raise LoginError(_NO_LOGIN)


def _the_subscription(found: Logins) -> Decision:
    if found.cloud is not None:
        raise LoginError(
            f"--billing subscription, but {found.cloud} is set, so {CLOUDS[found.cloud]} would"
            " be billed. Unset it, or leave --billing out."
        )
    if not found.subscription:
        beside = f" ({' and '.join(found.keys)} is not one.)" if found.keys else ""
        raise LoginError(f"--billing subscription, but {_NO_LOGIN}{beside}")
    return _on_subscription(found)


def _the_key(found: Logins) -> Decision:
    if found.cloud is not None:
        raise LoginError(
            f"--billing api-key, but {found.cloud} is set, so {CLOUDS[found.cloud]} would be"
            " billed. Unset it, or leave --billing out."
        )
    if not found.keys:
        raise LoginError(f"--billing api-key, but neither {API_KEY} nor {AUTH_TOKEN} is set.")
    return _on_key(found, withheld=(OAUTH_TOKEN,))


def _on_subscription(found: Logins) -> Decision:
    if not found.keys:
        return Decision("subscription")
    kept, are = " and ".join(found.keys), "are" if len(found.keys) > 1 else "is"
    line = (
        f"using your Claude subscription; {kept} {are} kept from Claude Code"
        " (--billing api-key uses it, metered)."
    )
    if found.elsewhere and AUTH_TOKEN in found.keys:
        line += f" {BASE_URL} is set as well, so it is sent this login instead."
    return Decision("subscription", found.keys, line)


def _on_key(found: Logins, withheld: tuple[str, ...]) -> Decision:
    key = " and ".join(found.keys)
    if found.elsewhere and AUTH_TOKEN in found.keys:
        line = f"using {key} at {BASE_URL}: what that charges is metered there."
        return Decision("other", withheld, line)
    return Decision("api-key", withheld, f"using {key}: every call is metered and billed to it.")


def _subscription_exists(environment: Mapping[str, str]) -> bool:
    if environment.get(OAUTH_TOKEN, "").strip():
        return True
    stored = _config_directory(environment) / ".credentials.json"
    try:
        if stored.stat().st_size > 0:
            return True
    except OSError:
        pass  # not there, or not ours to look at: no login either way
    return sys.platform == "darwin" and _is_in_keychain(_keychain_service(environment))


def _config_directory(environment: Mapping[str, str]) -> Path:
    if configured := environment.get("CLAUDE_CONFIG_DIR"):
        return Path(configured)
    return Path(environment.get("HOME") or os.path.expanduser("~")) / ".claude"


def _keychain_service(environment: Mapping[str, str]) -> str:
    """Claude Code keeps one keychain item for each configuration directory but the default."""
    configured = environment.get("CLAUDE_CONFIG_DIR")
    if not configured:
        return "Claude Code-credentials"
    digest = hashlib.sha256(unicodedata.normalize("NFC", configured).encode()).hexdigest()
    return f"Claude Code-credentials-{digest[:8]}"


def _is_in_keychain(service: str) -> bool:
    # Without -w or -g only the item's attributes are looked up, never what it holds.
    asked = subprocess.run(  # noqa: S603 - fixed words and a hash
        ["/usr/bin/security", "find-generic-password", "-s", service],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0


def _is_true(value: str | None) -> bool:
    return value is not None and value.strip().lower() in _TRUE
