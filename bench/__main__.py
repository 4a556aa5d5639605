"""Runs the bench suite and prints its tables; `scripts/bench` builds first and then calls this.

usage: python3 -m bench --build DIRECTORY [--quick] [--only SUITE[:PART]]... [--json FILE]

Suites, in the order they run:
  micro         single operations, in nanoseconds
  instructions  the same in instructions, by callgrind
  sleepers      100,000 sleeping tasks: time and memory
  echo          echo over TCP beside the limit programs
  delay         1,000 requests at once to a server that answers after a second

--only echo:512 runs only the rows of a suite whose names contain the part.
"""

import argparse
import json
import os
import pathlib
import sys

from bench import report
from bench.macro import delay, echo, sleepers
from bench.micro import instructions
from bench.micro import run as micro

SUITES = {
    "micro": micro.run,
    "instructions": instructions.run,
    "sleepers": sleepers.run,
    "echo": echo.run,
    "delay": delay.run,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=report.ROOT / "build-bench",
                        help="the build directory")
    parser.add_argument("--quick", action="store_true", help="3 short rounds: to see that it works")
    parser.add_argument("--only", action="append", metavar="SUITE[:PART]", default=[])
    parser.add_argument("--json", type=pathlib.Path,
                        help="default: bench.json in the build directory")
    arguments = parser.parse_args()

    chosen = dict(o.partition(":")[::2] for o in arguments.only) or dict.fromkeys(SUITES, "")
    if unknown := [name for name in chosen if name not in SUITES]:
        parser.error(f"no suite is called {unknown[0]}; there are {', '.join(SUITES)}")

    document = {"machine": report.machine(), "quick": arguments.quick, "suites": {}}
    load = document["machine"]["load_average_before"][0]
    print(f"load average before: {load}", flush=True)
    for name in SUITES:
        if name not in chosen:
            continue
        options = report.Options(arguments.build.resolve(), arguments.quick, chosen[name])
        result = SUITES[name](options)
        document["suites"][name] = report.as_json(result)
        print("\n" + report.table(f"{name}, {options.rounds} rounds", result.rows), flush=True)
        for note in result.notes:
            print(f"  {note}", flush=True)
    document["machine"]["load_average_after"] = [round(x, 2) for x in os.getloadavg()]

    path = arguments.json or arguments.build / "bench.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nall rounds, versions and commands: {path}")
    if load > 0.5:
        print(f"this machine was busy (load {load}) when the run began: read the times with care")
    return 0


if __name__ == "__main__":
    sys.exit(main())
