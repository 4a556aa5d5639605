"""Rondo inside another loop: how late that loop's own timer is, which fires every 5 ms.

The programs of examples/embedded on one core, the server of their fetches, nginx, on the other. Each
round runs a host with Rondo idle inside, and then with 64 fetches at a time inside, on each reactor.
"""

import re

from bench import processes, report

HOSTS = ("asio", "glib", "libuv", "qt")
LATE = r"(\d+) lost, .* late by (\d+) (\d+) (\d+) us"
NOTES = ["How much longer than 5 ms after the one before a tick comes: median of the rounds' 99th percentiles, "
         "with their p50 and max (µs). `idle`: the host with Rondo inside that has nothing to do. What the "
         "fetches add is the visits that stand before a tick, each a millisecond at most."]


def run(options: report.Options) -> report.Result:
    seconds = 1 if options.quick else 3
    rows = []
    for host in HOSTS:
        if any(options.filter in f"tick_in_{host}/{who}" for who in ("idle", "epoll", "io_uring")):
            rows += _of_host(options, host, seconds)
    return report.Result(rows, [f"in_{HOSTS[0]} none {seconds}",
                                f"in_{HOSTS[0]} http://127.0.0.1:PORT/ {seconds}"], NOTES)


def _of_host(options: report.Options, host: str, seconds: int) -> list[report.Row]:
    program = options.build / "examples" / "embedded" / f"in_{host}"
    rows = {who: report.Row(f"tick_in_{host}/{who}", "µs") for who in ("idle", "epoll", "io_uring")}
    missing = "" if program.exists() else f"in_{host} was not built"
    if not processes.NGINX:
        missing = "nginx is not installed"
    if missing:
        for row in rows.values():
            row.note = f"skipped: {missing}"
        return list(rows.values())
    late: dict[str, list[tuple[float, ...]]] = {who: [] for who in rows}
    for _ in range(options.rounds):
        with processes.nginx() as server:
            for who, each in late.items():
                url = "none" if who == "idle" else f"http://127.0.0.1:{server.port}/"
                reactor = "epoll" if who == "idle" else who
                done = processes.run_on(processes.LOAD_CORE, [str(program), url, str(seconds)],
                                        {"RONDO_REACTOR": reactor}, capture=True)
                lost, *times = (float(x) for x in re.search(LATE, done.stdout).groups())
                if lost:
                    raise RuntimeError(f"in_{host}: {done.stdout}")
                each.append(tuple(times))
    for who, row in rows.items():
        row.value = report.summarize([p99 for _, p99, _ in late[who]])
        row.counters = {"p50": report.summarize([p50 for p50, _, _ in late[who]]).median,
                        "max": max(most for _, _, most in late[who])}
        if who != "idle":
            row.against = "idle"
            row.ratio = report.ratio([max(p99, 1) for _, p99, _ in late[who]],
                                     [max(p99, 1) for _, p99, _ in late["idle"]])
    return list(rows.values())
