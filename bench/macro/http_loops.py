"""`rondo serve` with one loop and with two, on one core, under wrk on the other: what a second loop costs a request.

The figure is the server's CPU time a request. Two loops on one core take turns: what they would cost each other
across cores is not in it.
"""

from bench import processes, report
from bench.macro import http

REACTORS = ("rondo-epoll", "rondo-io_uring")
LOOPS = (1, 2)
AIM = 1.05  # of one loop's
NOTES = ["The server's CPU time a request, µs, over 64 kept-alive connections; ratios are to one loop in the same round."]


def run(options: report.Options) -> report.Result:
    if missing := http.missing_client(options, "wrk"):
        return report.skipped("http_loops", missing)
    rows: list[report.Row] = []
    for reactor in REACTORS:
        if options.filter not in f"http_loops/{reactor}":
            continue
        used: dict[int, list[float]] = {loops: [] for loops in LOOPS}
        for n in range(options.rounds):
            for loops in LOOPS if n % 2 == 0 else reversed(LOOPS):
                used[loops].append(_cpu_a_request(options, reactor, loops))
        for loops in LOOPS:
            row = report.Row(f"http_loops/{reactor}-{loops}", "µs", report.summarize(used[loops]))
            if loops > 1:
                row.against = f"http_loops/{reactor}-1"
                row.ratio = report.ratio(used[loops], used[1])
                report.aim_at_most(row, AIM, row.ratio)
            rows.append(row)
    return report.Result(rows, [" ".join(_command(options, 2))], NOTES)


def _command(options: report.Options, loops: int) -> list[str]:
    return [*http.serve_command(options), "--threads", str(loops)]


def _cpu_a_request(options: report.Options, reactor: str, loops: int) -> float:
    with processes.serving(_command(options, loops), http.environment_of(reactor), says_port=http.SERVING) as server:
        before = processes.cpu_seconds(server.process.pid)
        done = http.run_client(options, "wrk", f"http://127.0.0.1:{server.port}/bytes/16", 1)
        return (processes.cpu_seconds(server.process.pid) - before) / done.requests * 1e6
