"""TLS beside OpenSSL's own server: full handshakes, and one large body.

The server runs on one core, the load on the other: `openssl s_time` makes full TLS 1.3 handshakes, curl takes
the body. What is compared is the server's CPU, because the loads cost more than the servers.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from bench import processes, report

BODY_MIB = 256
SECONDS = 2
SERVING = r"serving https?://[^ ]*:(\d+) "
ACCEPTING = r"ACCEPT [^ ]*:(\d+)"
TICK = os.sysconf("SC_CLK_TCK")


def run(options: report.Options) -> report.Result:
    rondo = str(options.build / "tools" / "rondo")
    openssl, curl = shutil.which("openssl"), shutil.which("curl")
    if not pathlib.Path(rondo).exists():
        return report.skipped("tls", "the rondo command was not built")
    if not openssl or not curl:
        return report.skipped("tls", "openssl and curl are not both installed")
    with tempfile.TemporaryDirectory() as folder:
        _make_certificate(openssl, folder)
        with open(f"{folder}/body", "wb") as body:
            body.truncate(BODY_MIB << 20)
        servers = _servers(rondo, openssl, folder)
        servers = {name: s for name, s in servers.items() if options.filter in name}
        seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, (command, environment, says) in servers.items():
                with processes.serving(command, environment, says_port=says) as server:
                    seen[name].append(_measure(server, openssl, curl, folder, name))
    rows = []
    for name, rounds in seen.items():
        row = report.Row(f"handshake/{name}", "us", report.summarize([r[0] for r in rounds]))
        row.counters["handshakes/s"] = report.summarize([r[1] for r in rounds]).median
        rows.append(row)
        rows.append(report.Row(f"bulk/{name}", "ms", report.summarize([r[2] for r in rounds])))
    return report.Result(
        rows, [" ".join(s[0]) for s in servers.values()],
        ["handshake: the server's CPU for a full TLS 1.3 handshake with a P-256 certificate and a close.",
         f"bulk: the server's CPU for a body of {BODY_MIB} MiB."])


def _make_certificate(openssl: str, folder: str) -> None:
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", "/CN=bench",
         "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
        check=True, capture_output=True)


def _servers(rondo: str, openssl: str, folder: str) -> dict[str, tuple[list[str], dict, str]]:
    serve = [rondo, "serve", "127.0.0.1:0", "--cert", f"{folder}/cert.pem", "--key", f"{folder}/key.pem"]
    # In the folder whose files it serves; without the line on DH, the first says the port.
    theirs = ["env", f"--chdir={folder}", openssl, "s_server", "-no_dhe", "-accept", "127.0.0.1:0",
              "-cert", "cert.pem", "-key", "key.pem", "-HTTP"]
    return {"epoll": (serve, {"RONDO_REACTOR": "epoll"}, SERVING),
            "io_uring": (serve, {"RONDO_REACTOR": "io_uring"}, SERVING),
            "openssl": (theirs, {}, ACCEPTING)}


def _measure(server: processes.Server, openssl: str, curl: str, folder: str,
             name: str) -> tuple[float, float, float]:
    before = _cpu(server.process.pid)
    # Quiet about the certificate: it is ours.
    said = processes.run_on(processes.LOAD_CORE,
                            [openssl, "s_time", "-new", "-time", str(SECONDS), "-tls1_3", "-connect",
                             f"127.0.0.1:{server.port}"], capture=True).stdout
    count, seconds = re.search(r"(\d+) connections in (\d+) real seconds", said).groups()
    handshake = (_cpu(server.process.pid) - before) / int(count)
    path = "body" if name == "openssl" else f"bytes/{BODY_MIB << 20}"
    before = _cpu(server.process.pid)
    processes.run_on(processes.LOAD_CORE,
                     [curl, "--silent", "--fail", "--cacert", f"{folder}/cert.pem", "--output", "/dev/null",
                      f"https://127.0.0.1:{server.port}/{path}"])
    bulk = _cpu(server.process.pid) - before
    return handshake * 1e6, int(count) / max(1, int(seconds)), bulk * 1e3


def _cpu(pid: int) -> float:
    """Seconds that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / TICK
