"""Servers of files, each alone on one core, under wrk on the other: a file of 1 KiB, and one of 1 MiB by sendfile.

The figure is the server's CPU time a request: with a file of 1 MiB the rate is the load's.
"""

import pathlib
import tempfile

from bench import processes, report
from bench.macro import http

SERVERS = ("nginx", "nginx-again", "rondo-epoll", "rondo-io_uring", "h2o", "go", "bun")
# What of it, the file's bytes, and the aim: at most so much of nginx's time.
FILES = (("http_files_1k", 1 << 10, 1.0), ("http_files_1m", 1 << 20, 1.03))
NOTES = [
    "The server's CPU time a request, µs, over 64 kept-alive connections; ratios are to nginx (sendfile on) in the "
    "same round.",
]


def run(options: report.Options) -> report.Result:
    rows = []
    if missing := http.missing_client(options, "wrk"):
        return report.skipped("http_files", missing)
    for suite, size, aim in FILES:
        if options.filter in suite or options.filter in SERVERS:
            rows += _of_size(options, suite, size, aim)
    return report.Result(rows, [" ".join([*http.serve_command(options), "--files", "FOLDER"])], NOTES)


def _of_size(options: report.Options, suite: str, size: int, aim: float) -> list[report.Row]:
    absent = {name: http.missing_server(options, name) for name in SERVERS}
    names = [name for name in SERVERS if not absent[name]]
    used: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "file").write_bytes(b"x" * size)
        for name in http.alternate(names, options.rounds):
            with http.file_server(options, name, folder) as (server, url):
                before = processes.cpu_seconds(server.process.pid)
                done = http.run_client(options, "wrk", url, 1)
                spent = processes.cpu_seconds(server.process.pid) - before
            used[name].append(spent / done.requests * 1e6)
    rows = []
    for name in names:
        row = report.Row(f"{suite}/{name}", "µs", report.summarize(used[name]))
        if name != "nginx" and "nginx" in used:
            row.against = f"{suite}/nginx"
            row.ratio = report.ratio(used[name], used["nginx"])
        if name.startswith("rondo-") and row.ratio:
            report.aim_at_most(row, aim, row.ratio)
        rows.append(row)
    return rows + [report.Row(f"{suite}/{name}", note=f"skipped: {why}")
                   for name, why in absent.items() if why]
