"""What every part of the suite shares: statistics, facts about the machine, tables.

A result is a row:

    name      what was measured
    unit      of its value
    value     a summary (below): median and interval over the rounds
    ratio     the same for the ratio to `against`, taken round by round
    aim, met  the goal as text, and whether this run reached it (None: no goal)
    counters  what does not drift: system calls, allocations, instructions, an operation
    note      why a row has no value ("skipped: …"), or what must be known to read it
"""

import dataclasses
import datetime
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass
class Options:
    """How to run: where the programs are, how long, how often."""

    build: pathlib.Path
    quick: bool = False
    filter: str = ""  # within a suite: only rows whose name contains it

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 9

    def program(self, name: str) -> str:
        return str(self.build / "bench" / name)


@dataclasses.dataclass
class Summary:
    """The median, and an interval that holds the true one with 95 % if there are rounds enough."""

    median: float
    low: float
    high: float
    rounds: list[float]


@dataclasses.dataclass
class Row:
    name: str
    unit: str = ""
    value: Summary | None = None
    against: str = ""
    ratio: Summary | None = None
    aim: str = ""
    met: bool | None = None
    counters: dict[str, float] = dataclasses.field(default_factory=dict)
    note: str = ""


@dataclasses.dataclass
class Result:
    """What one suite gives: its rows, the commands it ran, and what a reader must know."""

    rows: list[Row]
    commands: list[str]
    notes: list[str] = dataclasses.field(default_factory=list)


def skipped(name: str, reason: str) -> Result:
    return Result([Row(name, note=f"skipped: {reason}")], [])


def summarize(values: list[float]) -> Summary:
    ordered = sorted(values)
    skip = _ranks_outside(len(ordered))
    return Summary(statistics.median(ordered), ordered[skip], ordered[-1 - skip], values)


def _ranks_outside(n: int) -> int:
    """How many of n values at each end an interval for the median may leave out, at 95 %.

    The median is outside only if almost all values lie on one side of it: a fair coin that falls on
    the same side so often (the sign test).
    """
    outside = [skip for skip in range(n // 2)
               if 2 * sum(math.comb(n, i) for i in range(skip + 1)) / 2**n <= 0.05]
    return max(outside, default=0)


def ratio(of: list[float], to: list[float]) -> Summary:
    """Round by round: what drifts from round to round is in both and drops out."""
    return summarize([a / b for a, b in zip(of, to, strict=True)])


def aim_at_most(row: Row, limit: float, of: Summary | None) -> None:
    row.aim = f"≤ {limit:g}"
    row.met = None if of is None else of.median <= limit


def aim_at_least(row: Row, limit: float, of: Summary | None) -> None:
    row.aim = f"≥ {limit:g}"
    row.met = None if of is None else of.median >= limit


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def machine() -> dict[str, typing.Any]:
    return {
        "when": now(),
        "kernel": f"{platform.system()} {platform.release()} {platform.version()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load_average_before": [round(x, 2) for x in os.getloadavg()],
        "versions": {name: _output(command) for name, command in _VERSIONS.items()},
        "commit": _output(["git", "describe", "--always", "--dirty"]),
    }


_VERSIONS = {
    "clang": ["clang++-19", "--version"],
    "libstdc++": ["dpkg-query", "-W", "-f=${Version}", "libstdc++-12-dev"],
    "liburing": ["pkg-config", "--modversion", "liburing"],
    "benchmark": ["pkg-config", "--modversion", "benchmark"],
    "valgrind": ["valgrind", "--version"],
    "asio": ["dpkg-query", "-W", "-f=${Version}", "libasio-dev"],
    "Boost": ["dpkg-query", "-W", "-f=${Version}", "libboost1.81-dev"],
    "libuv": ["pkg-config", "--modversion", "libuv"],
    "libcurl": ["pkg-config", "--modversion", "libcurl"],
    "aiohttp": ["dpkg-query", "-W", "-f=${Version}", "python3-aiohttp"],
    "uvloop": ["dpkg-query", "-W", "-f=${Version}", "python3-uvloop"],
    "python": ["/usr/bin/python3", "--version"],
    "node": ["node", "--version"],
    "nginx": ["dpkg-query", "-W", "-f=${Version}", "nginx-light"],
    "wrk": ["dpkg-query", "-W", "-f=${Version}", "wrk"],
    "h2load": ["h2load", "--version"],
}


def _output(command: list[str]) -> str:
    if not shutil.which(command[0]):
        return "not installed"
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0].strip() or "unknown"


def _processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def as_json(result: Result) -> dict[str, typing.Any]:
    return dataclasses.asdict(result)


def table(title: str, rows: list[Row]) -> str:
    """Rows as text: only the columns that have something in them."""
    cells = [_cells(row) for row in rows]
    if not cells:
        return f"{title}: no rows"
    columns = [c for c in cells[0] if c == "name" or any(line[c] for line in cells)]
    width = {c: max(len(c), *(len(line[c]) for line in cells)) for c in columns}
    left = {"name", "note", "against"}
    lines = [title, ""]
    lines.append("  ".join(c.ljust(width[c]) if c in left else c.rjust(width[c]) for c in columns))
    for line in cells:
        lines.append("  ".join(
            line[c].ljust(width[c]) if c in left else line[c].rjust(width[c]) for c in columns))
    return "\n".join(text.rstrip() for text in lines)


def _cells(row: Row) -> dict[str, str]:
    cells = {"name": row.name, "median": "", "interval": "", "ratio": "", "ratio interval": ""}
    if row.value:
        cells["median"] = f"{_short(row.value.median)} {row.unit}"
        cells["interval"] = f"{_short(row.value.low)}–{_short(row.value.high)}"
    if row.ratio:
        cells["ratio"] = f"{row.ratio.median:.3f}"
        cells["ratio interval"] = f"{row.ratio.low:.3f}–{row.ratio.high:.3f}"
    cells["against"] = row.against if row.ratio else ""
    cells["aim"] = row.aim
    cells["met"] = {True: "yes", False: "NO", None: ""}[row.met]
    for name in COUNTERS:
        cells[name] = _short(row.counters[name]) if name in row.counters else ""
    cells["note"] = row.note
    return cells


# The counters that a table shows, in its order; the JSON has all of them.
COUNTERS = ("instructions", "allocs", "syscalls", "bytes a task", "resident a task",
            "bytes a connection", "cpu %", "cpu ms", "user µs", "server µs", "server ms", "rate", "mean", "p50", "p99", "p99.9", "max")


def _short(x: float) -> str:
    if abs(x) < 0.005:
        return "0"
    if abs(x) >= 10_000:
        return f"{x:,.0f}"
    return f"{x:.4g}" if abs(x) >= 1 else f"{x:.2f}"
