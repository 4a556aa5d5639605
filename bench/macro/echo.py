"""Echo over loopback TCP: the server on one core, the load on the other, 1, 64 and 512 connections; and
churn, connections that live for one echo.

Each round runs every server once, in an order that moves on from round to round, and ratios are
taken within a round. `limit-epoll-again` is the limit program a second time: its ratio to itself is
the noise that every other ratio must be read against.

A peer is one more line in SERVERS.
"""

import dataclasses
import pathlib
import re
import shutil
import tempfile

from bench import processes, report
from bench.macro import http


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    program: str  # of the build, or a script in peers/
    against: str  # whose figures its ratios are taken to
    reactor: str = ""  # for RONDO_REACTOR
    goal: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        return {"RONDO_REACTOR": self.reactor} if self.reactor else {}

    @property
    def counts(self) -> bool:
        """Whether it says what it has done."""
        return self.program.startswith(("bench_limit", "bench_rondo"))

    def command(self, options: report.Options) -> list[str]:
        if self.program.endswith(".py"):
            return [http.SYSTEM_PYTHON, str(http.PEERS / self.program), *self.arguments]
        return [options.program(self.program), *self.arguments]

    def missing(self, options: report.Options) -> str:
        """Why it cannot be had; empty when it can."""
        if not self.program.endswith(".py"):
            there = pathlib.Path(options.program(self.program)).exists()
            return "" if there else f"{self.program} was not built"
        return http.python_has_no("uvloop") if "--uvloop" in self.arguments else ""


SERVERS = (
    Server("limit-epoll", "bench_limit_echo_epoll", "limit-epoll"),
    Server("limit-epoll-again", "bench_limit_echo_epoll", "limit-epoll"),
    Server("rondo-epoll", "bench_rondo_echo", "limit-epoll", "epoll", goal=True),
    Server("limit-io_uring", "bench_limit_echo_uring", "limit-io_uring"),
    Server("rondo-io_uring", "bench_rondo_echo", "limit-io_uring", "io_uring", goal=True),
    Server("asio-epoll", "bench_asio_echo", "limit-epoll"),
    Server("asio-io_uring", "bench_asio_echo_uring", "limit-io_uring"),
    Server("libuv", "bench_uv_echo", "limit-epoll"),
    Server("asyncio", "asyncio_echo.py", "limit-epoll"),
    Server("uvloop", "asyncio_echo.py", "limit-epoll", arguments=("--uvloop",)),
)
CONNECTIONS = (1, 64, 512)
CHURNING = 32
MESSAGE_BYTES = 64
CPU_RATIO_AIM = 1.03  # of the limit program's, at 64 and 512
SYSTEM_CALLS_AIM = 1.05  # at 64
NOTES = [
    "Server CPU time a round trip, read from the server's clock at both ends of the load's window; "
    "ratios are to the limit program on the same interface in the same round.",
]
INSTRUCTIONS_NOTE = (
    "echo_instructions: of the server in user space, a round trip at 64 connections.")
CHURN_NOTE = "churn: CPU time of accepting a connection, one echo on it, and its end; 32 at a time."


@dataclasses.dataclass
class Round:
    cpu_us: float
    system_calls: float | None
    trips_a_second: float


def run(options: report.Options) -> report.Result:
    rows = []
    for connections in CONNECTIONS:
        if options.filter in f"echo_{connections}":
            rows += _side_by_side(options, f"echo_{connections}", connections)
    rows += _instructions(options)
    commands = [" ".join(s.command(options)) for s in SERVERS]
    load = " ".join(_load(options, "bench_echo_load", 0, 0, 0))
    return report.Result(rows, [*commands, load], [*NOTES, INSTRUCTIONS_NOTE])


def run_churn(options: report.Options) -> report.Result:
    rows = _side_by_side(options, "churn", CHURNING)
    load = " ".join(_load(options, "bench_churn_load", 0, 0, 0))
    return report.Result(rows, [load], [*NOTES, CHURN_NOTE])


