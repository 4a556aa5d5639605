"""HTTP clients on one nginx: 64 kept-alive connections that ask for 16 bytes again and again, over TCP and over a
Unix socket.

nginx has one core, the client the other. The figure is the client's CPU time a request, because over TCP nginx is
what limits the rate of the best of them. A client that is there `again` shows the noise.
"""

import dataclasses
import pathlib
import shutil
import tempfile
import typing

from bench import processes, report
from bench.macro import http

NOTES = [
    "Client CPU time a request. user µs: its share outside the kernel. server µs: what nginx took for a request of "
    "this client's. rate: requests a second. p50, p99: latency as the client itself reports it, µs.",
    "wrk's and h2load's CPU time is of the whole process; the others leave out a warm-up.",
]
SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class _Suite:
    name: str
    baseline: str  # whom the others are held against, in the same round
    clients: tuple[str, ...]
    over_unix: bool = False
    cpu_ratio_aim: dict[str, float] = dataclasses.field(default_factory=dict)
    user_aim_us: float | None = None

    def socket_of(self, nginx: processes.Server) -> str:
        return nginx.unix_socket if self.over_unix else ""


_TCP = _Suite("http_client", "wrk",
              ("wrk", "wrk-again", "rondo-epoll", "rondo-io_uring", "h2load", "libcurl", "beast", "aiohttp",
               "node"),
              cpu_ratio_aim={"rondo-epoll": 1.05, "rondo-io_uring": 1.0}, user_aim_us=0.9)
# wrk, h2load and Beast's client know TCP alone.
_UNIX = _Suite("http_unix", "libcurl",
               ("libcurl", "libcurl-again", "rondo-epoll", "rondo-io_uring", "aiohttp"), over_unix=True)


def run(options: report.Options) -> report.Result:
    return _run(options, _TCP)


def run_over_unix(options: report.Options) -> report.Result:
    return _run(options, _UNIX)


@dataclasses.dataclass
class _Measured:
    """One run of a client, and nginx's CPU time for each of its requests."""

    client: http.Run
    nginx_us: float


def _run(options: report.Options, suite: _Suite) -> report.Result:
    if missing := http.missing_server(options, "nginx"):
        return report.skipped(suite.name, missing)
    absent = {name: http.missing_client(options, name) for name in suite.clients}
    chosen = [name for name in suite.clients if not absent[name]
              and (options.filter in f"{suite.name}/{name}" or name == suite.baseline)]
    rounds: dict[str, list[_Measured]] = {name: [] for name in chosen}
    with processes.nginx() as nginx:
        for name in http.alternate(chosen, options.rounds):
            rounds[name].append(_measure(options, suite, name, nginx))
        calls = {name: _system_calls(options, suite, name, nginx) for name in chosen
                 if not name.endswith("again")}
    rows = [_row(suite, name, rounds, calls.get(name)) for name in chosen]
    rows += [report.Row(f"{suite.name}/{name}", note=f"skipped: {why}")
             for name, why in absent.items() if why]
    shown = "SOCKET" if suite.over_unix else ""
    return report.Result(
        rows, [" ".join(http.client_command(options, name, "http://127.0.0.1:PORT/", SECONDS, shown))
               for name in chosen if not name.endswith("again")], NOTES)


def _measure(options: report.Options, suite: _Suite, name: str, nginx: processes.Server) -> _Measured:
    before = processes.cpu_seconds(nginx.process.pid)
    done = http.run_client(options, name, _url(nginx), SECONDS, unix_socket=suite.socket_of(nginx))
    served = done.requests * _with_warm_up(name)
    return _Measured(done, (processes.cpu_seconds(nginx.process.pid) - before) / served * 1e6)


def _url(nginx: processes.Server) -> str:
    return f"http://127.0.0.1:{nginx.port}/"


def _with_warm_up(name: str) -> float:
    """All requests of a run to those it counts: most have a warm-up of a tenth of the time."""
    return 1 if name.startswith(("wrk", "h2load")) else 1.1


def _row(suite: _Suite, name: str, rounds: dict[str, list[_Measured]], calls: float | None) -> report.Row:
    own = [m.client for m in rounds[name]]
    row = report.Row(f"{suite.name}/{name}", "µs", report.summarize([r.cpu_us for r in own]))
    median: typing.Callable = lambda values: report.summarize(list(values)).median  # noqa: E731
    row.counters = {"user µs": median(r.user_us for r in own), "rate": median(r.rate for r in own),
                    "server µs": median(m.nginx_us for m in rounds[name])}
    if calls is not None:
        row.counters["syscalls"] = calls
    for p in ("p50", "p99"):
        if p in own[0].latency_us:
            row.counters[p] = median(r.latency_us[p] for r in own)
    if name != suite.baseline:
        row.against = f"{suite.name}/{suite.baseline}"
        row.ratio = report.ratio([r.cpu_us for r in own],
                                 [m.client.cpu_us for m in rounds[suite.baseline]])
    if name in suite.cpu_ratio_aim:
        report.aim_at_most(row, suite.cpu_ratio_aim[name], row.ratio)
        row.aim += f", user ≤ {suite.user_aim_us} µs"
        row.met = row.met and row.counters["user µs"] <= suite.user_aim_us
    return row


def _system_calls(options: report.Options, suite: _Suite, name: str,
                  nginx: processes.Server) -> float | None:
    """A request, by strace: those of a long run less those of a short one."""
    if not shutil.which("strace"):
        return None
    calls, requests = [], []
    for seconds in (SECONDS, 2 * SECONDS):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "calls"
            try:
                done = http.run_client(options, name, _url(nginx), seconds,
                                       ("strace", "-f", "-c", "-o", str(out)), suite.socket_of(nginx))
            except RuntimeError:
                return None
            counted = processes.traced_calls(out.read_text(encoding="utf-8"))
        if counted is None:
            return None
        calls.append(counted)
        requests.append(done.requests * _with_warm_up(name))
    more = requests[1] - requests[0]
    return (calls[1] - calls[0]) / more if more > 0 else None
