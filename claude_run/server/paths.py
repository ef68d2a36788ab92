"""The paths that clients come by, and what of them is served."""

import re
from typing import Final, NamedTuple

DEPLOYMENT: Final = "claude_run.deployment"
"""In a scope: the model that the path names, None where it names none."""

# Before every path stands the version, and stands there twice where OpenAI's base URL was given to
# a client that adds it by itself. Azure's clients come by names of their own.
_BEFORE: Final = re.compile(r"/v1(?=/)|/openai(?:/deployments/([^/]+))?(?=/)")


class Asked(NamedTuple):
    """`authority` is the host, where the whole URL was sent, as clients of proxies do."""

    authority: str | None
    path: str
    deployment: str | None


def asked(target: str) -> Asked:
    """What a request's target, without its query, asks for. Slashes too many come of joining a
    base URL and a path."""
    authority, path = _split(target)
    path, deployment = f"/{path.strip('/')}", None
    while before := _BEFORE.match(path):
        path, deployment = path[before.end() :], before[1] or deployment
    return Asked(authority, path, deployment)


def _split(target: str) -> tuple[str | None, str]:
    if not target.lower().startswith(("http://", "https://")):
        return None, target
    authority, slash, rest = target.split("://", 1)[1].partition("/")
    return authority, slash + rest or "/"
