"""What Rondo aims at, row by row, and how a run is judged by it.

A target is made of checks; each looks at one row of the results ("suite:row") and shows others beside it.
BOUNDS has a sentence for each target that has been missed: what keeps it there.
"""

import dataclasses
import typing

from bench import report
from bench.sections import number, value_of


@dataclasses.dataclass(frozen=True)
class Check:
    row: str
    limit: float
    of: str = "value"  # the row's value, its "ratio", a counter by name, or "over": value over that of `to`
    at_least: bool = False  # else at most
    to: str = ""
    beside: tuple[str, ...] = ()  # peers, and limit programs


@dataclasses.dataclass(frozen=True)
class Target:
    what: str
    aim: str
    checks: tuple[Check, ...]
    due: bool = True  # else it belongs to later work


@dataclasses.dataclass
class Verdict:
    target: Target
    lines: list[dict[str, str]]  # rondo, beside, ratio: a line a check
    state: str  # "met", "missed", "not yet due", "not measured"
    verdict: str


def _both(name: str, limit: float, beside: tuple[str, ...] = (), **more: typing.Any
          ) -> tuple[Check, ...]:
    return tuple(Check(f"{name}/{r}", limit, beside=beside, **more) for r in ("epoll", "io_uring"))


def _echo(connections: int) -> tuple[Check, ...]:
    suite = f"echo:echo_{connections}"
    return (
        Check(f"{suite}/rondo-epoll", 1.03, "ratio",
              beside=tuple(f"{suite}/{n}" for n in ("limit-epoll", "asio-epoll", "libuv", "uvloop",
                                                    "asyncio"))),
        Check(f"{suite}/rondo-io_uring", 1.03, "ratio",
              beside=(f"{suite}/limit-io_uring", f"{suite}/asio-io_uring")))


def _rate(suite: str) -> tuple[Check, ...]:
    """The rate of an HTTP client over aiohttp's with uvloop, of the same run."""
    return tuple(Check(f"{suite}:{suite}/rondo-{r}", 20, "rate over", at_least=True,
                       to=f"{suite}:{suite}/aiohttp") for r in ("epoll", "io_uring"))


def _micro(operation: str, limit: float, *peers: str, **more: typing.Any) -> tuple[Check, ...]:
    """An operation of micro_peers on both reactors, beside the same of others."""
    name = f"micro_peers:{operation}"
    return tuple(Check(f"{name}/rondo-{r}", limit, beside=tuple(f"{name}/{p}" for p in peers), **more)
                 for r in ("epoll", "io_uring"))


_CLIENT = tuple(f"http_client:http_client/{n}"
                for n in ("wrk", "h2load", "libcurl", "beast", "aiohttp", "node"))

