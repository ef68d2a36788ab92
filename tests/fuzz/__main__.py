"""python -m tests.fuzz --minutes N [--seed S] [--described EXAMPLES]"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from claude_run.bridge import Bridge
from claude_run.settings import Settings
from tests.fuzz.described import described
from tests.fuzz.search import Search, replaying
from tests.fuzz.trying import Target
from tests.scripted import ScriptedUpstream, sealed_environment

EXAMPLES = 300  # a round; a live one is a tenth as long


@contextmanager
def live() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as directory, ScriptedUpstream() as upstream:
        environment = sealed_environment(Path(directory), upstream.url)
        with Bridge(Settings(), environment=environment) as bridge:
            bridge.wait_ready()
            yield Target(bridge)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--described", type=int, metavar="EXAMPLES", help="schemathesis alone")
    options = parser.parse_args()
    if options.described is not None:
        _search_described(options.described)
        return
    began = time.monotonic()
    tally: Counter[str] = Counter()
    with replaying() as dry, live() as wet:
        _search(Search(dry, tally), Search(wet, tally), began + 60 * options.minutes, options.seed)
    for name, times in sorted(tally.items()):
        print(f"{times:8}  {name}")
    print(f"{sum(tally.values()):8}  answers in {time.monotonic() - began:.0f} s; none was wrong")


def _search_described(examples: int) -> None:
    with replaying() as dry:
        wrong = described(dry.bridge, examples)
    for told in wrong:
        print(told)
    sys.exit(1 if wrong else 0)


def _search(dry: Search, wet: Search, ends: float, start: int) -> None:
    for search in (dry, wet):
        search.found_before()
    for number in count(start):
        if time.monotonic() > ends:
            return
        dry.bodies(EXAMPLES, number)
        dry.bytes(EXAMPLES, number)
        wet.bodies(EXAMPLES // 10, number)


if __name__ == "__main__":
    main()
