"""bench/micro: single operations of the runtime, in one process on one core, except those that peers have too
(peers.py)."""

import json
import tempfile

from bench import processes, report

# Goals by name, without the reactor; None: no goal, the row is there to compare with.
AIMS_NS = {
    "await_ready_child": 10,
    "yield_1000_tasks": 10,
    "spawn_and_join": 45,
    "timeout_in_time": 40,
    "queue_hop": 20,
    "timers_1e6/schedule": 15,
    "timers_1e6/cancel": 30,
    "cancel_frame": 60,
    "cancel_frame/fresh": 60,
    "sleep_100000_for_300ms": 320e6,
    "gather_10000": 60,
    "policies_refused": 25,
    "policies_five": 150,
    "rate_limiter_admit": 5,
    "bulkhead_admit": 5,
    "ps_of_10000_tasks": 50e6,
    "ps_of_10000_tasks/slice": 1e6,
}
# Rows in peers.py, which are not measured twice.
ELSEWHERE = ("await_ready_child", "await_ready_child_again", "await_minimal_task", "yield_1000_tasks",
             "spawn_and_join", "queue_hop", "gather_10000", "sleep_100000_for_300ms", "cancel_frame",
             "timers_1e6/schedule", "timers_1e6/cancel")
# A process for each round: frames that were used before are not fresh.
FRESH = "cancel_frame/fresh"
AGAINST = {
    "call_through_rate_limiter/epoll": "call_bare/epoll",
    "call_through_bulkhead/epoll": "call_bare/epoll",
    "call_through_retry/epoll": "call_bare/epoll",
    "call_through_retry_with_budget/epoll": "call_bare/epoll",
    "call_through_hedge/epoll": "call_bare/epoll",
    "call_through_adaptive_limit/epoll": "call_bare/epoll",
    "call_through_throttle/epoll": "call_bare/epoll",
    "call_through_chaos_off/epoll": "call_bare/epoll",
}
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
NOTES = [
    "CPU time an operation; wall time where another thread answers (to_thread, thread_channel_from_thread).",
    "allocs, syscalls: calls of operator new and of the reactor into the kernel, an operation.",
    f"{FRESH}: a process for each round. Within one, the order of the recycled frames decays: the ninth time "
    "that 100,000 tasks are started and cancelled, a frame costs two or three times that of the first.",
]


def run(options: report.Options) -> report.Result:
    program, commands, measured = options.program("bench_micro"), [], []
    if not options.filter.startswith(FRESH):
        commands.append([
            program,
            f"--benchmark_filter={options.filter or _not_elsewhere()}",
            f"--benchmark_min_time={0.02 if options.quick else 0.1}",
            f"--benchmark_repetitions={options.rounds}",
            "--benchmark_enable_random_interleaving=true",
        ])
        measured += [m for m in _measured(commands[0]) if not m["name"].startswith(FRESH)]
    if options.filter in FRESH or options.filter.startswith(FRESH):
        fresh = [[program, f"--benchmark_filter=^{FRESH}/{reactor}"] for reactor in ("epoll", "io_uring")]
        commands += fresh
        for index in range(options.rounds):
            for family, command in enumerate(fresh):
                measured += [m | {"repetition_index": index, "family_index": 1000 + family}
                             for m in _measured(command)]
    return report.Result(rows_of(measured), [" ".join(c) for c in commands], NOTES)


def _measured(command: list[str]) -> list[dict]:
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        processes.run_on(processes.SERVER_CORE, [*command, "--benchmark_out_format=json",
                                                     f"--benchmark_out={out.name}"])
        text = out.read()
        return json.loads(text)["benchmarks"] if text else []


def _not_elsewhere() -> str:
    return f"-^({'|'.join(ELSEWHERE)})(/|$)"


def rows_of(measured: list[dict]) -> list[report.Row]:
    rounds: dict[str, list[dict]] = {}
    for m in sorted(measured, key=lambda m: (m["family_index"], m.get("repetition_index", 0))):
        if m["run_type"] == "iteration":
            rounds.setdefault(_plain_name(m["name"]), []).append(m)
    times = times_of(measured)
    return [_row(name, each, times) for name, each in rounds.items()]


def times_of(measured: list[dict]) -> dict[str, list[float]]:
    """Nanoseconds by name, round by round, of what Google Benchmark writes."""
    times: dict[str, list[float]] = {}
    for m in sorted(measured, key=lambda m: (m["family_index"], m.get("repetition_index", 0))):
        if m["run_type"] == "iteration":
            each = times.setdefault(_plain_name(m["name"]), [])
            if not m.get("error_occurred"):
                each.append(_nanoseconds(m))
    return times


def in_unit(row: report.Row, nanoseconds: list[float]) -> report.Row:
    """The row with its value, in ms where ns would not be read."""
    row.unit, row.value = "ns", report.summarize(nanoseconds)
    if row.value.median >= 1e6:
        row.unit, row.value = "ms", report.summarize([t / 1e6 for t in nanoseconds])
    return row


def nanoseconds_of(row: report.Row) -> float:
    return row.value.median * (1e6 if row.unit == "ms" else 1)


def judge(row: report.Row, operation: str, nanoseconds: list[float]) -> None:
    """By the aim of an operation that has one."""
    if aim := AIMS_NS.get(operation):
        report.aim_at_most(row, aim, report.summarize(nanoseconds))
        if row.unit == "ms":
            row.aim = f"≤ {aim / 1e6:g}"


def _row(name: str, each: list[dict], times: dict[str, list[float]]) -> report.Row:
    row = report.Row(name)
    if not times[name]:
        row.note = "skipped: " + each[0].get("error_message", "no result")
        return row
    in_unit(row, times[name])
    judge(row, name if name in AIMS_NS else name.rpartition("/")[0], times[name])
    row.counters = {c: each[-1][c] for c in ("allocs", "frames", "syscalls") if c in each[-1]}
    yardstick = AGAINST.get(name)
    if yardstick and times.get(yardstick):
        row.against, row.ratio = yardstick, report.ratio(times[name], times[yardstick])
    return row


def _plain_name(name: str) -> str:
    """Without what Google Benchmark adds: iterations:…, manual_time, real_time."""
    added = ("iterations:", "repeats:", "manual_time", "real_time")
    return "/".join(part for part in name.split("/") if not part.startswith(added))


def _nanoseconds(m: dict) -> float:
    by_hand_or_wall = m["name"].endswith(("manual_time", "real_time"))
    return m["real_time" if by_hand_or_wall else "cpu_time"] * NANOSECONDS[m["time_unit"]]
