"""Model names: what a client asks for, and what the CLI is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from claude_run.settings import Settings
from claude_run.turn import Failure, Notice, TurnError

# The CLI's own names for the newest model of a family; it resolves them, so they never go
# stale here. `fable` is among them for those who ask for it by name: nothing leads to it
# otherwise, because it may draw on paid credits without asking.
ALIASES: Final = ("opus", "sonnet", "haiku", "fable")
LISTED: Final = ("opus", "sonnet", "haiku", "opus[1m]", "sonnet[1m]")

_PROVIDERS: Final = ("openrouter/", "litellm/", "openai/", "anthropic/", "claude/")
_LONG_CONTEXT: Final = "[1m]"
_RETIRED: Final = re.compile(r"claude-(?:instant|[123](?![0-9]))")
_DOTTED: Final = re.compile(r"(?<=\d)\.(?=\d)")
_FAMILIES: Final[Mapping[str, str]] = {
    "opus": "opus",
    "haiku": "haiku",
    "instant": "haiku",
    "sonnet": "sonnet",
}


@dataclass(frozen=True, slots=True)
class ModelName:
    """`name` is what the CLI is given; `notices` say where it is not what was asked."""

    name: str
    notices: tuple[Notice, ...] = ()


def resolve(asked: str, settings: Settings) -> ModelName:
    """The CLI's name for the model that `asked` stands for: the map first, then Claude's own
    names, then the default.

    Raises:
        TurnError: MODEL_NOT_FOUND, naming the option that would map it.
    """
    plain = normalised(asked)
    for source, target in settings.model_map:
        if fnmatchcase(asked, source) or fnmatchcase(plain, source) or source in (asked, plain):
            return ModelName(normalised(target), (_mapped(asked, target, "--model-map"),))
    if _RETIRED.match(plain):
        alias = _family(plain)
        return ModelName(alias, (_mapped(asked, alias, "that model is retired"),))
    if is_alias(plain) or plain.startswith("claude-"):
        return ModelName(plain)
    if settings.default_model is not None:
        target = settings.default_model
        return ModelName(normalised(target), (_mapped(asked, target, "--default-model"),))
    raise TurnError(
        Failure.MODEL_NOT_FOUND,
        f"The model {asked!r} is not one of Claude's. Say which one answers for it with "
        f"claude-run --model-map '{asked}=sonnet', or for every such name with "
        "--default-model sonnet.",
        param="model",
    )


def is_alias(name: str) -> bool:
    """Whether the CLI resolves `name`, as `resolve` gives it, by itself."""
    return name.removesuffix(_LONG_CONTEXT) in ALIASES


def normalised(name: str) -> str:
    """`name` without provider prefixes, and with dashes where a version was dotted."""
    plain = name.strip()
    while prefix := next((p for p in _PROVIDERS if plain.startswith(p)), None):
        plain = plain.removeprefix(prefix)
    return _DOTTED.sub("-", plain) if plain.startswith("claude-") else plain


def listed(settings: Settings) -> tuple[str, ...]:
    """The names worth offering: the exact ones of the map, then the aliases."""
    mapped = [source for source, _ in settings.model_map if not set(source) & set("*?[")]
    return tuple(dict.fromkeys((*mapped, *LISTED)))


def _family(name: str) -> str:
    return next((alias for family, alias in _FAMILIES.items() if family in name), "sonnet")


def _mapped(asked: str, target: str, why: str) -> Notice:
    return Notice(f"model {asked}", f"{asked} was answered by {target} ({why})")
