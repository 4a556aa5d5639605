#!/usr/bin/env python3
"""Counts the test cases in what `meson test` left behind.

usage: count_tests.py (LOG_DIRECTORY MESON_EXIT_STATUS)...

Prints one line for each program, one for each reactor that the conformance cases ran on, and as the
last line `N passed, M failed`, with `, K skipped` when something was. Exits 1 when anything failed.
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as xml


class Count:
    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0

    def add(self, case: xml.Element) -> None:
        if case.find("failure") is not None or case.find("error") is not None:
            self.failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            self.skipped += 1
        else:
            self.passed += 1

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def broken_runs(log: pathlib.Path) -> int:
    """Runs that ended badly: their program may have died before it could report its cases."""
    with log.open(encoding="utf-8") as lines:
        results = [json.loads(line)["result"] for line in lines]
    return sum(result not in ("OK", "SKIP", "EXPECTEDFAIL") for result in results)


def main() -> int:
    total = Count()
    programs: dict[str, Count] = collections.defaultdict(Count)
    reactors: dict[str, Count] = collections.defaultdict(Count)

    for logs, meson_status in zip(sys.argv[1::2], sys.argv[2::2]):
        before = total.failed
        report = pathlib.Path(logs) / "testlog.junit.xml"
        if report.exists():
            for suite in xml.parse(report).getroot().iter("testsuite"):
                # GoogleTest programs are `project.program.suite`; other tests are cases of `project`.
                parts = suite.get("name", "").split(".")
                for case in suite.findall("testcase"):
                    # A program is called `project:suite / program`.
                    name = case.get("name", "").rpartition(" / ")[2]
                    program = parts[1].rpartition(" / ")[2] if len(parts) > 1 else name
                    total.add(case)
                    programs[program].add(case)
                    # The value of a parameterized case follows the last slash.
                    if program == "conformance" and "/" in name:
                        reactors[name.rpartition("/")[2]].add(case)
        broken = broken_runs(report.with_name("testlog.json")) if report.exists() else 0
        least = max(broken, 1 if int(meson_status) != 0 else 0)
        total.failed = max(total.failed, before + least)

    for program, count in sorted(programs.items()):
        print(f"{program}: {count}")
    for reactor, count in sorted(reactors.items()):
        print(f"conformance on {reactor}: {count}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
