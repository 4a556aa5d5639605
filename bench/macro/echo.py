"""Echo over loopback TCP: the server on one core, the load on the other, 1, 64 and 512 connections.

Each round runs every server once, in an order that moves on from round to round, and ratios are
taken within a round. `limit-epoll-again` is the limit program a second time: its ratio to itself is
the noise that every other ratio must be read against.

A peer is one more line in SERVERS.
"""

import dataclasses
import re
import shutil
import tempfile

from bench import processes, report


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    program: str
    against: str  # whose figures its ratios are taken to
    reactor: str = ""  # for RONDO_REACTOR
    goal: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {"RONDO_REACTOR": self.reactor} if self.reactor else {}


SERVERS = (
    Server("limit-epoll", "bench_limit_echo_epoll", "limit-epoll"),
    Server("limit-epoll-again", "bench_limit_echo_epoll", "limit-epoll"),
    Server("rondo-epoll", "bench_rondo_echo", "limit-epoll", "epoll", goal=True),
    Server("limit-io_uring", "bench_limit_echo_uring", "limit-io_uring"),
    Server("rondo-io_uring", "bench_rondo_echo", "limit-io_uring", "io_uring", goal=True),
)
CONNECTIONS = (1, 64, 512)
MESSAGE_BYTES = 64
CPU_RATIO_AIM = 1.03  # of the limit program's, at 64 and 512
SYSTEM_CALLS_AIM = 1.05  # at 64
NOTES = [
    "Server CPU time a round trip, read from the server's clock at both ends of the load's window; "
    "ratios are to the limit program on the same interface in the same round.",
    "echo_instructions: of the server in user space, a round trip at 64 connections.",
]


@dataclasses.dataclass
class Round:
    cpu_us: float
    system_calls: float
    trips_a_second: float


def run(options: report.Options) -> report.Result:
    seconds = 0.3 if options.quick else 1.0
    rows = []
    for connections in CONNECTIONS:
        if options.filter in f"echo_{connections}":
            rounds: dict[str, list[Round]] = {s.name: [] for s in SERVERS}
            for n in range(options.rounds):
                first = n % len(SERVERS)
                for server in SERVERS[first:] + SERVERS[:first]:
                    rounds[server.name].append(_round(options, server, connections, seconds))
            rows += [_row(server, connections, rounds) for server in SERVERS]
    rows += _instructions(options)
    load = " ".join(_load(options, 0, 0, seconds, 0))
    return report.Result(rows, [options.program(s.program) for s in SERVERS] + [load], NOTES)


def _round(options: report.Options, server: Server, connections: int, seconds: float) -> Round:
    with processes.serving([options.program(server.program)], server.environment) as running:
        load = processes.run_json(
            processes.LOAD_CORE,
            _load(options, running.port, connections, seconds, running.process.pid))
    done = running.report
    return Round(
        cpu_us=load["server_cpu_s"] / load["round_trips"] * 1e6,
        system_calls=done["system_calls"] / done["round_trips"],
        trips_a_second=load["round_trips"] / load["seconds"])


def _load(options: report.Options, port: int, connections: int, seconds: float,
          pid: int) -> list[str]:
    return [options.program("bench_echo_load"), str(port), str(connections), str(MESSAGE_BYTES),
            str(seconds), str(pid)]


def _row(server: Server, connections: int, rounds: dict[str, list[Round]]) -> report.Row:
    own, limit = rounds[server.name], rounds[server.against]
    row = report.Row(f"echo_{connections}/{server.name}", "µs")
    row.value = report.summarize([r.cpu_us for r in own])
    system_calls = report.summarize([r.system_calls for r in own]).median
    row.counters = {
        "syscalls": system_calls,
        "trips_a_second": report.summarize([r.trips_a_second for r in own]).median,
    }
    if server.name == server.against:
        return row
    row.against = server.against
    row.ratio = report.ratio([r.cpu_us for r in own], [r.cpu_us for r in limit])
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
        if server.name.endswith("again") or options.filter not in row.name:
            continue
        try:
            (few, few_trips), (many, many_trips) = [_count(options, server, s) for s in (0.5, 2.0)]
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
                processes.LOAD_CORE, _load(options, running.port, 64, seconds, running.process.pid))
        errors.seek(0)
        collected = re.search(r"Collected : (\d+)", errors.read())
    return int(collected[1]), running.report["round_trips"]
