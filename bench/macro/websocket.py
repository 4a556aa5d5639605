"""Echo over WebSockets: the server on one core, the load on the other.

websocket_64     64 B over 64 connections, one message under way on each
websocket_16x    16 under way on each: what a message costs in user space
websocket_1m     1 MiB over 4 connections

Beside them stands `raw`, Rondo's echo server without WebSockets under echo_load with messages of as many bytes:
what the sockets take.
"""

import dataclasses
import pathlib
import shutil
import subprocess

from bench import processes, report
from bench.macro import http


@dataclasses.dataclass(frozen=True)
class Server:
    name: str
    program: str
    reactor: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.program.startswith("bench_rondo")

    @property
    def environment(self) -> dict[str, str]:
        return {"RONDO_REACTOR": self.reactor} if self.reactor else {}

    def command(self, options: report.Options) -> list[str]:
        if self.program.endswith(".py"):
            return [http.SYSTEM_PYTHON, str(http.PEERS / self.program), *self.arguments]
        if self.program.endswith(".cjs"):
            return ["env", f"NODE_PATH={_npm_modules()}", "node", str(http.PEERS / self.program)]
        return [options.program(self.program), *self.arguments]

    def missing(self, options: report.Options) -> str:
        if self.program.endswith(".py"):
            return http.python_has_no(self.arguments[0])
        if self.program.endswith(".cjs"):
            there = shutil.which("node") and pathlib.Path(_npm_modules(), "ws").is_dir()
            return "" if there else "npm's ws is not installed"
        return "" if pathlib.Path(options.program(self.program)).exists() else f"{self.program} was not built"


SERVERS = (
    Server("raw-epoll", "bench_rondo_echo", "epoll"),
    Server("rondo-epoll", "bench_rondo_websocket", "epoll"),
    Server("raw-io_uring", "bench_rondo_echo", "io_uring"),
    Server("rondo-io_uring", "bench_rondo_websocket", "io_uring"),
    Server("beast", "bench_beast_websocket"),
    Server("ws", "ws_echo.cjs"),
    Server("websockets", "websocket_echo.py", arguments=("websockets",)),
    Server("aiohttp", "websocket_echo.py", arguments=("aiohttp",)),
)
# Suite, connections, bytes, messages under way on each, and what Rondo aims at beside raw echo.
SUITES = (("websocket_64", 64, 64, 1, 1.06), ("websocket_16x", 64, 64, 16, None), ("websocket_1m", 4, 1 << 20, 1, 1.11))
NOTES = ["Server CPU time a message, read from the server's clock at both ends of the load's window; ratios are to raw echo "
         "on the same reactor in the same round. raw: Rondo's echo without WebSockets, of messages of as many bytes, one "
         "under way on each connection."]


def run(options: report.Options) -> report.Result:
    rows = []
    for suite, connections, size, under_way, aim in SUITES:
        if options.filter in suite:
            rows += _side_by_side(options, suite, (connections, size, under_way), aim)
    commands = [" ".join(s.command(options)) for s in SERVERS]
    return report.Result(rows, commands, NOTES)


def _side_by_side(options: report.Options, suite: str, load: tuple[int, int, int], aim: float | None) -> list[report.Row]:
    absent = {s.name: s.missing(options) for s in SERVERS}
    present = {s.name: s for s in SERVERS if not absent[s.name]}
    rounds: dict[str, list[dict]] = {name: [] for name in present}
    for name in http.alternate(list(present), options.rounds):
        rounds[name].append(_round(options, present[name], *load))
    rows = [_row(s, suite, rounds, aim) for s in present.values()]
    return rows + [report.Row(f"{suite}/{name}", note=f"skipped: {why}") for name, why in absent.items() if why]


def _round(options: report.Options, server: Server, connections: int, size: int, under_way: int) -> dict:
    seconds = 0.3 if options.quick else 0.7
    raw = server.name.startswith("raw")
    program = options.program("bench_echo_load" if raw else "bench_websocket_load")
    with processes.serving(server.command(options), server.environment) as running:
        how = [] if raw else [str(under_way)]
        load = processes.run_json(processes.LOAD_CORE, [program, str(running.port), str(connections), str(size), *how,
                                                        str(seconds), str(running.process.pid)])
    return {"cpu_us": load["server_cpu_s"] / load["round_trips"] * 1e6, "rate": load["round_trips"] / load["seconds"]}


def _row(server: Server, suite: str, rounds: dict[str, list[dict]], aim: float | None) -> report.Row:
    own = rounds[server.name]
    row = report.Row(f"{suite}/{server.name}", "µs", report.summarize([r["cpu_us"] for r in own]))
    row.counters["rate"] = report.summarize([r["rate"] for r in own]).median
    against = f"raw-{server.reactor}" if server.reactor else "raw-epoll"
    if against not in rounds or server.name == against:
        return row
    row.against = f"{suite}/{against}"
    row.ratio = report.ratio([r["cpu_us"] for r in own], [r["cpu_us"] for r in rounds[against]])
    if server.is_ours and aim:
        report.aim_at_most(row, aim, row.ratio)
    return row


def _npm_modules() -> str:
    if not shutil.which("npm"):
        return ""
    return subprocess.run(["npm", "root", "--global"], check=True, capture_output=True, text=True).stdout.strip()
