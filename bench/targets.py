"""What Rondo aims at, row by row, and how a run is judged by it.

A target is made of checks; each looks at one row of the results ("suite:row") and shows others beside it.
"""

import dataclasses
import typing

from bench import report


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


@dataclasses.dataclass
class Verdict:
    target: Target
    lines: list[dict[str, str]]  # rondo, beside, ratio: a line a check
    verdict: str
    beaten_by: list[str]  # sentences


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


def _micro_peers(name: str, *who: str) -> tuple[str, ...]:
    return tuple(f"micro_peers:{name}/{w}" for w in who)


_CLIENT = tuple(f"http_client:http_client/{n}"
                for n in ("wrk", "h2load", "libcurl", "beast", "aiohttp", "node"))

TARGETS = (
    Target("await a child that finishes at once", "≤ 10 ns, no allocation",
           _both("micro:await_ready_child", 10,
                 ("micro:await_minimal_task", *_micro_peers("await_ready_child", "asio", "asyncio")))
           + _both("micro:await_ready_child", 0.001, of="allocs")),
    Target("yield through the loop, 1,000 tasks", "≤ 10 ns",
           _both("micro:yield_1000_tasks", 10, _micro_peers("yield_1000_tasks", "asio", "asyncio"))),
    Target("spawn in a group and join", "≤ 45 ns",
           _both("micro:spawn_and_join", 45,
                 _micro_peers("spawn_and_join", "asio", "asyncio", "uvloop"))),
    Target("queue hop, two tasks, capacity 10", "≤ 20 ns",
           _both("micro:queue_hop", 20, _micro_peers("queue_hop", "asio", "asyncio", "uvloop"))),
    Target("timers at 10⁶: schedule · cancel", "≤ 15 · ≤ 30 ns",
           (Check("micro:timers_1e6/schedule", 15,
                  beside=_micro_peers("timers_1e6/schedule", "asio")),
            Check("micro:timers_1e6/cancel", 30,
                  beside=_micro_peers("timers_1e6/cancel", "asio")))),
    Target("100,000 sleeps of 300 ms started, ended", "≤ 320 ms",
           _both("micro:sleep_100000_for_300ms", 320,
                 _micro_peers("sleep_100000_for_300ms", "asio", "asyncio", "uvloop"))),
    Target("cancel 100,000 tasks ten frames deep, a frame", "≤ 60 ns",
           (Check("micro:cancel_frame/warm/io_uring", 60),
            *_both("micro:cancel_frame/fresh", 60))),
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
    Target("HTTP GET, rate of the client", "≥ 20× aiohttp's",
           tuple(Check(f"http_client:http_client/rondo-{r}", 20, "rate over", at_least=True,
                       to="http_client:http_client/aiohttp") for r in ("epoll", "io_uring"))),
    Target("HTTP server, small reply, one core, wrk at 64", "≥ 1.3× nginx `return 200`",
           tuple(Check(f"http_server:http_server_wrk/rondo-{r}", 1.3, "ratio", at_least=True,
                       beside=tuple(f"http_server:http_server_wrk/{n}"
                                    for n in ("nginx", "beast", "node")))
                 for r in ("epoll", "io_uring"))),
    Target("TLS handshakes and bulk", "≥ 0.95× openssl s_server",
           tuple(Check(f"tls:{suite}/rondo-{r}", 0.95, "ratio", at_least=True,
                       beside=(f"tls:{suite}/openssl",))
                 for suite in ("tls_handshakes", "tls_bulk") for r in ("epoll", "io_uring"))),
    Target("gather of 10,000 ready tasks, each", "≤ 60 ns",
           _both("micro:gather_10000", 60, _micro_peers("gather_10000", "asyncio", "uvloop"))),
    Target("build from nothing on 2 cores · a file that includes http.hpp", "≤ 60 s · ≤ 1.5 s",
           (Check("build:build_library", 60),
            Check("build:include_http", 1.5, beside=("build:include_asio",)))),
)

HIGHER_IS_BETTER = {"k/s", "GiB/s"}
# Peers that win by less than this are within the noise of every run seen so far.
_CLEARLY = 0.03


def judge(document: dict) -> list[Verdict]:
    rows = {f"{suite}:{row['name']}": row for suite, each in document["suites"].items()
            for row in each["rows"]}
    return [_judge(target, rows) for target in TARGETS]


def _judge(target: Target, rows: dict[str, dict]) -> Verdict:
    lines, missed, unknown, beaten = [], [], 0, []
    for check in target.checks:
        row = rows.get(check.row)
        found = _of(check, row, rows)
        if found is None:
            unknown += 1
            continue
        met = found >= check.limit if check.at_least else found <= check.limit
        if not met:
            by = abs(found / check.limit - 1) if check.limit else 1
            missed.append(f"{short(check.row)}: {number(found)}, missed by {by:.0%}")
        lines.append(_line(check, row, found, rows))
        beaten += _beaten(target, check, row, rows)
    if not lines:
        return Verdict(target, [], "not measured in this run", [])
    verdict = "**missed** " + "; ".join(missed) if missed else "met"
    if unknown:
        verdict += f" ({unknown} not measured)"
    return Verdict(target, lines, verdict, list(dict.fromkeys(beaten)))


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


def _line(check: Check, row: dict, found: float, rows: dict[str, dict]) -> dict[str, str]:
    shown = {"rondo": "", "beside": "", "ratio": ""}
    name = short(check.row)
    if check.of in ("value", "ratio"):
        shown["rondo"] = f"{name} {value_of(row)}"
        shown["beside"] = ", ".join(f"{short(b)} {value_of(rows[b])}" for b in check.beside
                                    if b in rows and rows[b]["value"])
        if check.of == "ratio":
            shown["ratio"] = f"{found:.3f}"
        elif row["ratio"]:
            shown["ratio"] = f"{row['ratio']['median']:.3f}"
    elif check.of in ("over", "rate over"):
        what = "rate" if check.of == "rate over" else "CPU"
        own = f"{number(row['counters']['rate'])}/s" if what == "rate" else value_of(row)
        shown["rondo"] = f"{name} {own}"
        shown["ratio"] = f"{found:.3g}× the {what} of {short(check.to)}"
    else:
        shown["rondo"] = f"{name} {number(found)} {check.of}"
    return shown


def _beaten(target: Target, check: Check, row: dict, rows: dict[str, dict]) -> list[str]:
    """Who is better than Rondo at what this check looks at; limit programs are no peers."""
    if check.of not in ("value", "ratio") or not row["value"]:
        return []
    own, better = row["value"]["median"], []
    for name in check.beside:
        peer = rows.get(name)
        if not peer or not peer["value"] or short(name).startswith("limit") or "minimal" in name:
            continue
        ratio = peer["value"]["median"] / own
        if ratio > 1 + _CLEARLY if row["unit"] in HIGHER_IS_BETTER else ratio < 1 - _CLEARLY:
            better.append(f"{short(name)} {value_of(peer)}")
    if not better:
        return []
    return [f"{target.what}: {', '.join(better)}, {short(check.row)} {value_of(row)}"]


def short(row: str) -> str:
    """The last part of a row's name: who it is."""
    return row.rpartition("/")[2].rpartition(":")[2]


def number(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 1_000 else f"{x:.3g}"


def value_of(row: dict) -> str:
    return f"{number(row['value']['median'])} {row['unit']}"
