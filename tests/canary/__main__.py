"""python -m tests.canary [--cli PATH] [--only WORDS]"""

import argparse
import asyncio
import sys

from tests.canary.facts import FACTS
from tests.canary.trying import Outcome, installed, tried


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.canary", description=__doc__)
    parser.add_argument("--cli", help="another Claude Code than the one that the SDK brings along")
    parser.add_argument("--only", default="", metavar="WORDS", help="facts that hold these words")
    options = parser.parse_args()
    print(f"Facts that claude-run rests on, tried with {installed(options.cli)}\n")
    outcomes = []
    for fact in FACTS:
        if options.only in fact.says:
            outcomes.append(asyncio.run(tried(fact, options.cli)))
            print(_line(outcomes[-1]), flush=True)
    broken = [outcome for outcome in outcomes if outcome.seen is not None]
    print(f"\n{len(outcomes) - len(broken)} hold, {len(broken)} do not")
    sys.exit(1 if broken else 0)


def _line(outcome: Outcome) -> str:
    fact = outcome.fact
    line = f"{'holds' if outcome.seen is None else 'BROKEN':8}{fact.says:60}{fact.rests}"
    return line if outcome.seen is None else f"{line}\n        seen: {outcome.seen}"


if __name__ == "__main__":
    main()
