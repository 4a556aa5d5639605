"""`rondo load` beside wrk and h2load, and bench_websocket_load beside a load in Python: do they say the same of one
server?

The server answers each request after 10 ms, so that 64 connections can make 6,400 requests a second and no
load is near its own limit: the rates and latencies they report must agree. Of WebSockets 8 connections make 160, each
message answered after 50 ms: what Python takes for one, 0.6 ms, must not count.
"""

from bench import processes, report
from bench.macro import http

LOADS = ("wrk", "wrk-again", "h2load", "rondo-epoll", "rondo-io_uring")
PATH = "/delay/0.01"
WITHIN = 0.03
WEBSOCKET_LOADS = ("websocket_load", "websockets")
WEBSOCKETS, WEBSOCKET_BYTES = 8, 64
WEBSOCKET_DELAY_MS = "50"
NOTES = [
    f"Requests a second over 64 kept-alive connections, as each load reports them, of `rondo serve` at {PATH}; "
    "ratios are to wrk in the same round. mean, p50, p99: latency as each reports it, µs; only the mean of "
    "h2load, no mean of wrk. rondo load counts it from the moment it would have asked.",
    f"Of WebSockets: messages of {WEBSOCKET_BYTES} B a second over {WEBSOCKETS} connections, as bench_websocket_load and a load "
    "on Python's websockets count them.",
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
    rows += _websocket_rows(options)
    url = f"http://127.0.0.1:PORT{PATH}"
    return report.Result(
        rows, [" ".join(http.serve_command(options)),
               *(" ".join(http.client_command(options, name, url, 1)) for name in names
                 if name in ("wrk", "h2load", "rondo-epoll"))], NOTES)


def _websocket_rows(options: report.Options) -> list[report.Row]:
    if missing := http.python_has_no("websockets"):
        return [report.Row("load_check/websockets", note=f"skipped: {missing}")]
    rounds: dict[str, list[float]] = {name: [] for name in WEBSOCKET_LOADS}
    for name in http.alternate(list(WEBSOCKET_LOADS), options.rounds):
        rounds[name].append(_websocket_rate(options, name, 0.5 if options.quick else 3))
    rows = [report.Row(f"load_check/{name}", "/s", report.summarize(rounds[name])) for name in WEBSOCKET_LOADS]
    rows[0].against = "load_check/websockets"
    rows[0].ratio = report.ratio(rounds["websocket_load"], rounds["websockets"])
    rows[0].aim = f"1 ± {WITHIN:g}"
    rows[0].met = abs(rows[0].ratio.median - 1) <= WITHIN
    return rows


def _websocket_rate(options: report.Options, name: str, seconds: float) -> float:
    with processes.serving([options.program("bench_rondo_websocket"), WEBSOCKET_DELAY_MS]) as server:
        load = [str(server.port), str(WEBSOCKETS), str(WEBSOCKET_BYTES)]
        if name == "websockets":
            command = [http.SYSTEM_PYTHON, str(http.PEERS / "websocket_load.py"), *load, str(seconds)]
        else:
            command = [options.program("bench_websocket_load"), *load, "1", str(seconds), str(server.process.pid)]
        done = processes.run_json(processes.LOAD_CORE, command)
    return done["round_trips"] / done["seconds"]


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
