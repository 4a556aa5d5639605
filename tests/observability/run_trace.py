#!/usr/bin/env python3
"""A program's trace (RONDO_TRACE) is what Perfetto reads, and shows the program.

usage: run_trace.py PROGRAM TRACKS...    each TRACKS is N:TEXT, so many tracks whose name has the text
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

# What the Trace Event Format asks of the kinds of events that are written here.
FIELDS = {
    "X": {"pid": int, "tid": int, "name": str, "cat": str, "ts": (int, float), "dur": (int, float)},
    "M": {"pid": int, "tid": int, "name": str, "args": dict},
}


def complaints(events: list[dict]) -> list[str]:
    found = []
    for event in events:
        fields = FIELDS.get(event.get("ph"))
        if fields is None:
            found.append(f"an event of another kind: {event}")
            continue
        for name, kind in fields.items():
            if not isinstance(event.get(name), kind):
                found.append(f"no {name} of {kind}: {event}")
    return found


def check(program: str, reactor: str, wanted: list[tuple[int, str]], folder: str) -> list[str]:
    path = pathlib.Path(folder) / f"{reactor}.json"
    subprocess.run([program], check=True, stdout=subprocess.DEVNULL, timeout=60,
                   env=os.environ | {"RONDO_REACTOR": reactor, "RONDO_TRACE": str(path)})
    trace = json.loads(path.read_text(encoding="utf-8"))
    events = trace["traceEvents"]
    if bad := complaints(events):
        return bad
    names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events
             if e["ph"] == "M" and e["name"] == "thread_name"}
    slices = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[event["pid"], event["tid"]].append(event)
    for count, text in wanted:
        tracks = [track for track, name in names.items() if text in name]
        if len(tracks) != count:
            bad.append(f"{len(tracks)} tracks are called {text}, not {count}: {sorted(set(names.values()))}")
        for track in tracks:
            kinds = collections.Counter(event["cat"] for event in slices[track])
            if kinds["task"] != 1 or not kinds["await"] or not kinds["step"]:
                bad.append(f"the track {names[track]} has {dict(kinds)}")
    print(f"{reactor}: {len(events)} events, {len(names)} tracks, {len(bad)} complaints")
    return bad


def main() -> int:
    wanted = [(int(count), text) for count, _, text in (argument.partition(":") for argument in sys.argv[2:])]
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        for reactor in ("epoll", "io_uring"):
            bad += check(sys.argv[1], reactor, wanted, folder)
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
