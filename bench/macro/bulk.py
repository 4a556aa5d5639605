"""1 GiB sent in writes of 64 KiB over loopback TCP: the sender on one core, the receiver on the other."""

import pathlib

from bench import processes, report
from bench.macro import http

SENDERS = {
    "limit": ("bench_limit_bulk", ""),
    "limit-again": ("bench_limit_bulk", ""),
    "rondo-epoll": ("bench_rondo_bulk", "epoll"),
    "rondo-io_uring": ("bench_rondo_bulk", "io_uring"),
    "asio": ("bench_asio_bulk", ""),
}
BYTES = 1 << 30
AIM = 0.97  # of the limit's rate
NOTES = ["GiB a second; ratios are to the limit program, plain blocking sends, in the same round. "
         "server ms: the sender's CPU time."]


def run(options: report.Options) -> report.Result:
    size = BYTES // 8 if options.quick else BYTES
    names = [name for name, (program, _) in SENDERS.items()
             if pathlib.Path(options.program(program)).exists()]
    rounds: dict[str, list[dict]] = {name: [] for name in names}
    for name in http.alternate(names, options.rounds):
        program, reactor = SENDERS[name]
        environment = {"RONDO_REACTOR": reactor} if reactor else {}
        with processes.serving([options.program(program)], environment) as server:
            rounds[name].append(processes.run_json(
                processes.LOAD_CORE, [options.program("bench_bulk_load"), str(server.port),
                                      str(size), str(server.process.pid)]))
    rows = [_row(name, rounds) for name in names]
    rows += [report.Row(f"bulk/{name}", note=f"skipped: {program} was not built")
             for name, (program, _) in SENDERS.items() if name not in names]
    return report.Result(
        rows, [options.program(program) for program, _ in SENDERS.values()]
        + [f"{options.program('bench_bulk_load')} PORT {size} PID"], NOTES)


def _row(name: str, rounds: dict[str, list[dict]]) -> report.Row:
    rates = {n: [r["bytes"] / r["seconds"] / (1 << 30) for r in each] for n, each in rounds.items()}
    row = report.Row(f"bulk/{name}", "GiB/s", report.summarize(rates[name]))
    row.counters["server ms"] = report.summarize(
        [r["server_cpu_s"] * 1e3 for r in rounds[name]]).median
    if name != "limit":
        row.against, row.ratio = "bulk/limit", report.ratio(rates[name], rates["limit"])
    if name.startswith("rondo-"):
        report.aim_at_least(row, AIM, row.ratio)
    return row
