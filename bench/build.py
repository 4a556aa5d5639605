"""Building: the library from nothing on this machine, and one file of a user's that includes http.hpp."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from bench import report

LIBRARY_AIM_S, INCLUDE_AIM_S = 60, 1.5
# As scripts/lib.sh has it.
AS_ONE = ["-Dunity=on", "-Dunity_size=6"]
INCLUDES = {
    "include_http": ("#include <rondo/http.hpp>\nint main() {}\n", INCLUDE_AIM_S),
    "include_runtime": ("#include <rondo/runtime.hpp>\nint main() {}\n", None),
    "include_asio": ("#include <asio.hpp>\nint main() {}\n", None),
}
NOTES = ["build_library: meson setup and librondo.a for release, without ccache, several sources compiled as "
         "one, as the scripts do. include_…: the compiler on a file that has nothing but this include, -O2. Wall "
         "time; this is not pinned."]


def run(options: report.Options) -> report.Result:
    compiler = "clang++-19" if shutil.which("clang++-19") else os.environ.get("CXX", "c++")
    rows = []
    for name, (text, aim) in INCLUDES.items():
        if options.filter not in name:
            continue
        row = report.Row(name, "s")
        rows.append(row)
        try:
            row.value = report.summarize([_compile(compiler, text) for _ in range(options.rounds)])
        except subprocess.CalledProcessError:
            row.note = "skipped: it does not compile here"
        if aim:
            report.aim_at_most(row, aim, row.value)
    if options.filter in "build_library" and not options.quick:
        row = report.Row("build_library", "s", report.summarize([_build()]))
        report.aim_at_most(row, LIBRARY_AIM_S, row.value)
        rows.append(row)
    return report.Result(rows, [f"{compiler} -std=c++20 -O2 -c file.cpp",
                                f"meson setup --buildtype=release {' '.join(AS_ONE)} && ninja librondo.a"],
                         NOTES)


def _compile(compiler: str, text: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "file.cpp"
        source.write_text(text, encoding="utf-8")
        begun = time.perf_counter()
        subprocess.run([compiler, "-std=c++20", "-O2", f"-I{report.ROOT / 'include'}", "-c",
                        str(source), "-o", "/dev/null"], check=True, capture_output=True)
        return time.perf_counter() - begun


def _build() -> float:
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"CCACHE_DISABLE": "1"}
        begun = time.perf_counter()
        subprocess.run(["meson", "setup", "--buildtype=release", *AS_ONE, "-Dtests=disabled",
                        "-Dbenches=disabled", "-Dexamples=disabled", "-Dtools=disabled",
                        folder, str(report.ROOT)],
                       check=True, capture_output=True, env=environment)
        subprocess.run(["ninja", "-C", folder, "librondo.a"], check=True, capture_output=True,
                       env=environment)
        return time.perf_counter() - begun
