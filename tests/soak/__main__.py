"""python -m tests.soak --minutes N [--clients C]"""

import argparse
import sys

from tests.soak.enduring import soaked


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
    print(f"{sum(found.tally.done.values()):8}  acts by {options.clients} clients")
    print(f"{found.killed:8}  CLIs killed, which ended {len(result.hit)} acts")
    for fault in (*result.faults(), *result.wrong[:10]):
        print(f"   WRONG  {fault}")
    sys.exit(1 if result.faults() else 0)


if __name__ == "__main__":
    main()
