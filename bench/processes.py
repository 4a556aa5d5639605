"""Programs pinned to cores: servers that say where they listen, and their loads."""

import contextlib
import json
import os
import re
import signal
import subprocess
import typing

# The server has one core to itself, whatever drives it the other. With one core they share it, and
# the figures say little.
SERVER_CORE = 0
LOAD_CORE = min(1, (os.cpu_count() or 1) - 1)

# Nothing here takes as long: what does, hangs.
_LONGEST_RUN_S = 600
_LONGEST_STOP_S = 10


def run_on(core: int, command: list[str], environment: dict[str, str] | None = None,
           capture: bool = False) -> subprocess.CompletedProcess:
    """Runs a program on one core to its end; raises with its output if it fails."""
    done = subprocess.run(command, env=os.environ | (environment or {}),
                          preexec_fn=_pinned_to(core),
                          stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=_LONGEST_RUN_S)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done


def run_json(core: int, command: list[str], environment: dict[str, str] | None = None) -> dict:
    """The same for a program that prints one JSON object as its last line."""
    return json.loads(run_on(core, command, environment, capture=True).stdout.splitlines()[-1])


class Server:
    """A running server: its process and port, and after stop() what it said at its end."""

    def __init__(self, process: subprocess.Popen, port: int):
        self.process = process
        self.port = port
        self.report: dict[str, typing.Any] = {}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=_LONGEST_STOP_S)[0]
        if self.process.returncode not in (0, -signal.SIGTERM):
            raise RuntimeError(f"{self.process.args} ended with {self.process.returncode}")
        if out.startswith("{"):
            self.report = json.loads(out)


@contextlib.contextmanager
def serving(command: list[str], environment: dict[str, str] | None = None,
            errors: typing.IO[str] | None = None,
            says_port: str = r'"port": (\d+)') -> typing.Iterator[Server]:
    """Starts a server on its core; its first line says its port. Stopped at the end of the block.

    What it writes to stderr goes to `errors`, else to ours: never to a pipe that nobody empties.
    """
    process = subprocess.Popen(command, env=os.environ | (environment or {}),
                               preexec_fn=_pinned_to(SERVER_CORE), stdout=subprocess.PIPE,
                               stderr=errors, text=True)
    try:
        port = re.search(says_port, process.stdout.readline())
        if not port:
            raise RuntimeError(f"{' '.join(command)} did not start")
        server = Server(process, int(port[1]))
        yield server
        server.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def callgrind(command: list[str]) -> list[str]:
    """The command with its instructions counted; `Collected : N` comes on stderr."""
    return ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]


def _pinned_to(core: int) -> typing.Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})
