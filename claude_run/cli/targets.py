"""A map leads to models that there are, or it is refused before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from claude_run import login
from claude_run.claude.names import unknown_target
from claude_run.cli.arguments import UsageError
from claude_run.cli.options import settings_of
from claude_run.cli.verbs import RUN, Verb


def has_own_names() -> bool:
    """Whether models are called otherwise where this run would go."""
    found = login.find(os.environ)
    return found.cloud is not None or found.elsewhere is not None


def refuse_unknown(verb: Verb, values: Mapping[str, Any]) -> None:
    """
    Raises:
        UsageError: a target is no model of Claude's. Clouds and gateways have names of their own;
            there it is for them to say.
    """
    if verb.name == "check" or has_own_names():
        return
    settings = settings_of(values)
    if (unknown := unknown_target(settings)) is not None:
        raise UsageError(unknown)
    if verb is RUN and values["model"]:
        only = replace(settings, model_map=(), default_model=values["model"])
        if (unknown := unknown_target(only)) is not None:
            raise UsageError(unknown.replace("--default-model", "--model", 1))
