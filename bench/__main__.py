"""Runs the bench suite, prints its tables and writes its page; `scripts/bench` builds first and then calls
this.

usage: python3 -m bench --build DIRECTORY [--quick] [--only SUITE[:PART]]... [--json FILE] [--page FILE]

Suites, in the order they run:
  micro_peers          operations that asio, asyncio and uvloop have too, in turn
  micro                every other operation, in nanoseconds
  instructions         single operations in instructions, by callgrind
  sleepers             100,000 sleeping tasks: time and memory
  echo                 echo over TCP beside the limit programs and the peers
  churn                short connections
  bulk                 1 GiB in 64 KiB writes
  http_client          HTTP clients on one nginx
  http_unix            the same over a Unix socket
  http_server          HTTP servers under wrk and h2load
  http_files           HTTP servers of files under wrk
  http_loops           an HTTP server with one loop and with two, on one core
  http2                HTTP/2: servers under h2load, our client on nghttpd
  websocket            WebSocket echo beside raw echo and the peers
  websocket_broadcast  a message to 10,000 WebSockets beside bare sends
  latency              HTTP servers at a fixed rate, latency from the planned start
  load_check           rondo load, wrk and h2load on the same server: they must agree
  idle                 10,000 idle connections: memory
  idle_streams         the same without HTTP, in receive(): memory and CPU
  idle_websocket       the same of WebSockets, beside the peers
  delay                1,000 requests at once to a server that answers after a second
  tls                  handshakes and bulk beside openssl s_server
  embedded             how late another loop's timer is with Rondo at work inside it
  build                building the library; compiling a file that includes it
  programs             small programs: the time of their compiler, and their size

--only echo:512 runs only the rows of a suite whose names contain the part, and puts them in the place of
those of their names in the file: a run may be gathered in slices. --page-only writes the page from the file.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time
import traceback

from bench import build, page, processes, programs, report
from bench.macro import (bulk, delay, echo, embedded, http2, http_client, http_files, http_loops, http_server, idle,
                         idle_streams, latency, load_check, sleepers, tls, websocket, websocket_broadcast)
from bench.micro import instructions, peers
from bench.micro import run as micro

SUITES = {
    "micro_peers": peers.run,
    "micro": micro.run,
    "instructions": instructions.run,
    "sleepers": sleepers.run,
    "echo": echo.run,
    "churn": echo.run_churn,
    "bulk": bulk.run,
    "http_client": http_client.run,
    "http_unix": http_client.run_over_unix,
    "http_server": http_server.run,
    "http_files": http_files.run,
    "http_loops": http_loops.run,
    "http2": http2.run,
    "websocket": websocket.run,
    "websocket_broadcast": websocket_broadcast.run,
    "latency": latency.run,
    "load_check": load_check.run,
    "idle": idle.run,
    "idle_streams": idle_streams.run,
    "idle_websocket": idle_streams.run_websockets,
    "delay": delay.run,
    "tls": tls.run,
    "embedded": embedded.run,
    "build": build.run,
    "programs": programs.run,
}
RESULTS = report.ROOT / "bench" / "results" / "results.json"
PAGE = report.ROOT / "docs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=report.ROOT / "build-bench",
                        help="the build directory")
    parser.add_argument("--quick", action="store_true",
                        help="one short round, to see that it works; kept apart, in the build directory")
    parser.add_argument("--only", action="append", metavar="SUITE[:PART]", default=[])
    parser.add_argument("--json", type=pathlib.Path, help=f"default: {RESULTS}")
    parser.add_argument("--page", type=pathlib.Path, help=f"default: {PAGE}")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    arguments = parser.parse_args()

    chosen = dict(o.partition(":")[::2] for o in arguments.only) or dict.fromkeys(SUITES, "")
    if unknown := [name for name in chosen if name not in SUITES]:
        parser.error(f"no suite is called {unknown[0]}; there are {', '.join(SUITES)}")
    results = arguments.json or (arguments.build / "bench.json" if arguments.quick else RESULTS)
    written = arguments.page or (arguments.build / "benchmarks.md" if arguments.quick else PAGE)

    document = _read(results) if arguments.only or arguments.page_only else {}
    failed = [] if arguments.page_only else _run(document, arguments, chosen, results)
    page.write(document, written)
    print(f"all rounds, versions and commands: {results}\nthe page: {written}")
    if failed:
        print(f"failed: {', '.join(failed)}; again with --only")
    return 1 if failed else 0


def _run(document: dict, arguments: argparse.Namespace, chosen: dict[str, str],
         results: pathlib.Path) -> list[str]:
    """Runs the suites and keeps what they give; returns those that failed: they stop none of the others."""
    processes.allow_many_descriptors()
    machine = report.machine()
    if "machine" not in document or not all(chosen.values()):
        document["machine"] = machine  # else rows are replaced in a run that was made before
    document["quick"] = arguments.quick
    document.setdefault("suites", {})
    load = machine["load_average_before"][0]
    print(f"load average before: {load}", flush=True)
    begun, failed = time.monotonic(), []
    for name in SUITES:
        if name not in chosen:
            continue
        print(f"\n[{time.monotonic() - begun:4.0f} s] {name} …", flush=True)
        options = report.Options(arguments.build.resolve(), arguments.quick, chosen[name])
        try:
            result = SUITES[name](options)
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            failed.append(name)
            result = report.Result([report.Row(name, note="failed")], [])
        _merge(document, name, result, machine["commit"], partly=bool(options.filter))
        machine["load_average_after"] = [round(x, 2) for x in os.getloadavg()]
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n",
                           encoding="utf-8")
        print("\n" + report.table(f"{name}, {options.rounds} rounds", result.rows), flush=True)
        for note in result.notes:
            print(f"  {note}", flush=True)
    print(f"\n[{time.monotonic() - begun:4.0f} s] done")
    if load > 0.5:
        print(f"this machine was busy (load {load}) when the run began: read the times with care")
    return failed


def _read(results: pathlib.Path) -> dict:
    return json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}


def _merge(document: dict, name: str, result: report.Result, commit: str,
           partly: bool) -> None:
    """Puts a suite's rows into the document: in the place of those before, or only of their names."""
    new = report.as_json(result)
    new["commands"] = [_without_paths(c) for c in new["commands"]]
    for row in new["rows"]:
        row["when"], row["commit"] = report.now(), commit
    if partly and name in document["suites"]:
        fresh = {row["name"]: row for row in new["rows"]}
        old = document["suites"][name]["rows"]
        new["rows"] = [fresh.pop(row["name"], row) for row in old] + list(fresh.values())
        before = document["suites"][name]["commands"]
        new["commands"] = before + [c for c in new["commands"] if c not in before]
    document["suites"][name] = new


def _without_paths(command: str) -> str:
    return command.replace(f"{report.ROOT}/", "").replace(platform.node(), "host")


if __name__ == "__main__":
    sys.exit(main())
