"""Who pays, decided before anything starts and said where it is about money."""

import os
from dataclasses import replace

from claude_run import login
from claude_run.cli.saying import say
from claude_run.settings import Settings


def settled(settings: Settings) -> Settings:
    """`settings` with who pays decided.

    Raises:
        LoginError: nobody may.
    """
    decision = login.who_pays(settings, os.environ)
    if decision.line is not None:
        say(decision.line)
    return replace(settings, withheld=decision.withheld, paid_by=decision.paid_by)
