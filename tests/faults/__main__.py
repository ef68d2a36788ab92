"""python -m tests.faults [--only WORDS]: what clients see of everything an upstream does wrong."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults.modes import MODES
from tests.faults.trying import trial


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="modes that hold these words")
    names = [name for name in MODES if parser.parse_args().only in name]
    wrong: list[str] = []
    print(f"{'upstream':40}{'whole':34}{'streamed':34}then")
    with tempfile.TemporaryDirectory() as directory, trial(Path(directory)) as tried:
        for name in names:
            seen = tried.tried(name)
            print(f"{name:40}{seen.whole:34}{seen.streamed:34}{seen.afterwards}", flush=True)
            wrong += [f"{name}, {what}" for what in seen.wrong(name)]
    for what in wrong:
        print(f"   WRONG  {what}")
    print(f"{len(names)} faults of an upstream, {len(wrong)} hangs, wrong answers and leftovers")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
