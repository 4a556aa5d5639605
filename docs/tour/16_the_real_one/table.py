#!/usr/bin/env python3
"""What a page costs, on the tour's runtime and on Rondo: counted by valgrind, not timed.

usage: table.py ROOT PROGRAM_ON_THE_TOUR PROGRAM_ON_RONDO     scripts/tour table builds them, and calls it
"""

import pathlib
import re
import shutil
import socketserver
import subprocess
import sys
import threading

# The difference leaves out what comes before the first page and after the last.
FEW, MANY = 10, 60


class Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" + b"x" * 1000)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def valgrind(program: str, port: int, pages: int, *options: str) -> str:
    urls = [f"http://127.0.0.1:{port}/"] * pages
    done = subprocess.run(["valgrind", *options, program, *urls], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0 or done.stdout.count("200, 1000 bytes") != pages:
        sys.exit(f"{program} has not fetched {pages} pages:\n{done.stdout}")
    return done.stdout


def counted(program: str, port: int, pages: int) -> tuple[int, int, int]:
    """Instructions, allocations, system calls."""
    said = valgrind(program, port, pages, "--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-syscalls=yes")
    heap = valgrind(program, port, pages, "--leak-check=no", "--undef-value-errors=no")
    instructions = re.search(r"Collected : (\d+)", said)
    allocations = re.search(r"total heap usage: ([\d,]+) allocs", heap)
    if not instructions or not allocations:
        sys.exit(f"valgrind has counted nothing:\n{said[-2000:]}\n{heap[-2000:]}")
    return int(instructions[1]), int(allocations[1].replace(",", "")), len(re.findall(r"SYSCALL\[", said))


def code_lines(files: list[pathlib.Path]) -> int:
    return sum(bool(re.match(r"\s*[^\s/#}]", line)) for p in files for line in p.read_text(encoding="utf-8").splitlines())


def stands_on(root: pathlib.Path, file: pathlib.Path, seen: set[pathlib.Path]) -> set[pathlib.Path]:
    """The file, and what it includes of the tour."""
    file = file.resolve()
    if file not in seen:
        seen.add(file)
        for name in re.findall(r'^#include "([^"]+)"', file.read_text(encoding="utf-8"), re.MULTILINE):
            stands_on(root, file.parent / name, seen)
    return seen


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which("valgrind"):
        print("skipped: there is no valgrind to count with")
        return 77
    server = Server(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    costs = []
    for program in sys.argv[2:4]:
        few, many = (counted(program, server.server_address[1], n) for n in (FEW, MANY))
        costs.append([(m - f) / (MANY - FEW) for f, m in zip(few, many)])
    small, real = costs
    for name, form, a, b in zip(("instructions", "allocations", "system calls"), (",.0f", ".1f", ".1f"), small, real):
        print(f"{name} a page: {a:{form}} on the tour's runtime, {b:{form}} on Rondo")
    tour = sorted(stands_on(root, root / "docs/tour/16_the_real_one/mini_client.hpp", set()))
    rondo = [p for layer in ("runtime", "net", "http") for p in sorted((root / layer).rglob("*.[ch]pp"))]
    print(f"lines of code below the program: {code_lines(tour):,} and {code_lines(rondo):,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
