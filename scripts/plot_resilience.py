#!/usr/bin/env python3
"""Draws what examples/failing_server prints: load, errors and latency over time, as an SVG; or sums it up.

usage: plot_resilience.py [FILE.csv] > docs/resilience.svg
       plot_resilience.py --table [FILE.csv] > docs/resilience.csv
"""

import collections
import csv
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 150, 70, 40, 46
COLOURS = {"no policy": "#777777", "retries only": "#c0392b",
           "retries with a budget": "#d68910", "the whole stack": "#1e8449"}
PANELS = (
    ("calls that reach the server, a second", "load", False),
    ("callers without an answer, a second", "failed", False),
    ("latency, 99th percentile, seconds (logarithmic)", "p99", True),
)


def x_of(second: int, last: int) -> float:
    return LEFT + WIDTH * second / last


def height(value: float, top: float, low: float, high: float) -> float:
    if low > 0:
        part = math.log(max(value, low) / low) / math.log(high / low)
    else:
        part = value / high
    return top + HEIGHT * (1 - part)


Runs = dict[str, list[dict[str, str]]]


def well_again(rows: list[dict[str, str]]) -> str:
    """The second from which on all callers have an answer, and 99 % of them within 100 ms."""
    ill = [n for n, row in enumerate(rows) if int(row["failed"]) > 0 or float(row["p99"]) > 0.1]
    return "never" if ill[-1] == len(rows) - 1 else f"second {ill[-1] + 1}"


def table(runs: Runs) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["clients", "calls that reach the server, of 48,000", "callers without an answer",
                  "longest wait, 99 %", "well again"])
    for name, rows in runs.items():
        longest = max(float(row["p99"]) for row in rows)
        out.writerow([name, *(f"{sum(int(row[column]) for row in rows):,}" for column in ("load", "failed")),
                      f"{longest:.1f} s", well_again(rows)])


def main() -> None:
    files = [name for name in sys.argv[1:] if name != "--table"]
    text = pathlib.Path(files[0]).read_text("utf-8") if files else sys.stdin.read()
    runs: Runs = collections.defaultdict(list)
    for row in csv.DictReader(text.splitlines()):
        runs[row["clients"]].append(row)
    if "--table" in sys.argv[1:]:
        table(runs)
    else:
        draw(runs)


def draw(runs: Runs) -> None:
    last = max(int(row["second"]) for rows in runs.values() for row in rows)
    total = TOP + len(PANELS) * (HEIGHT + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{total}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>']
    for n, name in enumerate(runs):
        x = LEFT + n * 180
        out.append(f'<line x1="{x}" y1="16" x2="{x + 22}" y2="16" stroke="{COLOURS[name]}" '
                   'stroke-width="2"/>' f'<text x="{x + 28}" y="20">{name}</text>')
    for panel, (title, column, logarithmic) in enumerate(PANELS):
        top = TOP + panel * (HEIGHT + GAP) + 16
        values = [float(row[column]) for rows in runs.values() for row in rows]
        low = 0.001 if logarithmic else 0.0  # 0: linear
        high = max(max(values), 1e-9) * 1.05
        out.append(f'<text x="{LEFT}" y="{top - 6}" font-weight="bold">{title}</text>')
        out.append(f'<rect x="{x_of(20, last):.1f}" y="{top}" width="{x_of(25, last) - x_of(20, last):.1f}" '
                   f'height="{HEIGHT}" fill="#f2e6e6"/>')
        marks = [0.001, 0.01, 0.1, 1, 10] if logarithmic else [high * i / 4 for i in range(5)]
        for mark in marks:
            if low <= mark <= high:
                y = height(mark, top, low, high)
                label = f"{mark:g}" if logarithmic else f"{mark:.0f}"
                out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" '
                           'stroke="#dddddd"/>'
                           f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for name, rows in runs.items():
            points = " ".join(f'{x_of(int(row["second"]), last):.1f},{height(float(row[column]), top, low, high):.1f}'
                              for row in rows)
            out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" '
                       'stroke-width="1.6"/>')
    bottom = total - 12
    for second in range(0, last + 1, 10):
        out.append(f'<text x="{LEFT + WIDTH * second / last:.1f}" y="{bottom}" '
                   f'text-anchor="middle">{second} s</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
