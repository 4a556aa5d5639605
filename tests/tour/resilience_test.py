#!/usr/bin/env python3
"""What docs/resilience.md shows of a failing server, its table and its picture, is what the example prints.

usage: resilience_test.py SOURCE_ROOT PROGRAM
"""

import pathlib
import subprocess
import sys


def main() -> int:
    root, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    run = subprocess.run([program], stdout=subprocess.PIPE, check=True).stdout
    wrong = 0
    for shown, options in (("docs/resilience.csv", ["--table"]), ("docs/resilience.svg", [])):
        command = [sys.executable, root / "scripts/plot_resilience.py", *options]
        made = subprocess.run(command, input=run, stdout=subprocess.PIPE, check=True).stdout
        if made != (root / shown).read_bytes():
            print(f"{shown} is not what scripts/plot_resilience.py {' '.join(options)} makes of this run")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
