"""Instructions an operation takes in user space, counted by callgrind: the same in every run.

Each benchmark runs twice with fixed iterations; the difference leaves out what comes before and
after. Only on io_uring: valgrind 3.19 does not know epoll_pwait2. The kernel is not counted.
"""

import re
import shutil

from bench import processes, report

BENCHMARKS = (
    "await_minimal_task",
    "await_ready_child/io_uring",
    "await_chain_of_10/io_uring",
    "yield_1000_tasks/io_uring",
    "spawn_and_join/io_uring",
    "spawn_1000_in_group/io_uring",
    "queue_hop/io_uring",
    "event_already_set/io_uring",
    "event_hop/io_uring",
    "timeout_in_time/io_uring",
    "sleep_1000_tasks/io_uring",
    "cancel_frame/warm/io_uring",
    "gather_10000/io_uring",
)
QUICK = BENCHMARKS[:2]
# Multiples of every benchmark's batch. The first is enough to fill the frame pool.
FEW, MANY = 10_000, 60_000


def run(options: report.Options) -> report.Result:
    if not shutil.which("valgrind"):
        return report.skipped("instructions", "valgrind is not installed")
    command = processes.callgrind([options.program("bench_micro")])
    rows = []
    for name in BENCHMARKS:
        if options.filter in name and (name in QUICK or not options.quick):
            one = [*command, f"--benchmark_filter=^{name}(/|$)"]
            row = report.Row(name)
            row.counters["instructions"] = (_count(one, MANY) - _count(one, FEW)) / (MANY - FEW)
            rows.append(row)
    shown = " ".join([*command, "--benchmark_filter=NAME"])
    return report.Result(rows, [f"BENCH_ITERATIONS={n} {shown}" for n in (FEW, MANY)])


def _count(command: list[str], iterations: int) -> int:
    done = processes.run_on(
        processes.SERVER_CORE, command, {"BENCH_ITERATIONS": str(iterations)}, capture=True)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])