def _side_by_side(options: report.Options, suite: str, connections: int) -> list[report.Row]:
    program = "bench_churn_load" if suite == "churn" else "bench_echo_load"
    absent = {s.name: s.missing(options) for s in SERVERS}
    present = {s.name: s for s in SERVERS if not absent[s.name]}
    rounds: dict[str, list[Round]] = {name: [] for name in present}
    for name in http.alternate(list(present), options.rounds):
        rounds[name].append(_round(options, present[name], program, connections))
    rows = [_row(server, suite, connections, rounds) for server in present.values()]
    return rows + [report.Row(f"{suite}/{name}", note=f"skipped: {why}")
                   for name, why in absent.items() if why]


def _round(options: report.Options, server: Server, program: str, connections: int) -> Round:
    with processes.serving(server.command(options), server.environment) as running:
        load = processes.run_json(
            processes.LOAD_CORE,
            _load(options, program, running.port, connections, running.process.pid))
    done = running.report
    return Round(
        cpu_us=load["server_cpu_s"] / load["round_trips"] * 1e6,
        system_calls=done["system_calls"] / done["round_trips"] if server.counts else None,
        trips_a_second=load["round_trips"] / load["seconds"])


def _load(options: report.Options, program: str, port: int, connections: int, pid: int,
          seconds: float | None = None) -> list[str]:
    seconds = seconds or (0.3 if options.quick else 0.7)
    return [options.program(program), str(port), str(connections), str(MESSAGE_BYTES),
            str(seconds), str(pid)]


def _row(server: Server, suite: str, connections: int,
         rounds: dict[str, list[Round]]) -> report.Row:
    own, limit = rounds[server.name], rounds[server.against]
    row = report.Row(f"{suite}/{server.name}", "µs")
    row.value = report.summarize([r.cpu_us for r in own])
    row.counters["rate"] = report.summarize([r.trips_a_second for r in own]).median
    if server.counts:
        row.counters["syscalls"] = report.summarize([r.system_calls for r in own]).median
    if server.name == server.against:
        return row
    row.against = f"{suite}/{server.against}"
    row.ratio = report.ratio([r.cpu_us for r in own], [r.cpu_us for r in limit])
    if suite == "churn" or not server.counts:
        return row
    calls_ratio = report.ratio([r.system_calls for r in own], [r.system_calls for r in limit])
    row.counters["syscalls_ratio"] = calls_ratio.median
    if server.goal and connections > 1:
        report.aim_at_most(row, CPU_RATIO_AIM, row.ratio)
    if server.goal and connections == 64:
        row.aim += f", syscalls ≤ {SYSTEM_CALLS_AIM:g}"
        row.met = row.met and calls_ratio.median <= SYSTEM_CALLS_AIM
        row.note = f"syscalls {calls_ratio.median:.2f}× the limit's"
    return row


def _instructions(options: report.Options) -> list[report.Row]:
    """User-space instructions a round trip: two runs under callgrind, the difference divided."""
    if not shutil.which("valgrind"):
        return report.skipped("echo_instructions", "valgrind is not installed").rows
    rows = []
    for server in SERVERS:
        row = report.Row(f"echo_instructions/{server.name}")
        if not server.counts or server.name.endswith("again") or options.filter not in row.name:
            continue
        try:
            times = (0.2, 0.6) if options.quick else (0.5, 2.0)
            (few, few_trips), (many, many_trips) = [_count(options, server, s) for s in times]
            row.counters["instructions"] = (many - few) / (many_trips - few_trips)
        except RuntimeError:
            row.note = "skipped: this server does not work under this valgrind"
        rows.append(row)
    return rows


def _count(options: report.Options, server: Server, seconds: float) -> tuple[int, int]:
    """Instructions and round trips of one run at 64 connections."""
    command = processes.callgrind([options.program(server.program)])
    with tempfile.TemporaryFile("w+") as errors:
        with processes.serving(command, server.environment, errors) as running:
            processes.run_json(
                processes.LOAD_CORE,
                _load(options, "bench_echo_load", running.port, 64, running.process.pid, seconds))
        errors.seek(0)
        collected = re.search(r"Collected : (\d+)", errors.read())
    return int(collected[1]), running.report["round_trips"]
