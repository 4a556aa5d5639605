"""The twins of the micro rows in asio, asyncio and uvloop. A row is called as in micro, "/who" added."""

import json
import pathlib
import tempfile

from bench import processes, report
from bench.macro import http
from bench.micro import run as micro

NOTES = ["asio: CPU time an operation, except sleep_100000_for_300ms; asyncio, uvloop: wall time."]


def run(options: report.Options) -> report.Result:
    rows, commands = [], []
    asio = options.program("bench_asio_micro")
    if not pathlib.Path(asio).exists():
        rows.append(report.Row("asio", note="skipped: bench_asio_micro was not built"))
    elif options.filter in "asio":
        rows += _asio(options, asio)
        commands.append(asio)
    script = str(http.PEERS / "asyncio_micro.py")
    for name, arguments in (("asyncio", []), ("uvloop", ["--uvloop"])):
        if options.filter not in name:
            continue
        command = [http.SYSTEM_PYTHON, script, *arguments]
        try:
            rounds = [processes.run_json(processes.SERVER_CORE, command)
                      for _ in range(1 if options.quick else 3)]
        except RuntimeError as e:
            rows.append(report.Row(name, note=f"skipped: {str(e).splitlines()[-1]}"))
            continue
        rows += [micro.in_unit(report.Row(f"{key}/{name}"), [r[key] for r in rounds])
                 for key in rounds[0]]
        commands.append(" ".join(command))
    return report.Result(rows, commands, NOTES)


def _asio(options: report.Options, program: str) -> list[report.Row]:
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        processes.run_on(processes.SERVER_CORE, [
            program,
            f"--benchmark_min_time={0.02 if options.quick else 0.05}",
            f"--benchmark_repetitions={3 if options.quick else 5}",
            f"--benchmark_out={out.name}",
            "--benchmark_out_format=json",
        ])
        times = micro.times_of(json.load(out)["benchmarks"])
    return [micro.in_unit(report.Row(f"{name}/asio"), each) for name, each in times.items()]
