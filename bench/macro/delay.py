"""1,000 requests at once, each answered after a second.

`rondo serve` runs on one core, `rondo fetch` on the other. What it takes beyond the second is the
price of 1,000 connections, requests and replies.
"""

import pathlib
import re
import resource

from bench import processes, report

REQUESTS = 1_000
SERVING = r"serving http://[^ ]*:(\d+) "
TOTAL = r"(\d+) URLs, (\d+) failed, \d+ bytes in ([\d.]+) s"


def run(options: report.Options) -> report.Result:
    rondo = str(options.build / "tools" / "rondo")
    if not pathlib.Path(rondo).exists():
        return report.skipped("delay", "the rondo command was not built")
    serve = [rondo, "serve", "127.0.0.1:0", "--limit", str(2 * REQUESTS)]
    fetch = [rondo, "fetch", "--quiet", "--limit", str(REQUESTS), "--repeat", str(REQUESTS)]
    reactors = [r for r in ("epoll", "io_uring") if options.filter in r]
    rounds: dict[str, list[tuple[float, float]]] = {r: [] for r in reactors}
    for _ in range(options.rounds):
        for reactor in reactors:
            environment = {"RONDO_REACTOR": reactor}
            with processes.serving(serve, environment, says_port=SERVING) as server:
                url = f"http://127.0.0.1:{server.port}/delay/1"
                rounds[reactor].append(_fetch([*fetch, url], environment))
    return report.Result(
        [_row(reactor, each) for reactor, each in rounds.items()],
        [" ".join(serve), " ".join([*fetch, "http://127.0.0.1:PORT/delay/1"])],
        ["Wall time as the client has it, a second of it waiting; cpu ms is the client's."])


def _fetch(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall time and CPU time of one client, in milliseconds."""
    before = _cpu_of_children()
    done = processes.run_on(processes.LOAD_CORE, command, environment, capture=True)
    used = _cpu_of_children() - before
    count, failed, seconds = re.search(TOTAL, done.stdout).groups()
    if int(count) != REQUESTS or int(failed):
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    return float(seconds) * 1e3, used * 1e3


def _cpu_of_children() -> float:
    """Of those that have ended: the server of this round is still running."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(reactor: str, rounds: list[tuple[float, float]]) -> report.Row:
    row = report.Row(f"delay_1000/{reactor}", "ms", report.summarize([wall for wall, _ in rounds]))
    row.counters["cpu ms"] = report.summarize([cpu for _, cpu in rounds]).median
    return row
