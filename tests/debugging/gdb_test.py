#!/usr/bin/env python3
"""gdb shows the same chains as dump_tasks: on a live process and on its core, with debug information and without. And it
prints values as people write them.

usage: gdb_test.py SOURCE_ROOT VALUES MANY_WAITS...   skipped (exit 77) where there is no gdb, or it may not look at processes
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60
NEWLINE = "\n"


def gdb(script: pathlib.Path, *arguments: str, commands: tuple[str, ...]) -> str:
    command = ["gdb", "-nx", "-batch", *arguments, "-ex", f"source {script}"]
    for c in commands:
        command += ["-ex", c]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=os.environ | {"DEBUGINFOD_URLS": ""})
    return done.stdout + done.stderr


def chains(text: str) -> list[str]:
    """What the two must agree on: who, what it waits for, and its awaits."""
    found = []
    for line in text.splitlines():
        line = re.sub(r"^\s*(#\d+ )?", "", line)
        line = re.sub(r", \d+\.\d{3} s", "", line)
        if re.match(r"(main|service|body|child|branch|cleanup|awaited in)\b", line):
            found.append(line)
    return found


def until(shown: str, path: pathlib.Path) -> str:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        text = path.read_text(encoding="utf-8")
        if re.search(shown, text):
            return text
        time.sleep(0.01)  # not to keep the machine busy
    raise SystemExit(f"no {shown!r} in:\n{path.read_text(encoding='utf-8')}")


def look(program: str, script: pathlib.Path, folder: pathlib.Path) -> int:
    said = folder / "said"
    with said.open("w", encoding="utf-8") as out:
        child = subprocess.Popen([program], stdout=out, stderr=out)
    core = folder / "core"
    try:
        wanted = chains(until("at rest", said))
        live = gdb(script, "-p", str(child.pid), commands=("rondo tasks", "rondo bt 4", f"generate-core-file {core}"))
        if "ptrace: Operation not permitted" in live:
            print("skipped: gdb may not look at processes here")
            sys.exit(77)
        dead = gdb(script, program, str(core), commands=("rondo tasks",))
    finally:
        child.kill()
        child.wait()
    bad = 0
    name = pathlib.Path(program).name
    for what, seen in (("live", live), ("its core", dead)):
        if chains(seen) != wanted:
            bad += 1
            print(f"{name}, {what}: dump_tasks says\n{NEWLINE.join(wanted)}\nand gdb\n{seen}")
    if not re.search(r"#0  \S.* at many_waits\.cpp:\d+, frame 0x[0-9a-f]+", live):
        bad += 1
        print(f"{name}: rondo bt 4 shows no await:\n{live}")
    print(f"{name}: {len(wanted)} lines, {bad} differences")
    return bad


VALUES = {
    "v.seven": "an outcome: 7",
    "v.nothing": "an outcome: cancelled",
    "v.failed": "an outcome: an exception",
    "v.url": "https://example.org:8443/a?b",
    "v.v4": "127.0.0.1:80",
    "v.v6": "[::1]:443",
    "v.local": "unix:/run/app.sock",
    "v.fields": "Host: example.org | Accept: */*",
}


def look_at_values(program: str, script: pathlib.Path) -> int:
    prints = [f"print {name}" for name in VALUES]
    shown = gdb(script, program, commands=("break look_at", "run", *prints))
    bad = 0
    for n, (name, wanted) in enumerate(VALUES.items(), 1):
        if f"${n} = {wanted}{NEWLINE}" not in shown.replace('"', ""):
            bad += 1
            print(f"{name} is not shown as {wanted}")
    if bad:
        print(shown)
    return bad


# Words that depend on a member, of waits that gdb shows as "something".
BEYOND = {"something", "the peer to be gone, in memory", "a ticket"}  # and that of an example


def words_unknown(root: pathlib.Path, script: pathlib.Path) -> int:
    """Every wait that the library names is one that the script knows."""
    known = script.read_text(encoding="utf-8")
    bad = 0
    for folder in ("runtime", "net", "http", "patterns"):
        for source in sorted((root / folder).rglob("*.[ch]pp")):
            for words in re.findall(r'\bv\.waits_for\("([^"]+)"', source.read_text(encoding="utf-8")):
                if words not in BEYOND and f'"{words}"' not in known:
                    bad += 1
                    print(f"{source}: gdb does not know {words!r}")
    return bad


def main() -> int:
    root, values, *programs = sys.argv[1:]
    if not shutil.which("gdb"):
        print("skipped: gdb is not installed")
        return 77
    script = pathlib.Path(root) / "share/rondo/gdb.py"
    bad = look_at_values(values, script) + words_unknown(pathlib.Path(root), script)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for program in programs:
            bare = folder / (pathlib.Path(program).name + "-without-debug-information")
            subprocess.run(["strip", "-g", "-o", str(bare), program], check=True)
            for which in (program, str(bare)):
                bad += look(which, script, folder)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
