"""10,000 connections that do nothing, from a second process: the server's memory and CPU for them.

idle_streams     bytes: each waits in `receive()`, which holds no buffer while there is nothing to read
idle_websocket   WebSockets of an http::server, whose handlers wait in `receive()`; and of peers
"""

from bench import processes, report
from bench.macro import websocket

CONNECTIONS, SECONDS = processes.MOST_CONNECTIONS, 5
BYTES_AIM = 1024
STREAMS = tuple(websocket.Server(reactor, "bench_rondo_idle_streams", reactor) for reactor in ("epoll", "io_uring"))
WEBSOCKETS = tuple(s for s in websocket.SERVERS if s.name in ("rondo-epoll", "rondo-io_uring", "beast", "ws"))
NOTES = ["bytes a connection: growth of the server's anonymous resident memory. One run: it does not drift."]


def run(options: report.Options) -> report.Result:
    return _run(options, "idle_streams", STREAMS, [])


def run_websockets(options: report.Options) -> report.Result:
    return _run(options, "idle_websocket", WEBSOCKETS, ["websocket"])


def _run(options: report.Options, suite: str, servers: tuple[websocket.Server, ...], how: list[str]) -> report.Result:
    wanted, seconds = (1_000, 1) if options.quick else (CONNECTIONS, SECONDS)
    count = processes.connections_at_most(wanted)
    load = [options.program("bench_idle_load"), "PORT", str(count), str(seconds), "PID", *how]
    rows = [_row(f"{suite}/{s.name}", s, options, load) for s in servers if options.filter in f"{suite}/{s.name}"]
    return report.Result(rows, [*(" ".join(s.command(options)) for s in servers), " ".join(load)], NOTES)


def _row(name: str, of: websocket.Server, options: report.Options, load: list[str]) -> report.Row:
    row = report.Row(name, "B")
    if missing := of.missing(options):
        row.note = f"skipped: {missing}"
        return row
    with processes.serving(of.command(options), of.environment) as server:
        command = [load[0], str(server.port), *load[2:4], str(server.process.pid), *load[5:]]
        done = processes.run_json(processes.LOAD_CORE, command)
    row.counters = {
        "bytes a connection": done["resident_bytes_a_connection"],
        "cpu %": 100 * done["idle_cpu_s"] / done["idle_s"],
    }
    if of.is_ours:
        row.aim = f"≤ {BYTES_AIM} B"
        row.met = done["resident_bytes_a_connection"] <= BYTES_AIM
    return row
