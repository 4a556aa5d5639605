"""Small programs: what each costs to compile, and its size, stripped.

hello      one task and one sleep
client     prints what stands at a URL of http
client_tls the same of https
server     answers one path

Each is one file of bench/programs/, compiled at -O2 and linked as the library's own page says, OpenSSL and libcurl as
shared libraries, so that their size is not in it. What Rondo's archive brings is. Debian splits cpp-httplib into a header
of declarations and a shared library, with OpenSSL.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from bench import report

SOURCES = report.ROOT / "bench" / "programs"
TLS = ["-lssl", "-lcrypto"]
# What is built, whose it is, the file, and its flags besides those of FLAGS.
PROGRAMS = (
    ("hello", "rondo", "rondo_hello.cpp", []),
    ("hello", "asio", "asio_hello.cpp", []),
    ("client", "rondo", "rondo_client.cpp", []),
    ("client", "beast", "beast_client.cpp", []),
    ("client", "cpp-httplib", "httplib_client.cpp", []),
    ("client_tls", "rondo", "rondo_client.cpp", []),
    ("client_tls", "beast", "beast_client_tls.cpp", TLS),
    ("client_tls", "cpp-httplib", "httplib_client.cpp", []),
    ("client_tls", "libcurl", "curl_client.cpp", ["-lcurl"]),
    ("server", "rondo", "rondo_server.cpp", []),
    ("server", "beast", "beast_server.cpp", []),
    ("server", "cpp-httplib", "httplib_server.cpp", []),
)
NOTES = ["compile_…: wall time of the compiler on one file, -O2 -c, not pinned. size_…: the program, stripped and linked "
         "with --as-needed; OpenSSL, libcurl and cpp-httplib, as Debian has it, are shared libraries and not in it, Rondo is. "
         "Rondo's client, cpp-httplib's and libcurl's are one program for http and https."]


def run(options: report.Options) -> report.Result:
    compiler = "clang++-19" if shutil.which("clang++-19") else os.environ.get("CXX", "c++")
    rows = []
    for what, who, file, flags in PROGRAMS:
        compiled = report.Row(f"compile_{what}/{who}", "s")
        size = report.Row(f"size_{what}/{who}", "KiB")
        wanted = [r for r in (compiled, size) if options.filter in r.name]
        rows += wanted
        if not wanted:
            continue
        try:
            own, link = _flags(options, who)
            seconds, kib = _built(options, [compiler, *own, *flags], SOURCES / file, link)
            compiled.value, size.value = report.summarize(seconds), report.summarize([kib])
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            compiled.note = size.note = f"skipped: {_reason(error)}"
    return report.Result(rows, [f"{compiler} -std=c++20 -O2 -c file.cpp", f"{compiler} file.o -Wl,--as-needed … && strip"],
                         NOTES)


def _flags(options: report.Options, who: str) -> tuple[list[str], list[str]]:
    """For the compiler, and for the linker besides."""
    if who == "cpp-httplib":
        return _said("--cflags", "cpp-httplib"), [*_said("--libs", "cpp-httplib"), "-pthread"]
    if who != "rondo":
        return ["-DASIO_STANDALONE"] if who == "asio" else [], ["-pthread"]
    libraries = _said("--libs", "rondo", PKG_CONFIG_PATH=str(options.build / "meson-private"))
    return [f"-I{report.ROOT / 'include'}"], [f"-L{options.build}", *libraries]


def _said(what: str, package: str, **environment: str) -> list[str]:
    """What pkg-config says."""
    return subprocess.run(["pkg-config", what, package], check=True, capture_output=True, text=True,
                          env=os.environ | environment).stdout.split()


def _built(options: report.Options, command: list[str], source: pathlib.Path,
           link: list[str]) -> tuple[list[float], float]:
    """The times of the compiler, and the size of the program in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        made, program = f"{folder}/file.o", pathlib.Path(folder) / "program"
        flags = [f for f in command if not f.startswith("-l")]
        seconds = []
        for _ in range(options.rounds):
            begun = time.perf_counter()
            subprocess.run([*flags, "-std=c++20", "-O2", "-c", str(source), "-o", made], check=True,
                           capture_output=True, text=True)
            seconds.append(time.perf_counter() - begun)
        libraries = [f for f in command if f.startswith("-l")] + link
        subprocess.run([command[0], made, "-o", str(program), "-Wl,--as-needed", *libraries], check=True,
                       capture_output=True, text=True)
        subprocess.run(["strip", str(program)], check=True, capture_output=True)
        return seconds, program.stat().st_size / 1024


def _reason(error: Exception) -> str:
    """The compiler's first complaint."""
    said = getattr(error, "stderr", None) or str(error)
    lines = [line for line in said.splitlines() if "error" in line] or said.splitlines()
    return lines[0].rpartition("error: ")[2] if lines else "it does not compile here"
