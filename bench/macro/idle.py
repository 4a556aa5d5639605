"""10,000 idle kept-alive HTTP connections: what each costs the server in user space.

Every connection has asked once and been answered. Resident memory before and after, divided.
"""

import socket

from bench import processes, report
from bench.macro import http

SERVERS = ("nginx", "rondo-epoll", "rondo-io_uring", "node", "h2o", "go", "hyper", "bun")
CONNECTIONS = processes.MOST_CONNECTIONS
BYTES_AIM = 1_024
NOTES = ["Growth of the server's resident memory by a connection; the kernel's share is not in it."]


def run(options: report.Options) -> report.Result:
    connections = processes.connections_at_most(CONNECTIONS)
    rows = []
    for name in SERVERS:
        if options.filter not in f"idle/{name}":
            continue
        row = report.Row(f"idle/{name}", "B")
        rows.append(row)
        if missing := http.missing_server(options, name):
            row.note = f"skipped: {missing}"
            continue
        row.value = report.summarize([_bytes_each(options, name, connections)
                                      for _ in range(1 if options.quick else 3)])
        if name.startswith("rondo-"):
            report.aim_at_most(row, BYTES_AIM, row.value)
    return report.Result(rows, [" ".join(http.serve_command(options))], NOTES)


def _bytes_each(options: report.Options, name: str, connections: int) -> float:
    with http.server(options, name) as (server, url):
        path = "/" + url.split("/", 3)[3]
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        first = [_asked(server.port, request) for _ in range(100)]  # what there is only once
        before = _resident(server.process.pid)
        kept = [_asked(server.port, request) for _ in range(connections - len(first))]
        grown = _resident(server.process.pid) - before
        for s in first + kept:
            s.close()
    return grown / len(kept)


def _asked(port: int, request: bytes) -> socket.socket:
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(request)
    s.recv(4_096)
    return s


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as text:
        for line in text:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1_024
    raise RuntimeError("no Rss in smaps_rollup")
