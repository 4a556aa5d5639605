#!/usr/bin/env python3
"""Every recipe of the cookbook prints what its page shows, and every page shows its recipes.

usage: cookbook_test.py SOURCE_ROOT PROGRAM [--write]     --write: takes what they print now as right

A number after `~` in docs/cookbook/expected/ stands for any. After --write, scripts/quote --write brings the pages up
to date.
"""

import importlib.machinery
import importlib.util
import pathlib
import re
import subprocess
import sys
import types

sys.dont_write_bytecode = True
ROOT = pathlib.Path(sys.argv[1]).resolve()
BOOK = ROOT / "docs/cookbook"
LEAST_RECIPES = 40
MOST_LINES = 25
LONGEST_S = 120  # a machine may be busy


def module(name: str) -> types.ModuleType:
    loader = importlib.machinery.SourceFileLoader(name, f"{ROOT}/scripts/{name}")
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = made
    loader.exec_module(made)
    return made


def outputs(program: str) -> dict[str, str]:
    """What each recipe printed, by its name, in the order in which they ran."""
    # A recipe may show the command of the program itself.
    done = subprocess.run(["./cookbook"], executable=pathlib.Path(program).resolve(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=LONGEST_S, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"{program} ended with {done.returncode}:\n{done.stdout}")
    pieces = re.split(r"^# (\w+)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2]))


def recipe_is_shown(name: str, pages: dict[str, str]) -> list[str]:
    """What is wrong with a recipe's source and its place in the pages."""
    wrong = []
    sources = [f for f in BOOK.glob("*.cpp") if f"// begin {name}\n" in f.read_text(encoding="utf-8")]
    if len(sources) != 1:
        return [f"{name}: is marked in {len(sources)} sources"]
    shown = module("quote").part(sources[0], name)
    if shown.count("\n") + 1 > MOST_LINES:
        wrong.append(f"{name}: has {shown.count(chr(10)) + 1} lines, and {MOST_LINES} at most")
    page = sources[0].with_suffix(".md").name
    for quoted in (f"<!-- quote {sources[0].name} part {name} -->", f"<!-- quote expected/{name}.txt -->"):
        if quoted not in pages.get(page, ""):
            wrong.append(f"{name}: docs/cookbook/{page} has no {quoted}")
    return wrong


def main() -> int:
    tour = module("tour")
    pages = {f.name: f.read_text(encoding="utf-8") for f in BOOK.glob("*.md")}
    wrong, skipped = [], []
    printed = outputs(sys.argv[2])
    if len(printed) < LEAST_RECIPES:
        wrong.append(f"only {len(printed)} recipes")
    for name, text in printed.items():
        file = BOOK / f"expected/{name}.txt"
        if text.startswith("(skipped: "):
            skipped.append(f"{name} {text.strip()}")
            continue
        expected = file.read_text(encoding="utf-8") if file.exists() else ""
        differs = tour.as_expected(expected, text)
        if differs and "--write" in sys.argv:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif differs:
            wrong.append(f"{name}:\n{differs}")
        wrong += recipe_is_shown(name, pages)
    for file in (BOOK / "expected").glob("*.txt"):
        if file.stem not in printed:
            wrong.append(f"{file.name}: there is no such recipe")
    print("\n".join(wrong + skipped))
    print(f"{len(printed)} recipes, {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
