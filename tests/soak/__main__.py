"""python -m tests.soak --minutes N [--clients C]"""

import argparse
import sys

from tests.soak.beside import budget_faults, cassette_faults
from tests.soak.enduring import soaked

RECORDED = 200
BUDGET = 50


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--kill-every", type=float, default=2.0, metavar="SECONDS")
    options = parser.parse_args()
    result = soaked(options.clients, 60 * options.minutes, options.kill_every)
    found = result.found
    for act, times in sorted(found.tally.done.items()):
        print(f"{times:8}  {act.replace('_', ' ')}")
    print(f"{result.sent.requests:8}  requests by {options.clients} clients")
    print(f"{result.model.compared:8}  conversations compared with what upstream was asked")
    print(f"{found.killed:8}  CLIs killed, which ended {len(result.hit)} acts")
    print(f"{found.memory:8.2f}  times the memory of the bridge when it was warm")
    faults = [*result.faults(), *cassette_faults(RECORDED), *budget_faults(BUDGET)]
    print(f"{RECORDED:8}  requests recorded in one dialect and replayed in another")
    print(f"{2 * BUDGET:8}  requests on a budget of {BUDGET}")
    for fault in (*faults, *result.wrong[:10], *map(str, result.model.other[:3])):
        print(f"   WRONG  {fault}")
    print(f"{len(faults):8}  hangs, wrong answers and leftovers")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
