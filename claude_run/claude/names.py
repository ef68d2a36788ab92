"""Model names: what a client asks for, and what the CLI is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from claude_run.settings import Settings
from claude_run.turn import Failure, Notice, TurnError, names

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


class UnknownTarget(NamedTuple):
    """`target` is no model, and `told` says so and what to write. `source` is the name that is
    mapped to it; without one it is the default model."""

    source: str | None
    target: str
    told: str

    @property
    def as_option(self) -> str:
        """What to say where options are typed."""
        if self.source is None:
            return f"--default-model {self.target}: {self.told}"
        return f"--model-map {self.source}={self.target}: {self.told}"

    @property
    def as_keyword(self) -> str:
        """What to say where Python is written."""
        if self.source is None:
            return f"default_model: {self.told}"
        return f"model_map[{self.source!r}]: {self.told}"


def resolve(asked: str, settings: Settings) -> ModelName:
    """The CLI's name for the model that `asked` stands for: the map first, then Claude's own
    names, then the default.

    Raises:
        TurnError: MODEL_NOT_FOUND, naming the option that would map it.
    """
    plain = normalised(asked)
    for source, target in settings.model_map:
        if fnmatchcase(asked, source) or fnmatchcase(plain, source) or source in (asked, plain):
            end = _end(target, settings, source)
            return ModelName(end, (_mapped(asked, end, "--model-map"),))
    if _RETIRED.match(plain):
        alias = _family(plain)
        return ModelName(alias, (_mapped(asked, alias, "that model is retired"),))
    if is_alias(plain) or plain.startswith("claude-"):
        return ModelName(plain, _misspelt(asked, plain))
    if settings.default_model is not None:
        end = _end(settings.default_model, settings)
        return ModelName(end, (_mapped(asked, end, "--default-model"),))
    raise TurnError(
        Failure.MODEL_NOT_FOUND,
        f"The model {asked!r} is not one of Claude's.{did_you_mean(plain, settings)} Say which "
        f"one answers for it with {_advice(asked, settings)}.",
        param="model",
    )


def _advice(asked: str, settings: Settings) -> str:
    nearest, every = f"claude-run {names.mapped([asked])}", "--default-model sonnet"
    if settings.in_python:
        nearest, every = names.mapped_in_python([asked]), 'default_model="sonnet"'
    return f"{nearest}, or for every such name with {every}"


def unknown_target(settings: Settings) -> UnknownTarget | None:
    """The first target of the map, or the default, that names no model; None without one."""
    targets: list[tuple[str | None, str]] = [*settings.model_map]
    if settings.default_model is not None:
        targets.append((None, settings.default_model))
    for source, target in targets:
        end = _end(target, settings, source)
        if not (is_alias(end) or "claude-" in end) or meant_by(end) is not None:
            meant = did_you_mean(end, settings)
            return UnknownTarget(
                source,
                target,
                f"{target!r} is no model of Claude's.{meant}"
                f" Write {', '.join(ALIASES[:3])}, or a full name like claude-opus-4-7.",
            )
    return None


def _end(target: str, settings: Settings, source: str | None = None) -> str:
    """The CLI's name for what `source` is mapped to. A target is followed by its own name, once:
    `gpt-*=opus` with `opus=claude-opus-4-7`. A glob is not followed, `*=sonnet` would answer for
    every target; nor is what leads back, so that two names can change places."""
    end = next((end for name, end in settings.model_map if name == target), target)
    plain = normalised(target if end == source else end)
    return _family(plain) if _RETIRED.match(plain) else plain


def did_you_mean(plain: str, settings: Settings) -> str:
    """A question to put behind a sentence about a name that there is not; empty without one."""
    near = meant_by(plain)
    meant = [near] if near else get_close_matches(plain, listed(settings), 1, 0.7)
    return f" Did you mean {meant[0]}?" if meant else ""


def meant_by(name: str) -> str | None:
    """The full id that `name` is a misspelling of: claude-sonnet-4-5 for claude-sonet-4-5."""
    words = [word for word in name.removesuffix(_LONG_CONTEXT).split("-") if word.isalpha()]
    if set(words) & {*ALIASES, *_FAMILIES}:
        return None
    for word in words[1:]:
        if near := get_close_matches(word, ALIASES, 1, 0.75):
            return name.replace(word, near[0])
    return None


def _misspelt(asked: str, plain: str) -> tuple[Notice, ...]:
    """An id is passed on as it is: the CLI may know a model that we do not. What is nearly a
    family's name is told of all the same."""
    if (meant := meant_by(plain)) is None:
        return ()
    return (Notice(f"model {asked}", f"{asked} is no known model; did you mean {meant}?"),)


def explained(error: TurnError, name: str) -> TurnError:
    """`error`, and where the CLI did not know the model `name`, what may have been meant."""
    meant = meant_by(name) if error.failure is Failure.MODEL_NOT_FOUND else None
    if meant is None:
        return error
    said = f"{error.message.rstrip()} Did you mean {meant}?"
    return TurnError(error.failure, said, param=error.param or "model", code=error.code)


def is_alias(name: str) -> bool:
    """Whether the CLI resolves `name`, as `resolve` gives it, by itself."""
    return without_context(name) in ALIASES


def without_context(name: str) -> str:
    """`name` without the mark of the long context."""
    return name.removesuffix(_LONG_CONTEXT)


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
