"""100,000 tasks that sleep 300 ms in a process of their own: time, CPU and memory."""

from bench import processes, report

TASKS, MILLISECONDS = 100_000, 300
WALL_AIM_MS = 320
REQUESTED_AIM_BYTES = 320


def run(options: report.Options) -> report.Result:
    command = [options.program("bench_sleepers"), str(TASKS), str(MILLISECONDS)]
    reactors = [r for r in ("epoll", "io_uring") if options.filter in r]
    rounds: dict[str, list[dict]] = {r: [] for r in reactors}
    for _ in range(options.rounds):
        for reactor in reactors:
            rounds[reactor].append(
                processes.run_json(processes.SERVER_CORE, command, {"RONDO_REACTOR": reactor}))
    return report.Result(
        [_row(reactor, each) for reactor, each in rounds.items()], [" ".join(command)],
        ["bytes a task: asked of operator new. resident a task: growth of the process."])


def _row(reactor: str, rounds: list[dict]) -> report.Row:
    wall_ms = report.summarize([r["wall_s"] * 1e3 for r in rounds])
    requested = rounds[-1]["requested_bytes_a_task"]
    row = report.Row(f"sleepers/{reactor}", "ms", wall_ms)
    row.counters = {
        "cpu ms": report.summarize([r["cpu_s"] * 1e3 for r in rounds]).median,
        "bytes a task": requested,
        "resident a task": rounds[-1]["resident_bytes_a_task"],
    }
    row.aim = f"≤ {WALL_AIM_MS}, ≤ {REQUESTED_AIM_BYTES} B"
    row.met = wall_ms.median <= WALL_AIM_MS and requested <= REQUESTED_AIM_BYTES
    return row
