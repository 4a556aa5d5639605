#!/usr/bin/env python3
"""scripts/quote: what it makes, and what it refuses, each with a sentence that names the page and the pattern.

usage: quote_test.py SOURCE_ROOT [unittest arguments]
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import shutil
import sys
import tempfile
import typing
import unittest
from unittest import mock

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader("quote", str(ROOT / "scripts/quote"))


class Ended(typing.NamedTuple):
    status: int
    stdout: str


def run(*arguments: str) -> Ended:
    """The program in this process: a new one each time, without what it has read before."""
    quote = importlib.util.module_from_spec(importlib.util.spec_from_loader("quote", LOADER))
    sys.modules["quote"] = quote
    LOADER.exec_module(quote)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), mock.patch.object(sys, "argv", ["quote", *arguments]):
        status = quote.main()
    return Ended(status, out.getvalue())


LOOP = """\
void loop::turn() {
  ++turns_;
  if (stuck_) {
    report();
  }
}

void loop::stop() {
  stopped_ = true;
}
"""
PROGRAM = """\
int main() {
  // begin body
  run();
  // begin inner
  stop();
  // end inner
  // end body
}
"""
RESULTS = """{"suites": {"micro": {"rows": [
  {"name": "await/epoll", "value": {"median": 10.06}, "ratio": {"median": 0.77}, "counters": {"allocs": 0.0}}]}}}"""


class Quote(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.page = self.root / "docs/tour/01_first/page.md"
        self.put("meson.build", "")
        self.put("runtime/loop.cpp", LOOP)
        self.put("docs/tour/01_first/main.cpp", PROGRAM)
        self.put("docs/tour/01_first/expected.txt", "3 pages\n")
        self.put("bench/results/results.json", RESULTS)

    def put(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def quote(self, mode: str, page: pathlib.Path | None = None) -> Ended:
        return run(mode, str(page or self.page))

    def made(self, directive: str) -> str:
        self.page.write_text(f"Before.\n\n{directive}\n\nAfter.\n", encoding="utf-8")
        done = self.quote("--write")
        self.assertEqual(done.status, 0, done.stdout)
        self.assertEqual(self.quote("--check").status, 0)
        text = self.page.read_text(encoding="utf-8")
        head, tail = f"Before.\n\n{directive}\n", "\n\nAfter.\n"
        self.assertTrue(text.startswith(head) and text.endswith(tail), text)
        return text.removeprefix(head).removesuffix(tail)

    def refused(self, text: str, *sentences: str) -> None:
        self.page.write_text(text, encoding="utf-8")
        for mode in ("--check", "--write"):
            done = self.quote(mode)
            self.assertEqual(done.status, 1, done.stdout)
            for sentence in ("docs/tour/01_first/page.md:", *sentences):
                self.assertIn(sentence, done.stdout)
            self.assertEqual(self.page.read_text(encoding="utf-8"), text, "a refused page was changed")

    # --- what it makes

    def test_a_block_of_the_library_ends_where_its_braces_close_and_has_a_link(self) -> None:
        self.assertEqual(self.made("<!-- quote runtime/loop.cpp at `if (stuck_)` -->"),
                         "```cpp\nif (stuck_) {\n  report();\n}\n```\n\n"
                         "*— [runtime/loop.cpp](../../../runtime/loop.cpp)*")

    def test_a_statement_is_quoted_alone(self) -> None:
        self.assertIn("```cpp\n++turns_;\n```", self.made("<!-- quote runtime/loop.cpp at `++turns_` -->"))

    def test_so_many_lines_and_up_to_another(self) -> None:
        self.assertIn("++turns_;\nif (stuck_) {\n```",
                      self.made("<!-- quote runtime/loop.cpp at `++turns_` lines 2 -->"))
        self.assertIn("```cpp\n++turns_;\nif (stuck_) {\n  report();\n```",
                      self.made("<!-- quote runtime/loop.cpp at `++turns_` to `report` -->"))

    def test_dots_stand_for_anything_within_a_line(self) -> None:
        self.assertIn("stopped_ = true;", self.made("<!-- quote runtime/loop.cpp at `stopped_…;` -->"))

    def test_a_part_of_the_own_program_has_no_marks_and_no_link(self) -> None:
        self.assertEqual(self.made("<!-- quote main.cpp part body -->"), "```cpp\nrun();\nstop();\n```")

    def test_an_output(self) -> None:
        self.assertEqual(self.made("<!-- quote expected.txt -->"), "```text\n3 pages\n```")

    def test_rows_become_a_table(self) -> None:
        self.put("docs/tour/01_first/runs.csv", 'who,calls\nnobody,"1,000"\n')
        self.assertEqual(self.made("<!-- quote runs.csv -->"), "| who | calls |\n| --- | --: |\n| nobody | 1,000 |")

    def test_a_difference_between_chapters(self) -> None:
        self.put("docs/tour/02_second/main.cpp", PROGRAM.replace("run();", "walk();"))
        made = self.made("<!-- quote diff main.cpp docs/tour/02_second/main.cpp -->")
        self.assertTrue(made.startswith("```diff\n…\n"), made)
        self.assertIn("-  run();\n+  walk();", made)

    def test_a_measured_number(self) -> None:
        self.assertIn("It takes <!-- number micro await/epoll `{:.1f} ns` -->10.1 ns<!-- end -->.",
                      self.made_number("It takes <!-- number micro await/epoll `{:.1f} ns` -->?<!-- end -->.\n"))
        self.assertIn("-->0 allocations<!-- end -->", self.made_number(
            "<!-- number micro await/epoll#allocs `{:.0f} allocations` -->?<!-- end -->\n"))
        self.assertIn("-->0.77 ×<!-- end -->", self.made_number(
            "<!-- number micro await/epoll#ratio `{:.2f} ×` -->?<!-- end -->\n"))

    def made_number(self, text: str) -> str:
        self.page.write_text(text, encoding="utf-8")
        self.assertEqual(self.quote("--write").status, 0)
        return self.page.read_text(encoding="utf-8")

    def test_a_block_that_stands_is_replaced(self) -> None:
        self.page.write_text("<!-- quote runtime/loop.cpp at `++turns_` -->\n```cpp\nold\n```\n\n"
                             "*— [old](old)*\n\nAfter.\n", encoding="utf-8")
        self.assertEqual(self.quote("--write").status, 0)
        self.assertEqual(self.page.read_text(encoding="utf-8"),
                         "<!-- quote runtime/loop.cpp at `++turns_` -->\n```cpp\n++turns_;\n```\n\n"
                         "*— [runtime/loop.cpp](../../../runtime/loop.cpp)*\n\nAfter.\n")

    # --- what it refuses

    def test_a_pattern_that_matches_nothing(self) -> None:
        self.refused("<!-- quote runtime/loop.cpp at `loop::sleep` -->\n",
                     "`loop::sleep` matches nothing in runtime/loop.cpp")

    def test_a_pattern_that_matches_twice(self) -> None:
        self.refused("<!-- quote runtime/loop.cpp at `void loop::` -->\n",
                     "`void loop::` matches 2 lines of runtime/loop.cpp (1, 8), and must match one")

    def test_an_end_that_does_not_come(self) -> None:
        self.refused("<!-- quote runtime/loop.cpp at `loop::stop` to `report` -->\n",
                     "`report` matches nothing after `loop::stop` in runtime/loop.cpp")

    def test_a_file_that_is_not_there(self) -> None:
        self.refused("<!-- quote runtime/pool.cpp -->\n", "there is no runtime/pool.cpp")

    def test_a_part_that_is_not_marked(self) -> None:
        self.refused("<!-- quote main.cpp part head -->\n", "main.cpp has no one part head")

    def test_a_quotation_that_it_does_not_know(self) -> None:
        self.refused("<!-- quote main.cpp the best of it -->\n", "is no quotation that scripts/quote knows")

    def test_a_row_that_nobody_measured(self) -> None:
        self.refused("<!-- number micro await/kqueue `{}` -->1<!-- end -->\n", "0 rows await/kqueue in the suite micro")

    def test_code_that_is_no_quotation_in_the_tour(self) -> None:
        self.refused("```cpp\nint main() {}\n```\n", "this block is no quotation")

    def test_code_and_output_that_are_no_quotations_in_other_pages(self) -> None:
        page = self.root / "README.md"
        for block in ("```cpp\nint main() {}\n```\n", "```text\n3 pages\n```\n", "```\n3 pages\n```\n",
                      "It prints\n\n    3 pages, 0.3 s\n"):
            page.write_text(block, encoding="utf-8")
            done = self.quote("--check", page)
            self.assertEqual(done.status, 1, block)
            self.assertRegex(done.stdout, r"README\.md:\d: this block is no quotation")

    def test_but_not_commands_and_settings_and_lists(self) -> None:
        page = self.root / "README.md"
        page.write_text("    scripts/test     # all\n\nand\n\n    CC=clang ./run\n    more\n\n```sh\nls\n```\n\n"
                        "- a list\n\n    which goes on\n", encoding="utf-8")
        self.assertEqual(self.quote("--check", page).status, 0)
        self.assertEqual(self.quote("--typed", page).stdout, "0 quotations are true\n")

    def test_what_stays_is_listed_with_its_reason(self) -> None:
        page = self.root / "README.md"
        page.write_text("<!-- typed: a picture -->\n\n    A ──► B\n\n<!-- wrong, and compiles: it crashes -->\n"
                        "```cpp\nint main() {}\n```\n", encoding="utf-8")
        done = self.quote("--typed", page)
        self.assertEqual(done.status, 0)
        self.assertIn("README.md:3: a picture\nREADME.md:6: wrong, and compiles: it crashes\n", done.stdout)

    def test_a_block_that_does_not_end(self) -> None:
        self.refused("```sh\nls\n", "a block that does not end")

    # --- what has become untrue

    def stale(self, *sentences: str) -> None:
        done = self.quote("--check")
        self.assertEqual(done.status, 1, done.stdout)
        for sentence in ("docs/tour/01_first/page.md:3: ", *sentences):
            self.assertIn(sentence, done.stdout)
        self.assertEqual(self.quote("--write").status, 0)
        self.assertEqual(self.quote("--check").status, 0)

    def test_a_line_of_the_library_that_has_changed(self) -> None:
        self.made("<!-- quote runtime/loop.cpp at `void loop::turn` -->")
        self.put("runtime/loop.cpp", LOOP.replace("++turns_", "turns_ += 1"))
        self.stale("quote runtime/loop.cpp at `void loop::turn`", "-  ++turns_;\n", "+  turns_ += 1;\n")

    def test_an_output_that_has_changed(self) -> None:
        self.made("<!-- quote expected.txt -->")
        self.put("docs/tour/01_first/expected.txt", "4 pages\n")
        self.stale("quote expected.txt", "-3 pages\n", "+4 pages\n")

    def test_a_number_that_was_measured_again(self) -> None:
        self.made_number("A.\n\n<!-- number micro await/epoll `{:.1f} ns` -->10.1 ns<!-- end -->\n")
        self.put("bench/results/results.json", RESULTS.replace("10.06", "12"))
        self.stale("await/epoll is 12.0 ns, and the page says 10.1 ns")

    # --- the pages that are there

    def test_one_line_of_the_real_turn_changed_names_the_page(self) -> None:
        copy = self.root / "copy"
        for folder in ("docs", "runtime", "net", "examples", "bench/results", "http", "patterns"):
            shutil.copytree(ROOT / folder, copy / folder, symlinks=True)
        shutil.copy(ROOT / "meson.build", copy)
        page = copy / "docs/tour/README.md"
        self.assertEqual(self.quote("--check", page).status, 0)
        loop = copy / "runtime/loop.cpp"
        text = loop.read_text(encoding="utf-8")
        self.assertEqual(text.count("  ++turns_;\n"), 1)
        loop.write_text(text.replace("  ++turns_;\n", "  turns_ += 1;\n"), encoding="utf-8")
        done = self.quote("--check", page)
        self.assertEqual(done.status, 1)
        self.assertRegex(done.stdout, r"docs/tour/README\.md:\d+: .*runtime/loop\.cpp at `void loop::turn")


if __name__ == "__main__":
    unittest.main()
