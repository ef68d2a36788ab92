"""python -m tests.faults [--only WORDS]: what clients see of everything an upstream does wrong, and
of what a machine has run out of."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.machine import MACHINES
from tests.faults.machine import wrong as wrong_in
from tests.faults.modes import MODES
from tests.faults.trying import trial


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="modes that hold these words")
    only = parser.parse_args().only
    names, machines = ([name for name in table if only in name] for table in (MODES, MACHINES))
    wrong: list[str] = []
    print(f"{'upstream':40}{'whole':34}{'streamed':34}{'then':10}stderr")
    with tempfile.TemporaryDirectory() as directory, trial(Path(directory)) as tried:
        for name in names:
            seen = tried.tried(name)
            print(
                f"{name:40}{seen.whole:34}{seen.streamed:34}{seen.afterwards:10}{seen.stderr}",
                flush=True,
            )
            wrong += [f"{name}, {what}" for what in seen.wrong(name)]
    print(f"\n{'machine':40}{'answer':34}{'load':34}{'then':10}stderr")
    for name in machines:
        wrong += [f"{name}, {what}" for what in _tried(name)]
    for what in wrong:
        print(f"   WRONG  {what}")
    both = f"{len(names)} faults of an upstream and {len(machines)} of a machine"
    print(f"{both}, {len(wrong)} hangs, wrong answers and leftovers")
    sys.exit(1 if wrong else 0)


def _tried(name: str) -> list[str]:
    with tempfile.TemporaryDirectory() as directory:
        try:
            seen = MACHINES[name](Path(directory))
        except PermissionError as error:
            print(f"{name:40}not tried: {error}")
            return []
    print(f"{name:40}{seen.answer:34}{seen.load:<34.2f}{seen.later:10}{seen.stderr}", flush=True)
    return wrong_in(seen)


if __name__ == "__main__":
    main()
