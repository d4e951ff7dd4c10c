"""The command."""

import argparse
import random
import sys
import time

from tests.fuzz.room import Report, run
from tests.fuzz.rooms import rooms


def main() -> int:
    found = rooms()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Try what anybody may send.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(found)}; all of them unless given")
    parser.add_argument("--inputs", metavar="N", type=int, help="how many of each")
    parser.add_argument("--seed", metavar="S", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args()
    if unknown := set(given.names) - found.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    print(f"seed {given.seed}", flush=True)
    for name in given.names or found:
        began, report = time.monotonic(), Report()
        run(found[name], given.inputs or found[name].enough, seed=given.seed, report=report)
        print(f"{name}: {report}, in {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
