"""The environment of a rehearsal: a CLI in it finds no login, no settings and no network."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PREFIXES: Final = ("ANTHROPIC_", "CLAUDE", "OPENAI_")
_NAMES: Final = frozenset(
    {
        "ALL_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    }
)


def unsealed(environ: Iterable[str]) -> tuple[str, ...]:
    """Those names of environment variables that lead out of a rehearsal: logins, other
    upstreams, proxies, directories of the user's. To be unset before `seal` is set."""
    return tuple(name for name in environ if name.startswith(_PREFIXES) or name.upper() in _NAMES)


def seal(directory: Path, url: str) -> dict[str, str]:
    """The variables that send the CLI to the upstream at `url`, with `directory` as its home.

    The token is a dummy that only looks like a subscription's, so that the CLI takes the
    path a subscription takes.
    """
    return {
        "HOME": str(directory),
        "CLAUDE_CONFIG_DIR": str(directory / ".claude"),
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-rehearsal",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
