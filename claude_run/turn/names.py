"""Globs over model names, as `--model-map` takes them."""

import json
import re
import shlex
from collections.abc import Iterable
from typing import Final

MOST: Final = 3
SUBSTITUTE: Final = "sonnet"
"""The model that is offered in place of names that are not known."""
_FAMILY: Final = re.compile(r"[A-Za-z]+-")


def covering(names: Iterable[str]) -> tuple[str, ...]:
    """The globs that cover `names`: `gpt-*` for gpt-4.1 and gpt-5-mini. A provider's prefix is
    left out, because a map is looked at without it. Of Claude's own ids each stands for itself: a
    misspelt one is no reason to lead all of them elsewhere."""
    return tuple(dict.fromkeys(_glob(name.rpartition("/")[2] or name) for name in names))


def mapped(names: Iterable[str], target: str = SUBSTITUTE) -> str:
    """The options that make `target` answer for `names`."""
    globs = covering(names)
    if len(globs) > MOST:
        return f"--default-model {target}"
    return " ".join(f"--model-map {_quoted(f'{glob}={target}')}" for glob in globs)


def mapped_in_python(names: Iterable[str], target: str = SUBSTITUTE) -> str:
    """As `mapped`, as a keyword of Python."""
    globs = covering(names)
    if len(globs) > MOST:
        return f"default_model={json.dumps(target)}"
    return f"model_map={json.dumps(dict.fromkeys(globs, target), ensure_ascii=False)}"


def _glob(name: str) -> str:
    family = _FAMILY.match(name)
    return f"{family[0]}*" if family and family[0] != "claude-" else name


def _quoted(text: str) -> str:
    """Always in quotes: a shell would take a glob for files."""
    return shlex.quote(text) if "'" in text else f"'{text}'"
