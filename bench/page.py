"""Writes docs/benchmarks.md and its plots from the results."""

import pathlib

from bench import report, sections, svg, targets


def write(document: dict, to: pathlib.Path) -> None:
    folder = to.parent / to.stem
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.svg"):
        left.unlink()
    _join_instructions(document)
    plots = {group.file for group in sections.GROUPS if _plot(group, document, folder)}
    to.write_text("\n".join(_page(document, plots, to.stem)) + "\n", encoding="utf-8")


def _join_instructions(document: dict) -> None:
    """Puts the counts of the suite `instructions` beside the times of the same operations."""
    counted = {r["name"]: r["counters"]["instructions"]
               for r in document["suites"].get("instructions", {"rows": []})["rows"] if r["counters"]}
    for suite in ("micro_peers", "micro"):
        for row in document["suites"].get(suite, {"rows": []})["rows"]:
            name = row["name"].replace("/rondo-", "/")
            for called in (name, name.replace("cancel_frame", "cancel_frame/warm"),
                           "await_minimal_task" if name.endswith("hand-written") else ""):
                if called in counted:
                    row["counters"]["instructions"] = counted[called]


def _page(document: dict, plots: set[str], folder: str) -> list[str]:
    verdicts = targets.judge(document)
    machine = document["machine"]
    lines = ["# Benchmarks", "", _first_paragraph(document, verdicts), ""]
    if document["quick"]:
        lines += ["**A quick run of one round: its numbers are not to be quoted.**", ""]
    lines += [
        "Made by `scripts/bench`: servers on one core and loads on the other, rivals in turn, medians of the "
        "rounds with the interval that holds the median with 95 %; a ratio is taken within each round. Rows "
        "called `again` are the same program a second time: their distance from 1 is the noise. Raw numbers, "
        "every round of every row with its commit: [results.json](../bench/results/results.json).",
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
        cells = ["<br>".join(filter(None, _without_repeats(v.lines, c)))
                 for c in ("rondo", "beside", "ratio")]
        lines.append(f"| {v.target.what} | {v.target.aim} | " + " | ".join(cells) + f" | {v.verdict} |")
    lines.append("")
    if missed := [v for v in verdicts if v.state == "missed"]:
        lines += ["What keeps those from it that miss:", "",
                  *(f"- {v.target.what}: {targets.bound(v.target)}" for v in missed), ""]
    for section in sections.SECTIONS:
        lines += _section(section, document, plots, folder)
    return lines


def _without_repeats(lines: list[dict[str, str]], column: str) -> list[str]:
    cells = [line[column] for line in lines]
    return cells if column != "beside" else list(dict.fromkeys(cells))


def _section(section: sections.Section, document: dict, plots: set[str], folder: str) -> list[str]:
    suites = [s for s in section.suites if s in document["suites"]]
    if not suites:
        return []
    lines = [f"## {section.title}", "", section.text, ""]
    for group in section.groups:
        if group.file in plots:
            lines += [f"![{group.title}]({folder}/{group.file})", ""]
    for suite in suites:
        each = document["suites"][suite]
        lines += [*_table(each["rows"]), "", *each["notes"], "",
                  f"`scripts/bench --only {suite}`:", "",
                  "```", *each["commands"], "```", ""]
    return lines


def _first_paragraph(document: dict, verdicts: list[targets.Verdict]) -> str:
    count = {state: sum(v.state == state for v in verdicts)
             for state in ("met", "missed", "not yet due", "not measured")}
    said = ", ".join(f"{n} {state}" for state, n in count.items() if n)
    text = f"Of {len(verdicts)} aims: {said}. "
    won = [sentence for g in sections.GROUPS if (sentence := sections.beaten(g, document))]
    compared = sum(sections.compares(g, document) for g in sections.GROUPS)
    text += (f"A peer beats Rondo at {len(won)} of {compared} comparisons. " + ". ".join(won) + "."
             if won else "No peer beats Rondo where both were measured.")
    skipped = [r["name"] for s in document["suites"].values() for r in s["rows"]
               if r["note"].startswith("skipped")]
    failed = [r["name"] for s in document["suites"].values() for r in s["rows"] if r["note"] == "failed"]
    return (text + (f" Skipped: {', '.join(skipped)}." if skipped else "")
            + (f" **Failed: {', '.join(failed)}.**" if failed else ""))


def _table(rows: list[dict]) -> list[str]:
    counters = [c for c in report.COUNTERS if any(c in r["counters"] for r in rows)]
    lines = ["| row | median | interval | ratio | against | aim | met |"
             + "".join(f" {c} |" for c in counters) + " note |",
             "|---|--:|--:|--:|---|---|---|" + "--:|" * len(counters) + "---|"]
    for r in rows:
        value, ratio = r["value"], r["ratio"]
        cells = [
            r["name"],
            f"{sections.number(value['median'])} {r['unit']}" if value else "",
            f"{sections.number(value['low'])}–{sections.number(value['high'])}" if value else "",
            f"{ratio['median']:.3f} ({ratio['low']:.3f}–{ratio['high']:.3f})" if ratio else "",
            r["against"] if ratio else "", r["aim"],
            {True: "yes", False: "**no**", None: ""}[r["met"]],
            *(sections.number(r["counters"][c]) if c in r["counters"] else "" for c in counters),
            r["note"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _plot(group: sections.Group, document: dict, folder: pathlib.Path) -> bool:
    """Writes the plot of a group that has rows to compare."""
    rows = sections.members(group, document)
    if len(rows) < 2:
        return False
    bars = [svg.Bar(who, r["value"]["median"], r["value"]["low"], r["value"]["high"],
                    sections.is_rondo(who)) for who, r in rows.items()]
    unit = next(iter(rows.values()))["unit"]
    better = "more" if unit in sections.HIGHER_IS_BETTER else "less"
    (folder / group.file).write_text(svg.bars(group.title, unit, bars, better, group.logarithmic),
                                     encoding="utf-8")
    return True
