"""A map leads to models that there are, or it is refused before anything starts."""

import os
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from claude_run import login
from claude_run.claude.names import UnknownTarget, unknown_target
from claude_run.cli.arguments import UsageError
from claude_run.cli.options import settings_of
from claude_run.cli.verbs import RUN, Verb
from claude_run.settings import Settings

_FIELDS = frozenset({"model_map", "default_model", "model"})


def refuse_unknown(verb: Verb, values: Mapping[str, Any], given: Set[str]) -> None:
    """`given` are the fields that the command line has set.

    Raises:
        UsageError: a target is no model of Claude's. Where models have other names, as in clouds,
            it is for them to say.
    """
    if verb.name == "check" or login.has_names_of_its_own(os.environ):
        return
    settings = settings_of(values)
    if (unknown := unknown_target(settings)) is not None:
        raise _refused(unknown.as_option, given)
    model = values["model"] if verb is RUN or verb.name in {"serve", "models"} else None
    if (unknown := _unknown_model(model, settings)) is not None:
        raise _refused(f"--model {unknown.target}: {unknown.told}", given)


def _unknown_model(model: str | None, settings: Settings) -> UnknownTarget | None:
    return unknown_target(replace(settings, default_model=model)) if model else None


def _refused(told: str, given: Set[str]) -> UsageError:
    from_elsewhere = "" if given & _FIELDS else " `claude-run config` tells where that is said."
    return UsageError(f"{told}{from_elsewhere}")
