"""Keyword arguments as Settings: what cannot be meant is said at once, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from claude_run.login import has_names_of_its_own
from claude_run.option_values import TYPES, value
from claude_run.settings import Settings

DECIDED: Final = frozenset({"in_python", "no_login", "on_demand", "paid_by", "recorded_by"})
"""What nobody need set: it is worked out."""


def settings_of(settings: Settings | None, options: Mapping[str, Any]) -> Settings:
    """`settings` with `options`, its fields by name.

    Raises:
        TypeError: there is no such option, or it takes another type.
        ValueError: it takes no such value.
    """
    if not isinstance(settings, Settings | None):
        raise TypeError(
            f"Bridge takes Settings(...) or keyword arguments, not {settings!r:.60}; for example"
            ' Bridge(model_map={"gpt-*": "sonnet"})'
        )
    for name in options:
        if name not in TYPES:
            raise TypeError(f"Bridge has no option {name!r}{did_you_mean(name, TYPES)}")
    given = replace(settings or Settings(), **options)
    return replace(given, **{name: value(name, getattr(given, name)) for name in TYPES})


def refuse_unknown(settings: Settings, environment: Mapping[str, str]) -> None:
    """
    Raises:
        ValueError: a name is mapped to what is no model of Claude's. Where models have other
            names, as in clouds, it is for them to say.
    """
    if not (settings.model_map or settings.default_model):
        return
    from claude_run.claude.names import unknown_target  # noqa: PLC0415 - most have no map

    unknown = unknown_target(settings)
    if unknown is not None and not has_names_of_its_own(environment):
        raise ValueError(unknown.as_keyword)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an option that there is not."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    if name == "model":
        return '; model_map={"*": "sonnet"} answers every name with one model'
    meant = get_close_matches(name, list(known), 1)
    if meant:
        return f"; did you mean {meant[0]}?"
    return f"; it has {', '.join(sorted({*known} - DECIDED))}"