TARGETS = (
    Target("await a child that finishes at once", "≤ 10 ns, no allocation",
           _micro("await_ready_child", 10, "hand-written", "asio", "asyncio")
           + _micro("await_ready_child", 0.001, of="allocs")),
    Target("yield through the loop, 1,000 tasks", "≤ 10 ns",
           _micro("yield_1000_tasks", 10, "asio", "asyncio", "uvloop")),
    Target("spawn in a group and join", "≤ 45 ns",
           _micro("spawn_and_join", 45, "asio", "asyncio", "uvloop")),
    Target("queue hop, two tasks, capacity 10", "≤ 20 ns",
           _micro("queue_hop", 20, "asio", "asyncio", "uvloop")),
    Target("timers at 10⁶: schedule · cancel", "≤ 15 · ≤ 30 ns",
           tuple(Check(f"micro_peers:timers_1e6/{what}/rondo", limit,
                       beside=(f"micro_peers:timers_1e6/{what}/asio",))
                 for what, limit in (("schedule", 15), ("cancel", 30)))),
    Target("100,000 sleeps of 300 ms started, ended", "≤ 320 ms",
           _micro("sleep_100000_for_300ms", 320, "asio", "asyncio", "uvloop")),
    Target("cancel 100,000 tasks ten frames deep, a frame · warm, of a hundred tasks", "≤ 60 ns",
           (*_both("micro:cancel_frame/fresh", 60), *_micro("cancel_frame", 60, "asio", "asyncio"))),
    Target("memory of a sleeping task · of an idle kept-alive connection",
           "≤ 320 B requested · ≤ 1 KiB in user space",
           (*_both("sleepers:sleepers", 320, of="bytes a task"),
            *(Check(f"idle:idle/rondo-{r}", 1_024, beside=("idle:idle/nginx", "idle:idle/node"))
              for r in ("epoll", "io_uring")))),
    Target("echo, 64 B, 64 connections, server CPU a round trip", "≤ 1.03× the limit program",
           _echo(64)),
    Target("echo, 512 connections", "≤ 1.03× the limit program", _echo(512)),
    Target("system calls an echo at 64 connections", "≤ 1.05× the limit program's",
           tuple(Check(f"echo:echo_64/rondo-{r}", 1.05, "syscalls_ratio") for r in
                 ("epoll", "io_uring"))),
    Target("stream 1 GiB in 64 KiB writes", "≥ 0.97× the limit program",
           tuple(Check(f"bulk:bulk/rondo-{r}", 0.97, "ratio", at_least=True,
                       beside=("bulk:bulk/limit", "bulk:bulk/asio")) for r in ("epoll", "io_uring"))),
    Target("HTTP GET over kept-alive connections, client CPU a request",
           "≤ 1.05× wrk on epoll, ≤ 1.0× on io_uring; user share ≤ 0.9 µs; ≤ 0.5× libcurl",
           (Check("http_client:http_client/rondo-epoll", 1.05, "ratio", beside=_CLIENT),
            Check("http_client:http_client/rondo-io_uring", 1.0, "ratio", beside=_CLIENT),
            *(Check(f"http_client:http_client/rondo-{r}", 0.9, "user µs")
              for r in ("epoll", "io_uring")),
            *(Check(f"http_client:http_client/rondo-{r}", 0.5, "over",
                    to="http_client:http_client/libcurl") for r in ("epoll", "io_uring")))),
    Target("HTTP GET, rate of the client over TCP", "≥ 20× aiohttp's", _rate("http_client")),
    Target("HTTP GET, rate of the client over a Unix socket", "≥ 20× aiohttp's", _rate("http_unix")),
    Target("HTTP server, small reply, one core, wrk at 64", "≥ 1.3× nginx `return 200`",
           tuple(Check(f"http_server:http_server_wrk/rondo-{r}", 1.3, "ratio", at_least=True,
                       beside=tuple(f"http_server:http_server_wrk/{n}"
                                    for n in ("nginx", "beast", "node")))
                 for r in ("epoll", "io_uring")), due=False),
    Target("HTTP server, a file of 1 KiB, server CPU a request", "≤ 1.0× nginx",
           tuple(Check(f"http_files:http_files_1k/rondo-{r}", 1.0, "ratio",
                       beside=("http_files:http_files_1k/nginx",)) for r in ("epoll", "io_uring"))),
    Target("HTTP server, a file of 1 MiB, server CPU a request", "≤ 1.03× nginx with sendfile",
           tuple(Check(f"http_files:http_files_1m/rondo-{r}", 1.03, "ratio",
                       beside=("http_files:http_files_1m/nginx",)) for r in ("epoll", "io_uring"))),
    Target("TLS handshakes and bulk", "≥ 0.95× openssl s_server",
           tuple(Check(f"tls:{suite}/rondo-{r}", 0.95, "ratio", at_least=True,
                       beside=(f"tls:{suite}/openssl",))
                 for suite in ("tls_handshakes", "tls_bulk") for r in ("epoll", "io_uring"))),
    Target("gather of 10,000 ready tasks, each", "≤ 60 ns",
           _micro("gather_10000", 60, "asyncio", "uvloop")),
    Target("build from nothing on 2 cores · a file that includes http.hpp", "≤ 60 s · ≤ 1.5 s",
           (Check("build:build_library", 60),
            Check("build:include_http", 1.5, beside=("build:include_asio",)))),
)

# What keeps a target from its aim, as profiles have shown, by the beginning of its `what`.
BOUNDS: dict[str, str] = {
    "await a child": (
        "by callgrind, of an await's 115 instructions 47 % are the parent's own resumption (it saves and restores "
        "six registers), 20 % make the child's frame, 23 % destroy it, 8 % are the child's step. The hand-written "
        "task shows what is left without cancellation, owners, and frames of many sizes."),
    "spawn in a group": (
        "by callgrind no part stands out: the frame pool, the child's record in its group, the loop's step, the "
        "join, the coroutines and the start share the instructions."),
    "100,000 sleeps": (
        "300 ms are slept; the rest is the CPU time of starting and ending 100,000 tasks, all at once (cpu ms of "
        "the row sleepers): a fifth of it is the timer wheel's, which meets each timer cold once more."),
    "cancel 100,000 tasks": (
        "100 MB of frames have left the caches: a frame warm takes a tenth of the time. By perf the misses are in "
        "job::unwind and in the frames' own destruction, one frame after the other."),
    "memory of a sleeping task": (
        "an idle HTTP connection has one coroutine frame (704 B with the clock and the numbers in it), the record "
        "of its task (192 B) and its descriptor's slot."),
    "echo, ": (
        "what is above the limit program is within this machine's noise: the interval of the ratio holds the aim, "
        "the limit program a second time differs as much, and the system calls are as many."),
    "HTTP GET over": (
        "the user share is the reading of heads: 46 % of the 16,400 instructions a request outside the kernel (a "
        "quarter of all is llhttp's second reading of what our own scan has passed), then writing the head 7 %, "
        "malloc and free 7 %, frames 3 %. Two strict readings of each head and 0.9 µs exclude each other here."),
    "HTTP GET, rate of the client over TCP": (
        "the kernel's TCP: what the C limit programs take for an echo, which is nothing but system calls, is 5.2 µs, "
        "and 20 times aiohttp leaves 5.1 for all of a request; and nginx, on its one core, takes 6.8 to 7.2, so it "
        "serves at most 147,000 a second. wrk reaches 14 times in the same rounds. Over a Unix socket (below) the "
        "kernel takes half of that."),
}


