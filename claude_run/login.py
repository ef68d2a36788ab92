"""Who pays: which Claude logins exist on this machine, and which of them a run may use.

Only existence is looked at. No token is read, printed or passed on from here.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from claude_run.cassette.mode import only_replays
from claude_run.proxies import past_proxies
from claude_run.settings import Billing, Settings

PaidBy = Literal["subscription", "api-key", "rehearsal", "replay", "cloud", "other"]

OAUTH_TOKEN: Final = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 - a variable's name, not a token
API_KEY: Final = "ANTHROPIC_API_KEY"
AUTH_TOKEN: Final = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105 - a variable's name, not a token
BASE_URL: Final = "ANTHROPIC_BASE_URL"

SUBSCRIPTIONS: Final = (OAUTH_TOKEN, f"{OAUTH_TOKEN}_FILE_DESCRIPTOR")
"""The variables that bring a subscription's login."""

CLOUDS: Final[Mapping[str, str]] = {
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
    "CLAUDE_CODE_USE_MANTLE": "Amazon Bedrock",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": "your AWS account",
    "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD": "your Google Cloud account",
}
"""The settings of Claude Code that hand the bill to somebody else, and to whom."""

_PATH: Final = r"(?:/[\w./~%-]*)?"
# Compiled where they are needed, which is seldom: every command would wait for it.
_ANTHROPIC: Final = rf"(?ai)https://(?:[a-z\d-]+\.)*anthropic\.com(?::443)?{_PATH}"
_LOOPBACK: Final = rf"(?ai)https?://(?:localhost|127(?:\.\d{{1,3}}){{3}}|\[::1\])(?::\d+)?{_PATH}"
_HOST: Final = r"(?a)\w+:[/\\]+(?:[^/\\?#]*@)?([\w.:\[\]-]+)"

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_NO_LOGIN: Final = (
    "no Claude login was found. Log in once with `claude-run login`, or where there is no browser"
    f" (CI) run `claude-run login --ci` and set {OAUTH_TOKEN}. To try things out without any"
    " login, add --rehearse (in Python: rehearse=True)."
)


class LoginError(Exception):
    """Nobody may pay for this run as it was asked for; the message says what to do."""


class Elsewhere(NamedTuple):
    """A base URL that is not Anthropic's. `host` may be shown to the person."""

    host: str
    is_loopback: bool = False


class Logins(NamedTuple):
    """What was found. `keys` names the environment variables that hold a key, `cloud` the one
    that chooses a cloud; `elsewhere` is where a base URL leads that is not Anthropic's own."""

    subscription: bool = False
    keys: tuple[str, ...] = ()
    cloud: str | None = None
    elsewhere: Elsewhere | None = None


class Decision(NamedTuple):
    """`withheld` names environment variables to keep from the CLI, `line` is what the person
    has to know about their money, if anything. With `hides_store` the CLI must not reach the
    login that is stored on this machine either."""

    paid_by: PaidBy
    withheld: tuple[str, ...] = ()
    line: str | None = None
    hides_store: bool = False


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
        elsewhere=elsewhere(environment.get(BASE_URL, "")),
    )


def has_names_of_its_own(environment: Mapping[str, str]) -> bool:
    """Whether models may have other names than Anthropic's, as in clouds and gateways."""
    cloud = any(_is_true(environment.get(name)) for name in CLOUDS)
    return cloud or elsewhere(environment.get(BASE_URL, "")) is not None


def elsewhere(url: str) -> Elsewhere | None:
    """Where `url` leads; None if to Anthropic, as no URL does.

    The CLI and Python read odd URLs differently: for one `https://a\\@b` is the host a, for
    the other b. So only what is written plainly is taken for Anthropic or for loopback.
    """
    url = url.strip()
    if not url or re.fullmatch(_ANTHROPIC, url):
        return None
    return Elsewhere(_host(url), is_loopback=re.fullmatch(_LOOPBACK, url) is not None)


def _host(url: str) -> str:
    """The host in `url` and nothing else of it: a name, a password, a path may be secret."""
    written = re.match(_HOST, url)
    return written[1] if written else "another host"


def cli_environment(
    environment: Mapping[str, str], decision: Decision, empty: Path
) -> dict[str, str]:
    """`environment` with what `decision` withholds left out. `empty` is a directory for a
    configuration without a login."""
    kept = {name: value for name, value in environment.items() if name not in decision.withheld}
    kept |= past_proxies(kept)  # they would read a login that is meant for loopback
    if decision.hides_store:
        # Files, and on macOS the keychain's item, belong to a configuration directory.
        kept["CLAUDE_CONFIG_DIR"] = str(empty)
    return kept


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
    if found.elsewhere is not None:
        return _whoever_may_go_there(found, found.elsewhere)
    if found.subscription:
        return _on_subscription(found)
    if found.keys:
        return _on_key(found)
    raise LoginError(_NO_LOGIN)


def _whoever_may_go_there(found: Logins, there: Elsewhere) -> Decision:
    """A key that is set beside a base URL was made for it. The subscription's login was made
    for Anthropic: a program on this machine may have it, a foreign host never unasked."""
    if found.keys:
        return _on_key(found)
    if found.subscription and there.is_loopback:
        return _on_subscription(found)
    if found.subscription:
        raise LoginError(
            f"{BASE_URL} leads to {there.host}, and no key for it is set. Your Claude"
            " subscription's login is not sent to a host that is not Anthropic's. Unset"
            f" {BASE_URL}, or set {AUTH_TOKEN} or {API_KEY} to what that host takes, or add"
            " --billing subscription to send it the login all the same."
        )
    raise LoginError(
        f"{BASE_URL} leads to {there.host}, and no key for it is set: set {AUTH_TOKEN} or"
        f" {API_KEY}. To try things out without any login, add --rehearse (in Python:"
        " rehearse=True)."
    )


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
    return _on_key(found)


def _on_subscription(found: Logins) -> Decision:
    told = []
    if found.elsewhere is not None:
        told.append(
            f"{BASE_URL} leads to {found.elsewhere.host}: your Claude subscription's login is"
            " sent there."
        )
    if found.keys:
        kept, are = " and ".join(found.keys), "are" if len(found.keys) > 1 else "is"
        told.append(
            f"using your Claude subscription; {kept} {are} kept from Claude Code"
            " (--billing api-key uses it, metered)."
        )
    return Decision("subscription", found.keys, " ".join(told) or None)


def _on_key(found: Logins) -> Decision:
    key = " and ".join(found.keys)
    if found.elsewhere is None:
        line = f"using {key}: every call is metered and billed to it."
        return Decision("api-key", SUBSCRIPTIONS, line)
    line = f"using {key} at {found.elsewhere.host} ({BASE_URL}): what that charges is metered there"
    if found.subscription:
        line += "; your Claude subscription's login is kept from it"
    return Decision("other", SUBSCRIPTIONS, f"{line}.", hides_store=True)


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
    import hashlib  # noqa: PLC0415 - only a Mac needs it, and everybody would wait for it
    import unicodedata  # noqa: PLC0415

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


def hidden(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without any variable that brings a login of Claude's, or chooses a cloud."""
    logins = {API_KEY, AUTH_TOKEN, *SUBSCRIPTIONS, *CLOUDS}
    return {name: value for name, value in environment.items() if name not in logins}


def led_to(url: str, key: str, environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with what leads a client of Anthropic's to the bridge at `url`, which ends in
    /v1, and with every other login taken out: one of them might win over `key`."""
    return {**hidden(environment), BASE_URL: url.removesuffix("/v1"), API_KEY: key}
