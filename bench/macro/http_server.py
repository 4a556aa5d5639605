"""HTTP servers that answer 16 bytes, each alone on one core, under wrk and under h2load on the other; and under wrk with
sixteen requests at once on each connection.

The figure is the rate; the server's CPU time and system calls a request stand beside it. `nginx-again` is
nginx a second time: the noise.
"""

from bench import processes, report
from bench.macro import http

SERVERS = ("nginx", "nginx-again", "rondo-epoll", "rondo-io_uring", "beast", "node", "h2o", "go", "hyper", "bun")
LOADS = ("wrk", "h2load", "wrk_pipelined")
RATE_AIM = 1.3  # of nginx's
NOTES = [
    "Thousands of requests a second over 64 kept-alive connections; ratios are to nginx in the same "
    "round. server µs: its CPU time a request. p50, p99: latency as wrk reports it, µs.",
]


def run(options: report.Options) -> report.Result:
    rows, commands = [], []
    for load in LOADS:
        if options.filter not in f"http_server_{load}" and options.filter not in SERVERS:
            continue
        if missing := http.missing_client(options, load):
            rows += report.skipped(f"http_server_{load}", missing).rows
            continue
        rows += _under(options, load)
        commands.append(" ".join(http.client_command(options, load, "http://127.0.0.1:PORT/", 1)))
    return report.Result(rows, [" ".join(http.serve_command(options)), *commands], NOTES)


def _under(options: report.Options, load: str) -> list[report.Row]:
    absent = {name: http.missing_server(options, name) for name in SERVERS}
    names = [name for name in SERVERS if not absent[name]]
    rounds: dict[str, list[tuple[http.Run, float]]] = {name: [] for name in names}
    for name in http.alternate(names, options.rounds):
        with http.server(options, name) as (server, url):
            before = processes.cpu_seconds(server.process.pid)
            done = http.run_client(options, load, url, 1)
            used = processes.cpu_seconds(server.process.pid) - before
        rounds[name].append((done, used / done.requests * 1e6))
    rows = []
    for name in names:
        row = _row(f"http_server_{load}", name, rounds)
        if load == "wrk" and not name.endswith("again"):
            calls = _system_calls(options, name, load)
            if calls is not None:
                row.counters["syscalls"] = calls
        rows.append(row)
    return rows + [report.Row(f"http_server_{load}/{name}", note=f"skipped: {why}")
                   for name, why in absent.items() if why]


def _row(suite: str, name: str, rounds: dict[str, list[tuple[http.Run, float]]]) -> report.Row:
    own = [r for r, _ in rounds[name]]
    row = report.Row(f"{suite}/{name}", "k/s", report.summarize([r.rate / 1e3 for r in own]))
    row.counters["server µs"] = report.summarize([cpu for _, cpu in rounds[name]]).median
    for p in ("p50", "p99"):
        if p in own[0].latency_us:
            row.counters[p] = report.summarize([r.latency_us[p] for r in own]).median
    if name != "nginx" and "nginx" in rounds:
        row.against = f"{suite}/nginx"
        row.ratio = report.ratio([r.rate for r in own], [r.rate for r, _ in rounds["nginx"]])
    if name.startswith("rondo-") and row.ratio and not suite.endswith("pipelined"):
        report.aim_at_least(row, RATE_AIM, row.ratio)
    return row


def _system_calls(options: report.Options, name: str, load: str) -> float | None:
    with http.server(options, name) as (server, url):
        with processes.SystemCalls(server.process.pid) as calls:
            done = http.run_client(options, load, url, 1)
    return None if calls.count is None else calls.count / done.requests
