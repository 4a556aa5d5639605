"""HTTP clients on one nginx: 64 kept-alive connections that ask for 16 bytes again and again.

nginx has one core, the client the other. The figure is the client's CPU time a request, because nginx is
what limits the rate of the best of them. `wrk-again` is wrk a second time: the noise.
"""

import pathlib
import shutil
import tempfile

from bench import processes, report
from bench.macro import http

CLIENTS = ("wrk", "wrk-again", "rondo-epoll", "rondo-io_uring", "h2load", "libcurl", "beast",
           "aiohttp", "node")
CPU_RATIO_AIM = {"rondo-epoll": 1.05, "rondo-io_uring": 1.0}
USER_AIM_US = 0.9
NOTES = [
    "Client CPU time a request; ratios are to wrk in the same round. user µs: its share outside the "
    "kernel. p50, p99: latency as the client itself reports it, µs.",
    "wrk's and h2load's CPU time is of the whole process; the others leave out a warm-up.",
]


def run(options: report.Options) -> report.Result:
    if missing := http.missing_server(options, "nginx"):
        return report.skipped("http_client", missing)
    seconds = 1.0
    absent = {name: http.missing_client(options, name) for name in CLIENTS}
    chosen = [name for name in CLIENTS if not absent[name]
              and (options.filter in f"http_client/{name}" or name == "wrk")]
    rounds: dict[str, list[http.Run]] = {name: [] for name in chosen}
    with processes.nginx() as nginx:
        url = f"http://127.0.0.1:{nginx.port}/"
        for name in http.alternate(chosen, options.rounds):
            rounds[name].append(http.run_client(options, name, url, seconds))
        calls = {name: _system_calls(options, name, url) for name in chosen
                 if not name.endswith("again")}
    rows = [_row(name, rounds, calls.get(name)) for name in chosen]
    rows += [report.Row(f"http_client/{name}", note=f"skipped: {why}")
             for name, why in absent.items() if why]
    return report.Result(
        rows, [" ".join(http.client_command(options, name, "http://127.0.0.1:PORT/", seconds))
               for name in chosen if not name.endswith("again")], NOTES)


def _row(name: str, rounds: dict[str, list[http.Run]], calls: float | None) -> report.Row:
    own = rounds[name]
    row = report.Row(f"http_client/{name}", "µs", report.summarize([r.cpu_us for r in own]))
    median = lambda values: report.summarize(list(values)).median  # noqa: E731
    row.counters = {"user µs": median(r.user_us for r in own), "rate": median(r.rate for r in own)}
    if calls is not None:
        row.counters["syscalls"] = calls
    for p in ("p50", "p99"):
        if p in own[0].latency_us:
            row.counters[p] = median(r.latency_us[p] for r in own)
    if name != "wrk":
        row.against = "http_client/wrk"
        row.ratio = report.ratio([r.cpu_us for r in own], [r.cpu_us for r in rounds["wrk"]])
    if name in CPU_RATIO_AIM:
        report.aim_at_most(row, CPU_RATIO_AIM[name], row.ratio)
        row.aim += f", user ≤ {USER_AIM_US} µs"
        row.met = row.met and row.counters["user µs"] <= USER_AIM_US
    return row


def _system_calls(options: report.Options, name: str, url: str) -> float | None:
    """A request, by strace: those of a long run less those of a short one."""
    if not shutil.which("strace"):
        return None
    calls, requests = [], []
    for seconds in (1.0, 2.0):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "calls"
            try:
                done = http.run_client(options, name, url, seconds,
                                       ("strace", "-f", "-c", "-o", str(out)))
            except RuntimeError:
                return None
            counted = processes.traced_calls(out.read_text(encoding="utf-8"))
        if counted is None:
            return None
        calls.append(counted)
        # A warm-up of a tenth makes calls too, in proportion.
        own_warm_up = not name.startswith(("wrk", "h2load"))
        requests.append(done.requests * (1.1 if own_warm_up else 1))
    more = requests[1] - requests[0]
    return (calls[1] - calls[0]) / more if more > 0 else None
