"""The primitives that others have too: Rondo's on both reactors, asio's, asyncio's and uvloop's, in turn.

Every round runs each program once, all on one core; ratios are to asio in the same round, to asyncio where
asio has no such thing. `rondo-io_uring-again` is the same a second time: the noise.
"""

import json
import pathlib
import tempfile

from bench import processes, report
from bench.macro import http
from bench.micro import run as micro

# Rondo's rows in bench_micro, and what they are called here. The first six have a name for each reactor.
ROWS = {
    "await_ready_child": "await_ready_child",
    "yield_1000_tasks": "yield_1000_tasks",
    "spawn_and_join": "spawn_and_join",
    "queue_hop": "queue_hop",
    "gather_10000": "gather_10000",
    "sleep_100000_for_300ms": "sleep_100000_for_300ms",
    "cancel_frame/warm": "cancel_frame",
}
ONCE = {
    "await_minimal_task": "await_ready_child/hand-written",
    "await_ready_child_again/io_uring": "await_ready_child/rondo-io_uring-again",
    "timers_1e6/schedule": "timers_1e6/schedule/rondo",
    "timers_1e6/cancel": "timers_1e6/cancel/rondo",
}
PYTHONS = {"asyncio": (), "uvloop": ("--uvloop",)}
SECONDS = 0.04  # a row and round of the C++ programs
NOTES = ["CPU time an operation; wall time for asyncio, uvloop and sleep_100000_for_300ms. hand-written: the "
         "least that a task can be (bench/micro/minimal_task.hpp). cancel_frame: a hundred tasks ten frames "
         "deep, a frame."]


def run(options: report.Options) -> report.Result:
    programs = {
        "rondo": [options.program("bench_micro"), _filter()],
        "asio": [options.program("bench_asio_micro")],
        **{who: [http.SYSTEM_PYTHON, str(http.PEERS / "asyncio_micro.py"), *arguments]
           for who, arguments in PYTHONS.items()},
    }
    absent = {who: _missing(who, command) for who, command in programs.items()}
    present = [who for who, why in absent.items() if not why
               and (options.filter in who or who in ("rondo", "asio"))]
    rounds: dict[str, list[float]] = {}
    counters: dict[str, dict[str, float]] = {}
    for who in http.alternate(present, options.rounds):
        for name, nanoseconds, counted in _round(who, programs[who]):
            rounds.setdefault(name, []).append(nanoseconds)
            counters[name] = counted
    rows = [_row(name, rounds, counters[name]) for name in sorted(rounds, key=_place)]
    rows += [report.Row(who, note=f"skipped: {why}") for who, why in absent.items() if why]
    return report.Result(rows, [" ".join(programs[who]) for who in present], NOTES)


def _filter() -> str:
    both = "|".join(f"{name}/(epoll|io_uring)" for name in ROWS)
    return f"--benchmark_filter=^({both}|{'|'.join(ONCE)})(/|$)"


def _missing(who: str, command: list[str]) -> str:
    if who == "uvloop":
        return http.python_has_no("uvloop")
    return "" if pathlib.Path(command[0]).exists() else f"{command[0]} was not built"


def _round(who: str, command: list[str]) -> list[tuple[str, float, dict[str, float]]]:
    if who in PYTHONS:
        done = processes.run_json(processes.SERVER_CORE, command)
        return [(f"{name}/{who}", nanoseconds, {}) for name, nanoseconds in done.items()]
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        processes.run_on(processes.SERVER_CORE, [
            *command, f"--benchmark_min_time={SECONDS}", f"--benchmark_out={out.name}",
            "--benchmark_out_format=json"])
        measured = micro.rows_of(json.load(out)["benchmarks"])
    called = _called_by_rondo if who == "rondo" else lambda name: f"{name}/{who}"
    return [(called(row.name), micro.nanoseconds_of(row), row.counters) for row in measured if row.value]


def _called_by_rondo(name: str) -> str:
    if name in ONCE:
        return ONCE[name]
    operation, _, reactor = name.rpartition("/")
    return f"{ROWS[operation]}/rondo-{reactor}"


def _place(name: str) -> tuple[int, str, int]:
    """Where a row stands: by operation, Rondo first."""
    operation, _, who = name.rpartition("/")
    operations = [*ROWS.values(), "timers_1e6/schedule", "timers_1e6/cancel"]
    order = ("hand-written", "rondo", "rondo-epoll", "rondo-io_uring", "rondo-io_uring-again", "asio",
             "asyncio", "uvloop")
    return operations.index(operation), operation, order.index(who)


def _row(name: str, rounds: dict[str, list[float]], counters: dict[str, float]) -> report.Row:
    row = micro.in_unit(report.Row(name, counters=counters), rounds[name])
    operation, _, who = name.rpartition("/")
    if who.startswith("rondo") and not who.endswith("again"):
        micro.judge(row, operation, rounds[name])
    to = next((f"{operation}/{peer}" for peer in ("asio", "asyncio")
               if f"{operation}/{peer}" in rounds), "")
    if who.endswith("again"):
        to = f"{operation}/rondo-io_uring"
    if to and to != name:
        row.against, row.ratio = to, report.ratio(rounds[name], rounds[to])
    return row
