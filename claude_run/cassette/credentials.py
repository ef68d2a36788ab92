"""Text that looks like a credential, and must never reach a cassette."""

import math
import re
from collections import Counter
from typing import Any, Final

from claude_run.cassette.document import strings

# Each is fixed letters and one run of a class of characters: linear in the text.
_PREFIXED: Final = re.compile(
    r"""\b(?:
      sk-ant-[\w-]{16,}
    | sk-proj-[\w-]{16,}
    | sk-(?!claude-run-)[A-Za-z0-9]{20,}
    | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}
    | gh[opsur]_[A-Za-z0-9]{30,}
    | github_pat_\w{30,}
    | glpat-[\w-]{20,}
    | xox[abeoprs]-[\w-]{10,}
    | (?:AKIA|ASIA)[A-Z0-9]{16}\b
    | AIza[\w-]{35}
    | ya29\.[\w-]{20,}
    | hf_[A-Za-z0-9]{30,}
    | npm_[A-Za-z0-9]{36}
    | pypi-[\w-]{50,}
    | SG\.[\w-]{16,}\.[\w-]{16,}
    | eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}
    )""",
    re.VERBOSE,
)
_MARKED: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----|\bBearer [\w.~+/-]{20,200}=*", re.ASCII
)
# Three that are made to be published come first: digests as lock files have them, fingerprints,
# and public keys.
_STRETCH: Final = re.compile(
    r"""
      \b(?:sha256-|SHA256:|h1:)[A-Za-z0-9+/]{43}\b=?
    | \bsha(?:384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)
    | \bAAAA(?:C3NzaC1|E2VjZHNh)[A-Za-z0-9+/]+={0,2}
    | (?P<unknown>[A-Za-z0-9+/_=-]{32,})
    """,
    re.ASCII | re.VERBOSE,
)
_TOKEN: Final = re.compile(r"[^/]{32,}")

_SHOWN: Final = "[credential]"

_LONGEST: Final = 256
"""Characters; what is longer is data in a text, not a key."""

_DENSE: Final = 4.2
"""Bits a character. Of hexadecimal digits there are 4 at most: digests and UUIDs pass."""

_EACH: Final = 3
"""Capitals, small letters and digits that a random token of 32 characters all but surely has."""


def credential_in(text: str) -> str | None:
    """The first thing in `text` that looks like a credential."""
    for pattern in (_PREFIXED, _MARKED):
        if found := pattern.search(text):
            return found[0]
    unknown = (found["unknown"] or "" for found in _STRETCH.finditer(text))
    tokens = (token for stretch in unknown for token in _tokens(stretch))
    return next((token for token in tokens if _is_random(token)), None)


def place_of_credential(value: Any) -> str | None:
    """Where in JSON `value` the first credential stands, if there is one."""
    return next((place for place, text in strings(value) if credential_in(text)), None)


def without_credentials(text: str) -> str:
    """`text`, fit to be shown. It is gone through once for each pattern, however many it holds."""
    for pattern in (_PREFIXED, _MARKED):
        text = pattern.sub(_SHOWN, text)
    return _STRETCH.sub(lambda found: _masked(found[0]) if found["unknown"] else found[0], text)


def _tokens(stretch: str) -> list[str]:
    return _TOKEN.findall(stretch) if len(stretch) <= _LONGEST else []


def _masked(stretch: str) -> str:
    if len(stretch) > _LONGEST:
        return stretch
    return _TOKEN.sub(lambda token: _SHOWN if _is_random(token[0]) else token[0], stretch)


def _is_random(token: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    if any(sum(map(kind, token)) < _EACH for kind in kinds):
        return False
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * math.log2(share) for share in shares) >= _DENSE
