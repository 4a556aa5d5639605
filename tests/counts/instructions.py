#!/usr/bin/env python3
"""Instructions an operation takes in user space, by callgrind, against those written down: within 5 %.

usage: instructions.py BENCH_MICRO COMPILER BUILD [--write]

They depend on the compiler and its options, so they are kept for each pair of them; one that has none is
skipped (exit 77), and so is a machine without valgrind or io_uring. --write keeps what is counted now.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

KEPT = pathlib.Path(__file__).with_name("instructions.json")
# On io_uring: valgrind 3.19 does not know epoll_pwait2.
BENCHMARKS = (
    "await_ready_child/io_uring",
    "yield_1000_tasks/io_uring",
    "spawn_and_join/io_uring",
    "mutex_free/io_uring",
    "semaphore_free/io_uring",
    "queue_hop/io_uring",
    "event_hop/io_uring",
    "timeout_in_time/io_uring",
    "sleep_1000_tasks/io_uring",
    "cancel_frame/warm/io_uring",
    "gather_2/io_uring",
    "http/parse_response",
    "http/parse_request",
)
# Multiples of every benchmark's batch. The difference leaves out what comes before and after.
FEW, MANY = 1_000, 5_000
TOLERANCE = 0.05


def skip(why: str) -> None:
    print(f"skipped: {why}")
    sys.exit(77)


def counted(program: str, name: str, iterations: int) -> tuple[int, str]:
    # `meson test` lets malloc fill what it gives, which would be counted.
    environment = {k: v for k, v in os.environ.items() if k != "MALLOC_PERTURB_"}
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
         f"--benchmark_filter=^{name}(/|$)"],
        env=environment | {"BENCH_ITERATIONS": str(iterations)},
        capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found:
        print(done.stdout + done.stderr)
        sys.exit(1)
    return int(found[1]), done.stdout


def main() -> int:
    program, compiler, build = sys.argv[1:4]
    key = f"{compiler}, {build}"
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    write = "--write" in sys.argv
    for tool in ("valgrind", "strip"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    if key not in kept and not write:
        skip(f"no counts are kept for {key}")
    with tempfile.TemporaryDirectory() as folder:
        # valgrind 3.19 gives up on what lld writes for debuggers.
        bare = f"{folder}/bench_micro"
        subprocess.run(["strip", "-g", "-o", bare, program], check=True)
        return compare(bare, key, kept, write)


def each_takes(program: str, name: str) -> float:
    few, said = counted(program, name, FEW)
    if "ERROR OCCURRED" in said:
        skip(f"{name} does not run here: {said}")
    return (counted(program, name, MANY)[0] - few) / (MANY - FEW)


def compare(program: str, key: str, kept: dict, write: bool) -> int:
    now, bad = {}, 0
    for name in BENCHMARKS:
        each = each_takes(program, name)
        before = kept.get(key, {}).get(name)
        # Beside other work a timer is late, and the loop has more turns. Code that takes more does so each time.
        for _ in range(3):
            if before is not None and each > before * (1 + TOLERANCE):
                each = min(each, each_takes(program, name))
        now[name] = round(each, 1)
        change = each / before - 1 if before else 0
        verdict = "ok"
        if before is None:
            verdict = "new"
        elif change > TOLERANCE:
            verdict, bad = f"MORE by {change:.1%}: make it cheaper, or keep it with --write", bad + 1
        elif change < -TOLERANCE:
            verdict = f"fewer by {-change:.1%}: keep it with --write"
        print(f"{name}: {each:.1f} instructions, {before} kept: {verdict}", flush=True)
    if write:
        kept[key] = now
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        return 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
