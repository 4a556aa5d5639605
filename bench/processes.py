"""Programs pinned to cores: servers that say where they listen, and their loads."""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import typing

# The server has one core to itself, whatever drives it the other. With one core they share it, and
# the figures say little.
SERVER_CORE = 0
LOAD_CORE = min(1, (os.cpu_count() or 1) - 1)

MOST_CONNECTIONS = 10_000
# Nothing here takes as long: what does, hangs.
_LONGEST_RUN_S = 600
_LONGEST_STOP_S = 10


def allow_many_descriptors() -> None:
    """Lets this process and what it starts have as many as the suites want, as far as the system does."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MOST_CONNECTIONS + 5_000), hard))


def connections_at_most(wanted: int) -> int:
    """As many as descriptors allow."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)


def run_on(core: int, command: list[str], environment: dict[str, str] | None = None,
           capture: bool = False) -> subprocess.CompletedProcess:
    """Runs a program on one core to its end; raises with its output if it fails."""
    done = subprocess.run(command, env=os.environ | (environment or {}),
                          preexec_fn=pinned_to(core),
                          stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=_LONGEST_RUN_S)
    if done.returncode != 0:
        said = f"{done.stdout or ''}{done.stderr}"
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {said}")
    return done


def run_json(core: int, command: list[str], environment: dict[str, str] | None = None) -> dict:
    """The same for a program that prints one JSON object as its last line."""
    return json.loads(run_on(core, command, environment, capture=True).stdout.splitlines()[-1])


