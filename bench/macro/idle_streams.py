"""10,000 connections that do nothing, from a second process: the server's memory and CPU for them.

Each waits in `receive()`, which holds no buffer while there is nothing to read.
"""

from bench import processes, report

CONNECTIONS, SECONDS = processes.MOST_CONNECTIONS, 5
BYTES_AIM = 1024


def run(options: report.Options) -> report.Result:
    wanted, seconds = (1_000, 1) if options.quick else (CONNECTIONS, SECONDS)
    count = processes.connections_at_most(wanted)
    load = [options.program("bench_idle_load"), "PORT", str(count), str(seconds), "PID"]
    rows = []
    for reactor in ("epoll", "io_uring"):
        if options.filter in f"idle_streams/{reactor}":
            rows.append(_row(reactor, options, load))
    return report.Result(rows, [options.program("bench_rondo_idle_streams"), " ".join(load)],
                         ["bytes a connection: growth of the server's anonymous resident memory. "
                          "One run: it does not drift."])


def _row(reactor: str, options: report.Options, load: list[str]) -> report.Row:
    with processes.serving([options.program("bench_rondo_idle_streams")],
                           {"RONDO_REACTOR": reactor}) as server:
        command = [load[0], str(server.port), *load[2:4], str(server.process.pid)]
        done = processes.run_json(processes.LOAD_CORE, command)
    row = report.Row(f"idle_streams/{reactor}", "B")
    row.counters = {
        "bytes a connection": done["resident_bytes_a_connection"],
        "cpu %": 100 * done["idle_cpu_s"] / done["idle_s"],
    }
    row.aim = f"≤ {BYTES_AIM} B"
    row.met = done["resident_bytes_a_connection"] <= BYTES_AIM
    return row
