"""Latency at a fixed rate, counted from the planned start: `rondo load --rate` against each server.

A closed loop does not ask while it waits, so it does not see what a stall does to the others; this does.
"""

from bench import processes, report
from bench.macro import http

SERVERS = ("nginx", "nginx-again", "rondo-epoll", "rondo-io_uring", "beast", "node")
RATE = 10_000
PERCENTILES = ("p50", "p99", "p99.9", "max")
NOTES = [
    f"99 % of the answers came within; µs, {RATE:,} requests a second planned ahead over "
    "64 connections. Ratios are to nginx in the same round.",
]


def run(options: report.Options) -> report.Result:
    absent = {name: http.missing_server(options, name) for name in SERVERS}
    names = [name for name in SERVERS
             if not absent[name] and (options.filter in f"latency/{name}" or name == "nginx")]
    rounds: dict[str, list[http.Run]] = {name: [] for name in names}
    for name in http.alternate(names, options.rounds):
        with http.server(options, name) as (_, url):
            text = processes.run_on(
                processes.LOAD_CORE, http.rondo_load(options, url, 1, f"-r{RATE}"), capture=True)
        rounds[name].append(http.read_json(text.stdout))
    rows = [_row(name, rounds) for name in names]
    rows += [report.Row(f"latency/{name}", note=f"skipped: {why}")
             for name, why in absent.items() if why]
    command = http.rondo_load(options, "http://127.0.0.1:PORT/", 1, f"-r{RATE}")
    return report.Result(rows, [" ".join(command)], NOTES)


def _row(name: str, rounds: dict[str, list[http.Run]]) -> report.Row:
    own = rounds[name]
    row = report.Row(f"latency/{name}", "µs", report.summarize([r.latency_us["p99"] for r in own]))
    for p in PERCENTILES:
        row.counters[p] = report.summarize([r.latency_us[p] for r in own]).median
    if name != "nginx" and "nginx" in rounds:
        row.against = "latency/nginx"
        row.ratio = report.ratio([r.latency_us["p99"] for r in own],
                                 [r.latency_us["p99"] for r in rounds["nginx"]])
    return row
