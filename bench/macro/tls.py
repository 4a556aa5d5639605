"""TLS: handshakes that `openssl s_time` makes one after another, and bytes that `openssl s_client` takes,
from Rondo's server and from `openssl s_server`, with the same certificate, version and cipher.
"""

import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import typing

from bench import processes, report
from bench.macro import http

SERVERS = ("openssl", "openssl-again", "rondo-epoll", "rondo-io_uring")
BYTES = 1 << 28
AIM = 0.95
SECONDS = 1
CIPHER = "TLS_AES_128_GCM_SHA256"
NOTES = [
    f"Full handshakes, TLS 1.3, P-256, {CIPHER}: thousands a second of the server's CPU time. Bulk: "
    "GiB a second of the server's CPU time; openssl reads them from a file in the page cache. Ratios are "
    "to openssl s_server in the same round.",
]


def run(options: report.Options) -> report.Result:
    program = options.program("bench_rondo_tls")
    if not pathlib.Path(program).exists() or not shutil.which("openssl"):
        return report.skipped("tls", "no bench_rondo_tls, or no openssl")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        certificate = _certificate(folder)
        _zeros(folder)
        for suite, unit, measure in (("tls_handshakes", "k/s", _handshakes),
                                     ("tls_bulk", "GiB/s", _bulk)):
            if options.filter not in suite:
                continue
            rounds: dict[str, list[float]] = {name: [] for name in SERVERS}
            for name in http.alternate(list(SERVERS), options.rounds):
                rounds[name].append(measure(program, name, certificate, folder))
            rows += [_row(suite, unit, name, rounds) for name in SERVERS]
    return report.Result(rows, [
        f"{program} CERTIFICATE KEY BYTES",
        "openssl s_server -tls1_3 -WWW -accept PORT -cert CERTIFICATE -key KEY",
        f"openssl s_time -connect 127.0.0.1:PORT -new -time {SECONDS}",
        f"openssl s_client -quiet -ciphersuites {CIPHER} -connect 127.0.0.1:PORT",
    ], NOTES)


def _row(suite: str, unit: str, name: str, rounds: dict[str, list[float]]) -> report.Row:
    row = report.Row(f"{suite}/{name}", unit, report.summarize(rounds[name]))
    if name != "openssl":
        row.against, row.ratio = f"{suite}/openssl", report.ratio(rounds[name], rounds["openssl"])
    if name.startswith("rondo-"):
        report.aim_at_least(row, AIM, row.ratio)
    return row


def _certificate(folder: str) -> tuple[str, str]:
    paths = f"{folder}/certificate.pem", f"{folder}/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", paths[0],
                    "-keyout", paths[1]], check=True, capture_output=True)
    return paths


@contextlib.contextmanager
def _server(program: str, name: str, certificate: tuple[str, str], size: int, folder: str
            ) -> typing.Iterator[processes.Server]:
    if name.startswith("rondo-"):
        with processes.serving([program, *certificate, str(size)],
                               {"RONDO_REACTOR": name[6:]}) as server:
            yield server
        return
    port = processes.free_port()
    process = subprocess.Popen(
        ["openssl", "s_server", "-tls1_3", "-WWW", "-quiet", "-accept", f"127.0.0.1:{port}",
         "-cert", certificate[0], "-key", certificate[1]],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=processes.pinned_to(processes.SERVER_CORE))
    try:
        time.sleep(0.2)  # a connection to see whether it listens would be served
        yield processes.Server(process, port)
    finally:
        process.kill()
        process.wait()


def _zeros(folder: str) -> None:
    """The file that openssl gives, in the page cache."""
    pathlib.Path(folder, "zeros").write_bytes(bytes(BYTES))


def _handshakes(program: str, name: str, certificate: tuple[str, str], folder: str) -> float:
    with _server(program, name, certificate, 0, folder) as server:
        pid = server.process.pid
        before = processes.cpu_seconds(pid)
        text = processes.run_on(
            processes.LOAD_CORE, ["openssl", "s_time", "-connect", f"127.0.0.1:{server.port}",
                                  "-new", "-time", str(SECONDS), "-ciphersuites", CIPHER],
            capture=True).stdout
        used = processes.cpu_seconds(pid) - before
    return int(re.search(r"(\d+) connections in", text)[1]) / used / 1e3


def _bulk(program: str, name: str, certificate: tuple[str, str], folder: str) -> float:
    with _server(program, name, certificate, BYTES, folder) as server:
        pid = server.process.pid
        before = processes.cpu_seconds(pid)
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-ciphersuites", CIPHER, "-connect",
             f"127.0.0.1:{server.port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            preexec_fn=processes.pinned_to(processes.LOAD_CORE))
        client.stdin.write(b"GET /zeros HTTP/1.0\r\n\r\n")  # Rondo's gives them unasked
        client.stdin.flush()
        left = BYTES
        while left > 0:
            left -= len(client.stdout.read(min(left, 1 << 20)) or b"" or _broke(client))
        used = processes.cpu_seconds(pid) - before
        client.kill()
        client.wait()
    return BYTES / used / (1 << 30)


def _broke(client: subprocess.Popen) -> typing.NoReturn:
    client.kill()
    raise RuntimeError("openssl s_client ended before all bytes had come")