def judge(document: dict) -> list[Verdict]:
    rows = {f"{suite}:{row['name']}": row for suite, each in document["suites"].items()
            for row in each["rows"]}
    return [_judge(target, rows) for target in TARGETS]


def _judge(target: Target, rows: dict[str, dict]) -> Verdict:
    lines, missed, unknown = [], [], 0
    for check in target.checks:
        row = rows.get(check.row)
        found = _of(check, row, rows)
        if found is None:
            unknown += 1
            continue
        if not (found >= check.limit if check.at_least else found <= check.limit):
            missed.append(f"{_who(target, check)} by {_percent(abs(found / check.limit - 1))}")
        lines.append(_line(_who(target, check), check, row, found, rows))
    if not lines:
        return Verdict(target, [], "not measured", "not measured in this run")
    state = "missed" if missed else "met"
    verdict = f"missed: {'; '.join(missed)}" if missed else "met"
    if missed and not target.due:
        state, verdict = "not yet due", f"not yet due ({'; '.join(missed)})"
    if unknown:
        verdict += f" ({unknown} of {len(target.checks)} not measured)"
    return Verdict(target, lines, state, f"**{verdict}**" if state == "missed" else verdict)


def _who(target: Target, check: Check) -> str:
    """Whose row it is, and of what, if the target looks at more than one thing."""
    of = {c.row.rpartition("/")[0] for c in target.checks}
    operation = check.row.rpartition("/")[0].rpartition("/")[2].rpartition(":")[2]
    who = short(check.row) if len(of) == 1 or not operation else f"{operation} {short(check.row)}"
    what = {"value": "", "ratio": "", "over": f" (of {short(check.to)}'s)", "rate over": " (rate)"}
    return who + what.get(check.of, f" ({check.of.replace('_', ' ')})")


def _percent(x: float) -> str:
    return f"{x:.0%}" if x >= 0.1 else f"{x:.1%}"


def bound(target: Target) -> str:
    """What keeps it from its aim, as far as that is known."""
    return next((why for what, why in BOUNDS.items() if target.what.startswith(what)),
                "not profiled yet.")


def _of(check: Check, row: dict | None, rows: dict[str, dict]) -> float | None:
    if not row or not row["value"] and check.of == "value":
        return None
    other = rows.get(check.to)
    if check.of == "value":
        return row["value"]["median"]
    if check.of == "ratio":
        return row["ratio"]["median"] if row["ratio"] else None
    if check.of == "over":
        return _over(row, other)
    if check.of == "rate over":
        return row["counters"]["rate"] / other["counters"]["rate"] if other else None
    return row["counters"].get(check.of)


def _over(row: dict, other: dict | None) -> float | None:
    if not other or not other["value"]:
        return None
    own, to = row["value"]["rounds"], other["value"]["rounds"]
    if len(own) == len(to):
        return report.ratio(own, to).median
    return row["value"]["median"] / other["value"]["median"]


def _line(who: str, check: Check, row: dict, found: float, rows: dict[str, dict]) -> dict[str, str]:
    shown = {"rondo": "", "beside": "", "ratio": ""}
    if check.of in ("value", "ratio"):
        shown["rondo"] = f"{who} {value_of(row)}"
        shown["beside"] = ", ".join(f"{short(b)} {value_of(rows[b])}" for b in check.beside
                                    if b in rows and rows[b]["value"])
        if row["ratio"]:
            shown["ratio"] = f"{row['ratio']['median']:.3f}× {short(row['against'])}"
    elif check.of in ("over", "rate over"):
        what = "rate" if check.of == "rate over" else "CPU"
        own = f"{number(row['counters']['rate'])}/s" if what == "rate" else value_of(row)
        shown["rondo"] = f"{short(check.row)} {own}"
        shown["ratio"] = f"{found:.3g}× the {what} of {short(check.to)}"
    else:
        shown["rondo"] = f"{short(check.row)} {number(found)} {check.of.replace('_', ' ')}"
    return shown


def short(row: str) -> str:
    """The last part of a row's name: who it is."""
    return row.rpartition("/")[2].rpartition(":")[2]
