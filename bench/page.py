"""Writes docs/benchmarks.md and its plots from the results."""

import pathlib
import platform

from bench import report, svg, targets

# Title, suite, which rows (by the beginning of their names), logarithmic.
PLOTS = {
    "await": ("Await a child that finishes at once", ("micro:await_ready_child/", "micro:await_minimal",
                                                      "micro_peers:await_ready_child"), True),
    "spawn": ("Spawn a task and join it", ("micro:spawn_and_join/", "micro_peers:spawn_and_join"),
              True),
    "queue": ("Pass an item through a queue", ("micro:queue_hop/", "micro_peers:queue_hop"), True),
    "timers": ("A million timers: schedule and cancel, each",
               ("micro:timers_1e6/schedule", "micro_peers:timers_1e6/schedule",
                "micro:timers_1e6/cancel", "micro_peers:timers_1e6/cancel"), False),
    "echo_64": ("Echo at 64 connections: server CPU a round trip", ("echo:echo_64/",), False),
    "echo_512": ("Echo at 512 connections: server CPU a round trip", ("echo:echo_512/",), False),
    "http_client": ("HTTP clients on one nginx: client CPU a request", ("http_client:",), True),
    "http_server": ("HTTP servers under wrk, one core", ("http_server:http_server_wrk/",), False),
    "latency": ("99 % of the answers within, at 10,000 requests a second", ("latency:",), False),
}


def write(document: dict, to: pathlib.Path) -> None:
    folder = to.parent / to.stem
    folder.mkdir(parents=True, exist_ok=True)
    plots = _plots(document, folder)
    to.write_text("\n".join(_page(document, plots, to.stem)) + "\n", encoding="utf-8")


def _page(document: dict, plots: dict[str, str], folder: str) -> list[str]:
    verdicts = targets.judge(document)
    machine = document["machine"]
    lines = ["# Benchmarks", "", _first_paragraph(document, verdicts), ""]
    if document["quick"]:
        lines += ["**A quick run: its numbers are not to be quoted.**", ""]
    lines += [
        "Made by `scripts/bench` on this machine, servers on one core and loads on the other, rivals in "
        "turn, medians of the rounds; a ratio is taken within each round. Rows called `again` are the same "
        "program a second time: their distance from 1 is the noise. Raw numbers, every round of every row "
        "with its commit: [results.json](../bench/results/results.json).",
        "",
        f"- {machine['processor']}, {machine['processors']} cores; {machine['kernel']}",
        f"- load average before and after: {machine['load_average_before'][0]}, "
        f"{machine.get('load_average_after', ['?'])[0]}; {machine['when']}; "
        f"commit {machine['commit']}",
        "- " + "; ".join(f"{name} {version}" for name, version in machine["versions"].items()),
        "",
        "## What is aimed at",
        "",
        "| what | aim | Rondo | beside it | ratio | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for v in verdicts:
        cells = ["<br>".join(line[c] for line in v.lines) for c in ("rondo", "beside", "ratio")]
        if len({line["beside"] for line in v.lines}) == 1 and v.lines:
            cells[1] = v.lines[0]["beside"]
        lines.append(f"| {v.target.what} | {v.target.aim} | " + " | ".join(cells)
                     + f" | {v.verdict} |")
    lines += ["", "## Plots", "", "Rondo is orange; the line at a bar's end is the interval that holds the "
              "median with 95 %.", ""]
    lines += [f"![{PLOTS[name][0]}]({folder}/{file})\n" for name, file in plots.items()]
    lines += ["## Every row", ""]
    for suite, each in document["suites"].items():
        lines += [f"### {suite}", "", *_table(each["rows"]), ""]
        lines += [*(f"{note}" for note in each["notes"]), ""]
        lines += ["```", *(_without_paths(c) for c in each["commands"]), "```", ""]
    return lines


def _first_paragraph(document: dict, verdicts: list[targets.Verdict]) -> str:
    beaten = [sentence for v in verdicts for sentence in v.beaten_by]
    missed = sum(v.verdict.startswith("**missed") for v in verdicts)
    met = sum(v.verdict.startswith("met") for v in verdicts)
    open_ = len(verdicts) - met - missed
    text = f"Of {len(verdicts)} aims {met} are met, {missed} missed, {open_} not measured. "
    text += ("Where a peer wins: " + "; ".join(beaten) + "." if beaten
             else "No peer wins where it was measured.")
    skipped = [r["name"] for s in document["suites"].values() for r in s["rows"]
               if r["note"].startswith("skipped")]
    return text + (f" Skipped: {', '.join(skipped)}." if skipped else "")


def _table(rows: list[dict]) -> list[str]:
    counters = [c for c in report.COUNTERS if any(c in r["counters"] for r in rows)]
    lines = ["| row | median | interval | ratio | against | aim | met |"
             + "".join(f" {c} |" for c in counters) + " note |",
             "|---|--:|--:|--:|---|---|---|" + "--:|" * len(counters) + "---|"]
    for r in rows:
        value, ratio = r["value"], r["ratio"]
        cells = [
            r["name"],
            f"{targets.number(value['median'])} {r['unit']}" if value else "",
            f"{targets.number(value['low'])}–{targets.number(value['high'])}" if value else "",
            f"{ratio['median']:.3f} ({ratio['low']:.3f}–{ratio['high']:.3f})" if ratio else "",
            r["against"] if ratio else "", r["aim"],
            {True: "yes", False: "**no**", None: ""}[r["met"]],
            *(targets.number(r["counters"][c]) if c in r["counters"] else "" for c in counters),
            r["note"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _plots(document: dict, folder: pathlib.Path) -> dict[str, str]:
    """Writes each plot that has rows; gives their files' names."""
    files = {}
    for name, (title, which, logarithmic) in PLOTS.items():
        rows = [(suite, r) for wanted in which for suite, each in document["suites"].items()
                for r in each["rows"] if f"{suite}:{r['name']}".startswith(wanted) and r["value"]]
        if len(rows) < 2:
            continue
        bars = [svg.Bar(_label(suite, r["name"]), r["value"]["median"], r["value"]["low"],
                        r["value"]["high"], _is_own(suite, r["name"])) for suite, r in rows]
        (folder / f"{name}.svg").write_text(svg.bars(title, rows[0][1]["unit"], bars, logarithmic),
                                            encoding="utf-8")
        files[name] = f"{name}.svg"
    return files


def _is_own(suite: str, row: str) -> bool:
    return "/rondo" in row or suite == "micro" and "minimal" not in row


def _label(suite: str, row: str) -> str:
    if suite in ("micro", "micro_peers") and "timers" in row:
        _, operation, *who = row.split("/")
        return f"{operation}, {who[0] if who else 'rondo'}"
    if suite == "micro":
        return "rondo, " + row.rpartition("/")[2] if "/" in row else row
    return row.rpartition("/")[2]


def _without_paths(command: str) -> str:
    return command.replace(str(report.ROOT) + "/", "").replace(platform.node(), "host")
