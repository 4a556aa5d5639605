"""`rondo load` beside wrk and h2load: do they say the same of one server?

The server answers each request after 10 ms, so that 64 connections can make 6,400 requests a second and no
load is near its own limit: the rates and latencies they report must agree.
"""

from bench import processes, report
from bench.macro import http

LOADS = ("wrk", "wrk-again", "h2load", "rondo-epoll", "rondo-io_uring")
PATH = "/delay/0.01"
WITHIN = 0.03
NOTES = [
    f"Requests a second over 64 kept-alive connections, as each load reports them, of `rondo serve` at {PATH}; "
    "ratios are to wrk in the same round. mean, p50, p99: latency as each reports it, µs; only the mean of "
    "h2load, no mean of wrk. rondo load counts it from the moment it would have asked.",
]


def run(options: report.Options) -> report.Result:
    absent = {name: http.missing_server(options, "rondo-epoll") or http.missing_client(options, name)
              for name in LOADS}
    names = [name for name in LOADS if not absent[name]]
    rounds: dict[str, list[http.Run]] = {name: [] for name in names}
    for name in http.alternate(names, options.rounds):
        with http.server(options, "rondo-epoll") as (server, _):
            url = f"http://127.0.0.1:{server.port}{PATH}"
            rounds[name].append(http.run_client(options, name, url, 1))
    rows = [_row(name, rounds) for name in names]
    rows += [report.Row(f"load_check/{name}", note=f"skipped: {why}")
             for name, why in absent.items() if why]
    url = f"http://127.0.0.1:PORT{PATH}"
    return report.Result(
        rows, [" ".join(http.serve_command(options)),
               *(" ".join(http.client_command(options, name, url, 1)) for name in names
                 if name in ("wrk", "h2load", "rondo-epoll"))], NOTES)


def _row(name: str, rounds: dict[str, list[http.Run]]) -> report.Row:
    own = rounds[name]
    row = report.Row(f"load_check/{name}", "/s", report.summarize([r.rate for r in own]))
    for p in ("mean", "p50", "p99"):
        if p in own[0].latency_us:
            row.counters[p] = report.summarize([r.latency_us[p] for r in own]).median
    if name != "wrk" and "wrk" in rounds:
        row.against = "load_check/wrk"
        row.ratio = report.ratio([r.rate for r in own], [r.rate for r in rounds["wrk"]])
    if name.startswith("rondo-") and row.ratio:
        row.aim = f"1 ± {WITHIN:g}"
        row.met = abs(row.ratio.median - 1) <= WITHIN
    return row