def run_measured(core: int, command: list[str],
                 environment: dict[str, str] | None = None) -> tuple[str, float, float]:
    """What a program prints, and its CPU time in user and system mode, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_on(core, command, environment, capture=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


def cpu_seconds(pid: int) -> float:
    """The CPU time of a running process, all its threads, to the nanosecond (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


class Server:
    """A running server: its process and port, and after stop() what it said at its end."""

    def __init__(self, process: subprocess.Popen, port: int):
        self.process = process
        self.port = port
        self.unix_socket = ""  # its path, of a server that listens at one too
        self.report: dict[str, typing.Any] = {}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + _LONGEST_STOP_S
        while not self._has_ended(within_s=1):
            if time.monotonic() > end:
                raise RuntimeError(f"{self.process.args} does not end")
            self._keep_busy()
        out = self.process.communicate()[0]
        if self.process.returncode not in (0, -signal.SIGTERM):
            raise RuntimeError(f"{self.process.args} ended with {self.process.returncode}")
        if out.startswith("{"):
            self.report = json.loads(out)

    def _has_ended(self, within_s: float) -> bool:
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _keep_busy(self) -> None:
        """valgrind looks for a signal once in 100,000 blocks of code, and not in a wait for io_uring."""
        for _ in range(500):
            with socket.socket() as wakes:
                wakes.connect_ex(("127.0.0.1", self.port))


@contextlib.contextmanager
def serving(command: list[str], environment: dict[str, str] | None = None,
            errors: typing.IO[str] | None = None,
            says_port: str = r'"port": (\d+)') -> typing.Iterator[Server]:
    """Starts a server on its core; its first line says its port. Stopped at the end of the block.

    What it writes to stderr goes to `errors`, else to ours: never to a pipe that nobody empties.
    """
    process = subprocess.Popen(command, env=os.environ | (environment or {}),
                               preexec_fn=pinned_to(SERVER_CORE), stdout=subprocess.PIPE,
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


@contextlib.contextmanager
def serving_at(command: list[str], port: int) -> typing.Iterator[Server]:
    """The same for a server that is told its port and says nothing: waits until it listens."""
    process = subprocess.Popen(command, preexec_fn=pinned_to(SERVER_CORE),
                               stdout=subprocess.DEVNULL, text=True)
    try:
        end = time.monotonic() + _LONGEST_STOP_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.01)
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(_LONGEST_STOP_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SIXTEEN_BYTES = "0123456789abcde\n"
NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
_NGINX_CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr emerg;
events {{ worker_connections 15000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} backlog=4096{http2}; listen unix:{folder}/socket;
    location / {{ default_type text/plain; {answer} }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(files: str = "", http2: bool = False) -> typing.Iterator[Server]:
    """nginx in one process, which answers everything with 16 bytes, or with the files of a folder; over HTTP/2 alone or
    over HTTP/1.1 alone."""
    answer = f"root {files}; sendfile on;" if files else 'return 200 "0123456789abcde\\n";'
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        configuration = pathlib.Path(folder) / "nginx.conf"
        configuration.write_text(_NGINX_CONFIGURATION.format(folder=folder, port=port, answer=answer,
                                                              http2=" http2" if http2 else ""),
                                 encoding="utf-8")
        with serving_at([NGINX, "-e", "stderr", "-p", folder, "-c", str(configuration)],
                        port) as server:
            server.unix_socket = f"{folder}/socket"
            yield server


H2O = shutil.which("h2o")
_H2O_CONFIGURATION = """
num-threads: 1
error-log: /dev/null
max-connections: 15000
listen: {{ host: 127.0.0.1, port: {port} }}
hosts:
  default:
    paths:
      /: {{ file.dir: {folder} }}
{user}"""


@contextlib.contextmanager
def h2o(files: str) -> typing.Iterator[Server]:
    """h2o in one thread, which serves the files of a folder, over either version."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        # Started by root it would become nobody, who may not read the files.
        user = "user: root" if os.geteuid() == 0 else ""
        configuration = pathlib.Path(folder) / "h2o.conf"
        configuration.write_text(_H2O_CONFIGURATION.format(folder=files, port=port, user=user), encoding="utf-8")
        with serving_at([H2O, "-c", str(configuration)], port) as server:
            yield server


NGHTTPD = shutil.which("nghttpd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@contextlib.contextmanager
def nghttpd() -> typing.Iterator[Server]:
    """nghttpd in one thread, in clear: a file of 16 bytes, index.txt."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        (pathlib.Path(folder) / "index.txt").write_text(SIXTEEN_BYTES, encoding="utf-8")
        with serving_at([NGHTTPD, "--no-tls", "-a", "127.0.0.1", "-d", folder, str(port)], port) as server:
            yield server


class SystemCalls:
    """How many system calls a process makes in a `with` block, by strace; None without it."""

    def __init__(self, pid: int):
        self.pid = pid
        self.count: int | None = None

    def __enter__(self) -> "SystemCalls":
        self._out = tempfile.NamedTemporaryFile("r+", suffix=".strace")
        self._tracer = None
        if shutil.which("strace"):
            self._tracer = subprocess.Popen(
                ["strace", "-f", "-c", "-o", self._out.name, "-p", str(self.pid)],
                stderr=subprocess.PIPE, text=True)
            self._tracer.stderr.readline()  # "strace: Process N attached"
        return self

    def __exit__(self, *_: object) -> None:
        if self._tracer:
            self._tracer.send_signal(signal.SIGINT)
            self._tracer.communicate(timeout=_LONGEST_STOP_S)
            self.count = traced_calls(self._out.read())
        self._out.close()


def traced_calls(summary: str) -> int | None:
    """The total of what `strace -c` writes."""
    # % time, seconds, usecs/call, calls, and errors if there were any.
    total = re.search(r"^ *100\.00 +\S+ +\d+ +(\d+) +(?:\d+ +)?total$", summary, re.M)
    return int(total[1]) if total else None


def callgrind(command: list[str]) -> list[str]:
    """The command with its instructions counted; `Collected : N` comes on stderr."""
    return ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]


def pinned_to(core: int) -> typing.Callable[[], None]:
    """For Popen's preexec_fn."""
    return lambda: os.sched_setaffinity(0, {core})
