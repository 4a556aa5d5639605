#!/usr/bin/env python3
"""scripts/reference: a page for every public header, and every link of every page leads somewhere; and its lint finds
what is not said.

usage: reference_test.py SOURCE_ROOT
"""

import collections.abc
import importlib.machinery
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
ROOT = pathlib.Path(sys.argv[1]).resolve()

SKIPPED = 77  # for meson
LEAST_SAID = 150  # characters: a title, a sentence and two links
# What must be found under the names of others.
THEIRS = {"asyncio.gather(f(), g())": "gather", "trio.CancelScope()": "cancel_scope", "asio::steady_timer": "sleep_for",
          "sync::Semaphore::new(3)": "semaphore", "aiohttp.ClientSession()": "http::client"}


PLANTED = """\
// planted: the lint must find what these do not say.
#pragma once
namespace rondo {
// One.
template <class T>
class task {
 public:
  T await_resume() noexcept;
};
class planted {
 public:
  // Says what it gives, and no more.
  task<int> silent();

  task<int> bare() noexcept;

  // Gives 1.
  int throwing() { throw 1; }
  // Gives 2.
  int thrower();

  // Gives 3. Throws nothing. Cancelled: it has not begun.
  task<int> good();
  // Gives 4.
  int harmless();
  int is_plain() const noexcept;
};
}  // namespace rondo
"""
PLANTED_SOURCE = """\
int planted::harmless() {
  return 4;
}
int planted::thrower() {
  if (true) throw 2;
}
"""
FOUND = ["planted::silent is awaited, and nothing says what a cancellation does",
         "planted::silent may throw, and nothing says what", "planted::bare has no comment",
         "planted::bare is awaited, and nothing says what a cancellation does",
         "planted::throwing may throw, and nothing says what", "planted::thrower may throw, and nothing says what"]


def lint_of_planted(root: pathlib.Path) -> list[str]:
    """What the lint says of a tree that has one header."""
    (root / "runtime").mkdir()
    (root / "include/rondo").mkdir(parents=True)
    (root / "include/rondo/runtime").symlink_to(root / "runtime")
    (root / "runtime/planted.hpp").write_text(PLANTED, encoding="utf-8")
    (root / "runtime/planted.cpp").write_text(PLANTED_SOURCE, encoding="utf-8")
    loader = importlib.machinery.SourceFileLoader("reference", f"{ROOT}/scripts/reference")
    reference = importlib.util.module_from_spec(importlib.util.spec_from_loader("reference", loader))
    sys.modules["reference"] = reference
    loader.exec_module(reference)
    reference.ROOT = reference.RULES.ROOT = root
    names = reference.parse(["runtime/planted.hpp"])["runtime/planted.hpp"]
    return [line.split(": ", 1)[1] for name in names for line in reference.complaints(name)]


def rules() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("rules", ROOT / "scripts/lint/rules.py")
    made = importlib.util.module_from_spec(spec)
    sys.modules["rules"] = made
    spec.loader.exec_module(made)
    return made


def outside_of_code(lines: list[str]) -> collections.abc.Iterator[str]:
    in_block = False
    for line in lines:
        if line.startswith("```"):
            in_block = not in_block
        elif not in_block:
            yield re.sub(r"(?<!\[)`[^`]*`", "", line)


def broken_links(folder: pathlib.Path, lint: types.ModuleType) -> list[str]:
    pages = {page: page.read_text(encoding="utf-8").splitlines() for page in folder.rglob("*.md")}
    anchors = {page: {lint.anchor_of(line.lstrip("#")) for line in lines if line.startswith("#")}
               for page, lines in pages.items()}
    found = []
    for page, lines in pages.items():
        for line in outside_of_code(lines):
            for link in lint.LINK.finditer(line):
                target, _, anchor = (link.group(1) or link.group(2)).partition("#")
                file = (page.parent / target).resolve() if target else page
                if not file.exists():
                    found.append(f"{page.relative_to(folder)}: there is no {target}")
                elif anchor and anchor not in anchors[file]:
                    found.append(f"{page.relative_to(folder)}: {target} has no #{anchor}")
    return found


def main() -> int:
    lint = rules()
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        done = subprocess.run([f"{ROOT}/scripts/reference", str(folder)], capture_output=True, text=True, check=False)
        if "python3-clang-19 is missing" in done.stderr:
            print(done.stderr)
            sys.exit(SKIPPED)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        headers = [path for path in lint.files(".hpp") if not lint.room_of(path)]
        for path in headers:
            page = folder / path.replace(".hpp", ".md")
            if not page.exists():
                wrong.append(f"{path} has no page")
            elif len(page.read_text(encoding="utf-8")) < LEAST_SAID:
                wrong.append(f"{path}: its page says next to nothing")
        theirs = (folder / "theirs.md").read_text(encoding="utf-8")
        for asked, ours in THEIRS.items():
            if not any(line.startswith(f"| `{asked}` |") and f"`{ours}`" in line for line in theirs.splitlines()):
                wrong.append(f"theirs.md does not lead from {asked} to {ours}")
        wrong += broken_links(folder, lint)
        names = (folder / "names.md").read_text(encoding="utf-8").count("\n- ")
    with tempfile.TemporaryDirectory() as name:
        said = lint_of_planted(pathlib.Path(name).resolve())
        wrong += [f"the lint does not say: {line}" for line in FOUND if line not in said]
        wrong += [f"the lint says too much: {line}" for line in said if line not in FOUND]
    print("\n".join(wrong))
    print(f"{len(headers)} headers, {names} names, {len(wrong)} things wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
