#!/usr/bin/env python3
"""A program prints what its documents show.

usage: output_test.py SOURCE_ROOT EXPECTED PROGRAM [argument...]     EXPECTED as scripts/tour reads it
"""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True


def main() -> int:
    root, expected, *command = sys.argv[1:]
    loader = importlib.machinery.SourceFileLoader("tour", root + "/scripts/tour")
    tour = importlib.util.module_from_spec(importlib.util.spec_from_loader("tour", loader))
    sys.modules["tour"] = tour
    loader.exec_module(tour)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    differs = tour.as_expected(pathlib.Path(expected).read_text(encoding="utf-8"), done.stdout)
    if differs:
        print(differs)
    if done.returncode != 0:
        print(f"{command[0]} {tour.how_it_ended(done)}")
    return 1 if differs or done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
