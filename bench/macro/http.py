"""What the HTTP suites share: the servers, the loads, and how they are read."""

import contextlib
import dataclasses
import json
import pathlib
import re
import shutil
import sys
import tempfile
import typing

from bench import processes, report

PEERS = report.ROOT / "bench" / "peers"
SYSTEM_PYTHON = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
CONNECTIONS = 64
# Where Debian's crates lie.
CRATES = pathlib.Path("/usr/share/cargo/registry")


@dataclasses.dataclass
class Run:
    """One run of a load: requests, its time, and what CPU time it took."""

    requests: int
    seconds: float
    user_s: float
    system_s: float
    latency_us: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        return (self.user_s + self.system_s) / self.requests * 1e6

    @property
    def user_us(self) -> float:
        return self.user_s / self.requests * 1e6


def rondo(options: report.Options) -> str:
    return str(options.build / "tools" / "rondo")


def serve_command(options: report.Options) -> list[str]:
    return [rondo(options), "serve", "127.0.0.1:0", "--limit", "15000"]


SERVING = r"serving http://[^ ]*:(\d+) "


@contextlib.contextmanager
def server(options: report.Options, name: str) -> typing.Iterator[tuple[processes.Server, str]]:
    """A server by its name, and the URL at which it answers 16 bytes."""
    kind = name.removesuffix("-again")
    if kind == "nginx":
        with processes.nginx() as running:
            yield running, f"http://127.0.0.1:{running.port}/"
        return
    if kind.startswith("rondo-"):
        with processes.serving(serve_command(options), {"RONDO_REACTOR": kind[6:]},
                               says_port=SERVING) as running:
            yield running, f"http://127.0.0.1:{running.port}/bytes/16"
        return
    if kind == "h2o":
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "index.txt").write_text(processes.SIXTEEN_BYTES, encoding="utf-8")
            with processes.h2o(folder) as running:
                yield running, f"http://127.0.0.1:{running.port}/index.txt"
        return
    if kind in BUILT_WHEN_WANTED:
        with processes.serving([str(BUILT_WHEN_WANTED[kind](options))]) as running:
            yield running, f"http://127.0.0.1:{running.port}/"
        return
    commands = {
        "beast": [options.program("bench_beast_server")],
        "bun": ["bun", str(PEERS / "bun_server.mjs")],
        "node": ["node", str(PEERS / "node_server.mjs")],
        "node-http2": ["node", str(PEERS / "node_http2_server.mjs")],
    }
    with processes.serving(commands[kind]) as running:
        yield running, f"http://127.0.0.1:{running.port}/"


@contextlib.contextmanager
def http2_server(options: report.Options, name: str) -> typing.Iterator[tuple[processes.Server, str]]:
    """The same for a server that speaks HTTP/2 in clear."""
    kind = name.removesuffix("-again")
    if kind == "nghttpd":
        with processes.nghttpd() as running:
            yield running, f"http://127.0.0.1:{running.port}/index.txt"
        return
    if kind == "nginx":
        with processes.nginx(http2=True) as running:
            yield running, f"http://127.0.0.1:{running.port}/"
        return
    with server(options, "node-http2" if kind == "node" else kind) as running_at:
        yield running_at


def go_server(options: report.Options) -> pathlib.Path:
    """Go's net/http server, built when it is first wanted."""
    program = options.build / "bench" / "go_server"
    source = PEERS / "go_server.go"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        processes.run_on(processes.LOAD_CORE, ["go", "build", "-o", str(program), str(source)])
    return program


def hyper_server(options: report.Options) -> pathlib.Path:
    """The same of hyper's, by cargo from Debian's crates."""
    folder = options.build / "bench" / "hyper_server"  # a copy: cargo writes beside its sources
    shutil.copytree(PEERS / "hyper_server", folder, dirs_exist_ok=True)
    processes.run_on(processes.LOAD_CORE,
                     ["cargo", "build", "--release", "--offline", "--quiet",
                      "--manifest-path", str(folder / "Cargo.toml"), "--target-dir", str(folder / "target"),
                      "--config", 'source.crates-io.replace-with="debian"',
                      "--config", f'source.debian.directory="{CRATES}"'])
    return folder / "target" / "release" / "hyper_server"


BUILT_WHEN_WANTED = {"go": go_server, "hyper": hyper_server}


@contextlib.contextmanager
def file_server(options: report.Options, name: str, folder: str
                ) -> typing.Iterator[tuple[processes.Server, str]]:
    """A server by its name that serves a folder, and the URL of the file called "file" in it."""
    kind = name.removesuffix("-again")
    if kind == "nginx":
        starting = processes.nginx(folder)
    elif kind == "h2o":
        starting = processes.h2o(folder)
    elif kind == "go":
        starting = processes.serving([str(go_server(options)), folder])
    elif kind == "bun":
        starting = processes.serving(["bun", str(PEERS / "bun_server.mjs"), folder])
    else:
        starting = processes.serving([*serve_command(options), "--files", folder], {"RONDO_REACTOR": kind[6:]},
                                     says_port=SERVING)
    with starting as running:
        yield running, f"http://127.0.0.1:{running.port}/file"


