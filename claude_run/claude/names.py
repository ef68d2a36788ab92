"""Model names: what a client asks for, and what the CLI is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from claude_run.settings import Settings
from claude_run.turn import Failure, Notice, TurnError
from claude_run.turn.names import mapped as advice

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
            end = _chained(target, settings)
            return ModelName(normalised(end), (_mapped(asked, end, "--model-map"),))
    if _RETIRED.match(plain):
        alias = _family(plain)
        return ModelName(alias, (_mapped(asked, alias, "that model is retired"),))
    if is_alias(plain) or plain.startswith("claude-"):
        return ModelName(plain, _misspelt(asked, plain))
    if settings.default_model is not None:
        target = _chained(settings.default_model, settings)
        return ModelName(normalised(target), (_mapped(asked, target, "--default-model"),))
    raise TurnError(
        Failure.MODEL_NOT_FOUND,
        f"The model {asked!r} is not one of Claude's.{_did_you_mean(plain, settings)} Say which "
        f"one answers for it with claude-run {advice([asked])}, or for every such name with "
        "--default-model sonnet.",
        param="model",
    )


def unknown_target(settings: Settings) -> str | None:
    """What to say of a target of the map, or a default, that names no model; None without one."""
    targets = {target: f"--model-map {source}={target}" for source, target in settings.model_map}
    if settings.default_model is not None:
        targets[settings.default_model] = f"--default-model {settings.default_model}"
    for target, option in targets.items():
        plain = normalised(_chained(target, settings))
        if not (is_alias(plain) or "claude" in plain):
            return (
                f"{option}: {target!r} is no model of Claude's.{_did_you_mean(plain, settings)}"
                f" Write {', '.join(ALIASES[:3])}, or a full name like claude-opus-4-7."
            )
    return None


def _chained(target: str, settings: Settings) -> str:
    """What `target` is mapped to by its own name, once: `gpt-*=opus` with `opus=claude-opus-4-7`.
    A glob is not followed: `*=sonnet` would answer for every target."""
    return next((end for source, end in settings.model_map if source == target), target)


def _did_you_mean(plain: str, settings: Settings) -> str:
    meant = get_close_matches(plain, listed(settings), 1, 0.7)
    return f" Did you mean {meant[0]}?" if meant else ""


def _misspelt(asked: str, plain: str) -> tuple[Notice, ...]:
    """An id is passed on as it is: the CLI may know a model that we do not. What is nearly a
    family's name is told of all the same."""
    words = [word for word in plain.removesuffix(_LONG_CONTEXT).split("-") if word.isalpha()]
    if set(words) & {*ALIASES, *_FAMILIES}:
        return ()
    for word in words[1:]:
        if near := get_close_matches(word, ALIASES, 1, 0.75):
            meant = plain.replace(word, near[0])
            return (Notice(f"model {asked}", f"{asked} is no known model; did you mean {meant}?"),)
    return ()


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
