#!/usr/bin/env python3
"""The faults of examples/stuck.cpp are found as docs/debugging.md says, on both reactors of the kernel.

usage: debugging_test.py SOURCE_ROOT STUCK RONDO [--write]     --write keeps what is seen now in docs/debugging/

Numbers that vary stand as N there. Nothing here waits for a time: the program is asked again until it shows the
fault, and a minute without it is a failure.
"""

import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time

PATIENCE_S = 60


def as_written(text: str) -> str:
    """What is the same on every machine and in every run."""
    text = re.sub(r"process \d+", "process N", text)
    text = re.sub(r"thread \d+", "thread N", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"(?<![\w.:+])\d+\.\d{3} s", "N s", text)
    text = re.sub(r"\d+ (ms|turns|steps|timers|tasks|calls|times)\b", r"N \1", text)
    text = re.sub(r"\d+ (turns|steps)/s", r"N \1/s", text)
    text = re.sub(r"loop \d+, (epoll|io_uring)", "loop N, REACTOR", text)
    text = re.sub(r"thread N, (epoll|io_uring)", "thread N, REACTOR", text)
    text = re.sub(r"^loop \d+", "loop N", text, flags=re.M)
    # What is below the program's own code is the C library's affair, and the compiler's.
    text = re.sub(r"^ +(?!.*\bat stuck\.cpp:)(?:\S.*)?(?:nanosleep|sleep_for|sleep_until|\bsyscall).*\n", "", text,
                  flags=re.M)
    # A row of `rondo top`: what grows is what matters.
    def row(found: re.Match) -> str:
        grown = found[1] if found[1] == "+0" else found[1][0] + "N"
        return f"       N {grown:>8}       N         N        N s  "
    return re.sub(r"^ +\d+ +([+-]\d+) +[\d.]+ +\d+ +N s  ", row, text, flags=re.M)


class Stuck:
    """The program, running with a fault."""

    def __init__(self, program: str, fault: str, reactor: str, folder: str, **more: str) -> None:
        self.socket = folder + "/s"
        environment = os.environ | {"RONDO_REACTOR": reactor, "RONDO_INSPECT": self.socket} | more
        self.said = open(folder + "/said", "w+", encoding="utf-8")
        self.child = subprocess.Popen([program, fault], env=environment, stdout=self.said, stderr=self.said)

    def stderr(self) -> str:
        self.said.seek(0)
        return self.said.read()

    def end(self) -> None:
        self.child.kill()
        self.child.wait()
        self.said.close()


def until(shown: str, ask) -> str:
    """What ask() gives, once it shows what is looked for."""
    begun = time.monotonic()
    text = ""
    while time.monotonic() - begun < PATIENCE_S:
        text = ask()
        if re.search(shown, text):
            return text
        time.sleep(0.01)  # not to keep the machine busy
    raise SystemExit(f"after {PATIENCE_S} s, no {shown!r} in:\n{text}")


def see(program: str, rondo: str, fault: str, reactor: str) -> str:
    def asked(*arguments: str) -> str:
        done = subprocess.run([rondo, *arguments], env=os.environ | {"RONDO_INSPECT": "0"}, capture_output=True,
                              text=True, check=False)
        return done.stdout + done.stderr

    with tempfile.TemporaryDirectory() as folder:
        stalls = {"RONDO_STALL": "50ms"}
        more = {"blocking": stalls, "stalls": stalls, "forgotten": {"RONDO_DEBUG": "1"}}.get(fault, {})
        p = Stuck(program, "blocking" if fault == "stalls" else fault, reactor, folder, **more)
        try:
            if fault == "blocking":
                return until(r"spawned at", p.stderr)
            if fault == "forgotten":
                return until(r"without ever", p.stderr)
            if fault == "leak":
                page = asked("top", p.socket, "--plain", "-n", "1")  # it answers, or another is asked
                page = until(r"(?m)^ +\d{2,} +\+[1-9]\d* .*stuck\.cpp", lambda: asked(
                    "top", p.socket, "--plain", "-n", "2", "-d", "0.3"))
                return page[page.rindex("stuck, process"):]
            if fault == "connections":  # what is told of them stands above the tasks
                page = until("1 waiting", lambda: asked("ps", p.socket))
                return page[:page.index("  task ")]
            if fault == "stalls":
                return until(r"ms at most", lambda: asked("stalls", p.socket))
            return until({"queue": r"last given by", "locks": r"DEADLOCK"}[fault], lambda: asked("ps", p.socket))
        finally:
            p.end()


def in_a_terminal(program: str, rondo: str, fault: str, there: str, shown: str) -> int:
    """`rondo top` in a terminal of 80 × 24: each page fits, and begins on a clear screen."""
    with tempfile.TemporaryDirectory() as folder:
        p = Stuck(program, fault, "epoll", folder)
        try:
            until(there, lambda: subprocess.run([rondo, "ps", p.socket], capture_output=True, text=True,
                                                    check=False).stdout)
            ours, its = pty.openpty()
            fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            top = subprocess.Popen([rondo, "top", p.socket, "-n", "2", "-d", "0.1"], stdin=its, stdout=its, stderr=its)
            os.close(its)
            said = b""
            try:
                while more := os.read(ours, 4096):
                    said += more
            except OSError:  # it has ended
                pass
            os.close(ours)
            ended = top.wait()
        finally:
            p.end()
    before, *pages = said.decode().replace("\r\n", "\n").split("\x1b[H\x1b[2J")
    lines = [page.splitlines() for page in pages]
    if ended or before or len(pages) != 2 or any(len(page) > 23 or max(map(len, page)) > 80 for page in lines) \
            or shown not in pages[-1]:
        print(f"{fault}, rondo top in 80 × 24: exit code {ended}, and it shows\n{said.decode()}")
        return 1
    print(f"{fault}, rondo top in 80 × 24: {len(lines[-1])} rows of at most {max(map(len, lines[-1]))} columns")
    return 0


def main() -> int:
    root, program, rondo = sys.argv[1:4]
    bad = 0
    for fault in ("blocking", "stalls", "queue", "locks", "connections", "leak", "forgotten"):
        kept = pathlib.Path(root) / "docs/debugging" / f"{fault}.txt"
        for reactor in ("epoll", "io_uring"):
            seen = as_written(see(program, rondo, fault, reactor))
            if "--write" in sys.argv and reactor == "epoll":
                kept.write_text(seen, encoding="utf-8")
            if kept.read_text(encoding="utf-8") != seen:
                bad += 1
                print(f"{fault} on {reactor}: docs/debugging/{fault}.txt says\n{kept.read_text(encoding='utf-8')}\n"
                      f"and what was seen is\n{seen}")
            else:
                print(f"{fault} on {reactor}: as the page says")
    bad += in_a_terminal(program, rondo, "connections", "1 waiting", "HTTP client: ")
    bad += in_a_terminal(program, rondo, "blocking", "BLOCKED", "stuck.cpp:")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
