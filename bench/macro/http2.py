"""HTTP/2 in clear, from its preface on (RFC 9113, 3.3): servers that answer 16 bytes under h2load, and our client beside
h2load on nghttpd.

http2_100     64 connections with 100 requests at once on each: the server's rate and CPU time
http2_1       one at once on each; `rondo-http1` is Rondo's server over HTTP/1.1 under the same load
http2_client  one connection with 100 at once: the client's CPU time
"""

from bench import processes, report
from bench.macro import http

SERVERS = ("nghttpd", "nghttpd-again", "rondo-epoll", "rondo-io_uring", "h2o", "nginx", "node")
HTTP1 = {"epoll": "rondo-http1-epoll", "io_uring": "rondo-http1-io_uring"}
CLIENTS = ("h2load", "h2load-again", "rondo-epoll", "rondo-io_uring")
RATE_AIM = 1.0  # of nghttpd's, at 100 at once
ONE_AIM = 1.3  # of our own HTTP/1.1's CPU time
CLIENT_AIM = 1.2  # of h2load's CPU time
SECONDS = 1.0
NOTES = [
    "http2_100: thousands of requests a second; ratios are to nghttpd in the same round. http2_1: the server's CPU time a "
    "request, µs; ratios are to Rondo's HTTP/1.1 on the same reactor. http2_client: the client's CPU time a request, µs.",
    "Go's net/http is missing: it speaks HTTP/2 over TLS alone.",
]


def run(options: report.Options) -> report.Result:
    if missing := http.missing_client(options, "h2load"):
        return report.skipped("http2", missing)
    rows = []
    for suite, of_suite in (("http2_100", _hundred), ("http2_1", _one), ("http2_client", _clients)):
        if options.filter in suite:
            rows += of_suite(options, suite)
    commands = [" ".join(_h2load(c, m)) for c, m in ((64, 100), (64, 1), (1, 100))]
    return report.Result(rows, commands + [" ".join(_rondo_load(options, "http://127.0.0.1:PORT/"))], NOTES)


def _h2load(connections: int, at_once: int, url: str = "http://127.0.0.1:PORT/", version: str = "") -> list[str]:
    return ["h2load", *([version] if version else []), "-t1", f"-c{connections}", f"-m{at_once}", f"-D{round(SECONDS)}", url]


def _rondo_load(options: report.Options, url: str) -> list[str]:
    return [http.rondo(options), "load", "--json", "--http2", "-c1", "-m100", f"-d{SECONDS}", "-w0.1", url]


def _under(options: report.Options, server: str, connections: int, at_once: int) -> tuple[http.Run, float]:
    """A run of h2load, and the server's CPU time a request in microseconds."""
    over_http1 = server.startswith("rondo-http1-")
    with http.http2_server(options, server.replace("http1-", "")) as (running, url):
        before = processes.cpu_seconds(running.process.pid)
        command = _h2load(connections, at_once, url, "--h1" if over_http1 else "")
        done = http.read_h2load(*processes.run_measured(processes.LOAD_CORE, command))
        used = processes.cpu_seconds(running.process.pid) - before
    return done, used / done.requests * 1e6


def _measure(options: report.Options, servers: tuple[str, ...], at_once: int
             ) -> tuple[dict[str, list[tuple[http.Run, float]]], dict[str, str]]:
    absent = {name: http.missing_http2_server(options, name.replace("http1-", "")) for name in servers}
    rounds: dict[str, list[tuple[http.Run, float]]] = {name: [] for name in servers if not absent[name]}
    for name in http.alternate(list(rounds), options.rounds):
        rounds[name].append(_under(options, name, 64, at_once))
    return rounds, {name: why for name, why in absent.items() if why}


def _hundred(options: report.Options, suite: str) -> list[report.Row]:
    rounds, absent = _measure(options, SERVERS, 100)
    rows = []
    for name, own in rounds.items():
        row = report.Row(f"{suite}/{name}", "k/s", report.summarize([r.rate / 1e3 for r, _ in own]))
        row.counters["server µs"] = report.summarize([cpu for _, cpu in own]).median
        if name != "nghttpd" and "nghttpd" in rounds:
            row.against = f"{suite}/nghttpd"
            row.ratio = report.ratio([r.rate for r, _ in own], [r.rate for r, _ in rounds["nghttpd"]])
        if name.startswith("rondo-") and row.ratio:
            report.aim_at_least(row, RATE_AIM, row.ratio)
        rows.append(row)
    return rows + _absent(suite, absent)


def _one(options: report.Options, suite: str) -> list[report.Row]:
    rounds, absent = _measure(options, (*SERVERS, *HTTP1.values()), 1)
    rows = []
    for name, own in rounds.items():
        row = report.Row(f"{suite}/{name}", "µs", report.summarize([cpu for _, cpu in own]))
        row.counters["rate"] = report.summarize([r.rate for r, _ in own]).median
        against = HTTP1.get(name.removeprefix("rondo-"))
        if against in rounds:
            row.against = f"{suite}/{against}"
            row.ratio = report.ratio([cpu for _, cpu in own], [cpu for _, cpu in rounds[against]])
            report.aim_at_most(row, ONE_AIM, row.ratio)
        rows.append(row)
    return rows + _absent(suite, absent)


def _clients(options: report.Options, suite: str) -> list[report.Row]:
    if missing := http.missing_http2_server(options, "nghttpd"):
        return report.skipped(suite, missing).rows
    rounds: dict[str, list[http.Run]] = {name: [] for name in CLIENTS}
    with http.http2_server(options, "nghttpd") as (_, url):
        for name in http.alternate(list(CLIENTS), options.rounds):
            if name.startswith("rondo-"):
                text = processes.run_measured(processes.LOAD_CORE, _rondo_load(options, url), http.environment_of(name))[0]
                rounds[name].append(http.read_json(text))
            else:
                rounds[name].append(http.read_h2load(*processes.run_measured(processes.LOAD_CORE, _h2load(1, 100, url))))
    rows = []
    for name, own in rounds.items():
        row = report.Row(f"{suite}/{name}", "µs", report.summarize([r.cpu_us for r in own]))
        row.counters["rate"] = report.summarize([r.rate for r in own]).median
        if name != "h2load":
            row.against = f"{suite}/h2load"
            row.ratio = report.ratio([r.cpu_us for r in own], [r.cpu_us for r in rounds["h2load"]])
        if name.startswith("rondo-"):
            report.aim_at_most(row, CLIENT_AIM, row.ratio)
        rows.append(row)
    return rows


def _absent(suite: str, absent: dict[str, str]) -> list[report.Row]:
    return [report.Row(f"{suite}/{name}", note=f"skipped: {why}") for name, why in absent.items()]
