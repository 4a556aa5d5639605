"""What one says goes to 10,000: the server on one core, those who listen on the other.

limit is a program in plain C that frames each message once and does a bare send for each connection.
"""

from bench import processes, report
from bench.macro import http, websocket

LISTENERS, BYTES = processes.MOST_CONNECTIONS, 64
AIM = 1.1
SERVERS = (
    websocket.Server("limit", "bench_limit_fan"),
    websocket.Server("rondo-epoll", "bench_rondo_fan", "epoll"),
    websocket.Server("rondo-io_uring", "bench_rondo_fan", "io_uring"),
)
NOTES = [f"Server CPU time for a message of {BYTES} B to one of the listeners; the next is said when all have it. "
         "Ratios are to the limit in the same round."]


def run(options: report.Options) -> report.Result:
    listeners = processes.connections_at_most(1_000 if options.quick else LISTENERS)
    seconds = 0.5 if options.quick else 1.5
    load = [options.program("bench_fan_load"), "PORT", str(listeners), str(BYTES), str(seconds), "PID"]
    servers = {s.name: s for s in SERVERS}
    rounds: dict[str, list[float]] = {name: [] for name in servers}
    for name in http.alternate(list(servers), options.rounds):
        rounds[name].append(_cpu_us(servers[name], options, load))
    rows = [_row(s, rounds) for s in SERVERS]
    return report.Result(rows, [*(" ".join(s.command(options)) for s in SERVERS), " ".join([*load, "websocket"])], NOTES)


def _cpu_us(of: websocket.Server, options: report.Options, load: list[str]) -> float:
    with processes.serving(of.command(options), of.environment) as server:
        how = "websocket" if of.is_ours else "raw"
        done = processes.run_json(processes.LOAD_CORE,
                                  [load[0], str(server.port), *load[2:5], str(server.process.pid), how])
    return done["server_cpu_s"] / done["round_trips"] * 1e6


def _row(of: websocket.Server, rounds: dict[str, list[float]]) -> report.Row:
    row = report.Row(f"websocket_broadcast/{of.name}", "µs", report.summarize(rounds[of.name]))
    if of.is_ours:
        row.against = "websocket_broadcast/limit"
        row.ratio = report.ratio(rounds[of.name], rounds["limit"])
        report.aim_at_most(row, AIM, row.ratio)
    return row