def missing_server(options: report.Options, name: str) -> str:
    """Why a server cannot be had; empty when it can."""
    kind = name.removesuffix("-again")
    if kind == "nginx":
        return "" if processes.NGINX else "nginx is not installed"
    if kind == "hyper" and not any(CRATES.glob("hyper-[0-9]*")):
        return "Debian's librust-hyper-dev is not installed"
    if kind == "hyper":
        return "" if shutil.which("cargo") else "cargo is not installed"
    if kind in ("node", "go", "h2o", "bun"):
        return "" if shutil.which(kind) else f"{kind} is not installed"
    program = options.program("bench_beast_server") if kind == "beast" else rondo(options)
    return "" if pathlib.Path(program).exists() else f"{program} was not built"


def missing_http2_server(options: report.Options, name: str) -> str:
    kind = name.removesuffix("-again")
    if kind == "nghttpd":
        return "" if processes.NGHTTPD else "nghttpd is not installed"
    return missing_server(options, name)


# --- loads -------------------------------------------------------------------------------------------


def client_command(options: report.Options, name: str, url: str, seconds: float,
                   unix_socket: str = "") -> list[str]:
    c, s = str(CONNECTIONS), str(seconds)
    at = [unix_socket] if unix_socket else []
    port = re.search(r":(\d+)/", url)
    whole = str(max(1, round(seconds)))  # wrk and h2load count in whole seconds
    return {
        "wrk": ["wrk", "-t1", f"-c{c}", f"-d{whole}", "--latency", url],
        "wrk_pipelined": ["wrk", "-t1", f"-c{c}", f"-d{whole}", "-s", str(PEERS / "pipeline.lua"), url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{c}", f"-D{whole}", url],
        "rondo-epoll": rondo_load(options, url, seconds, *(f"--unix-socket={a}" for a in at)),
        "rondo-io_uring": rondo_load(options, url, seconds, *(f"--unix-socket={a}" for a in at)),
        "libcurl": [options.program("bench_curl_client"), url, c, s, *at],
        "beast": [options.program("bench_beast_client"), port[1] if port else "PORT", "/", c, s],
        "aiohttp": [SYSTEM_PYTHON, str(PEERS / "aiohttp_client.py"), url, c, s, *at],
        "node": ["node", str(PEERS / "node_client.mjs"), url, c, s],
    }[name.removesuffix("-again")]


def rondo_load(options: report.Options, url: str, seconds: float, *more: str) -> list[str]:
    return [rondo(options), "load", "--json", f"-c{CONNECTIONS}", f"-d{seconds}",
            f"-w{seconds / 10:g}", *more, url]


def python_has_no(module: str) -> str:
    """Says so when the system's Python cannot import it; empty when it can."""
    try:
        processes.run_on(processes.LOAD_CORE, [SYSTEM_PYTHON, "-c", f"import {module}"])
    except RuntimeError:
        return f"{SYSTEM_PYTHON} has no {module}"
    return ""


def missing_client(options: report.Options, name: str) -> str:
    command = client_command(options, name, "", 1)
    if name == "aiohttp" and (why := python_has_no("aiohttp")):
        return why
    return "" if shutil.which(command[0]) else f"{command[0]} is not installed"


def environment_of(name: str) -> dict[str, str]:
    return {"RONDO_REACTOR": name[6:]} if name.startswith("rondo-") else {}


def run_client(options: report.Options, name: str, url: str, seconds: float,
               prefix: tuple[str, ...] = (), unix_socket: str = "") -> Run:
    command = [*prefix, *client_command(options, name, url, seconds, unix_socket)]
    text, user_s, system_s = processes.run_measured(processes.LOAD_CORE, command,
                                                    environment_of(name))
    if name.startswith("wrk"):
        return _read_wrk(text, user_s, system_s)
    if name == "h2load":
        return read_h2load(text, user_s, system_s)
    return read_json(text)


def read_json(text: str) -> Run:
    said = json.loads(text.splitlines()[-1])
    if said["failed"] or not said["requests"]:
        raise RuntimeError(f"a load failed: {text[:500]}")
    latency = {p: ns / 1e3 for p, ns in said.get("latency_ns", {}).items()}
    return Run(said["requests"], said["seconds"], said["user_cpu_s"], said["system_cpu_s"], latency)


_UNITS_US = {"us": 1, "ms": 1e3, "s": 1e6}


def _read_wrk(text: str, user_s: float, system_s: float) -> Run:
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
    latency = {f"p{p}": float(value) * _UNITS_US[unit]
               for p, value, unit in re.findall(r"^ +(\d+)%\s+([\d.]+)(us|ms|s)$", text, re.M)}
    if re.search(r"Socket errors|Non-2xx", text):
        raise RuntimeError(f"wrk: {text}")
    return Run(int(requests), float(seconds), user_s, system_s, latency)


def read_h2load(text: str, user_s: float, system_s: float) -> Run:
    seconds = re.search(r"finished in ([\d.]+)(s|ms)", text)
    done, succeeded = re.search(r"(\d+) done, (\d+) succeeded", text).groups()
    if done != succeeded:
        raise RuntimeError(f"h2load: {text}")
    took = float(seconds[1]) * _UNITS_US[seconds[2]] / 1e6
    mean = re.search(r"time for request: +\S+ +\S+ +([\d.]+)(us|ms|s)", text)
    latency = {"mean": float(mean[1]) * _UNITS_US[mean[2]]} if mean else {}
    return Run(int(done), took, user_s, system_s, latency)


# --- rounds ------------------------------------------------------------------------------------------


def alternate(names: list[str], rounds: int) -> typing.Iterator[str]:
    """Every name once a round, in an order that moves on from round to round."""
    for n in range(rounds):
        first = n % len(names)
        yield from names[first:] + names[:first]
