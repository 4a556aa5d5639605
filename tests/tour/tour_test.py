#!/usr/bin/env python3
"""scripts/tour: it finds what is wrong with a chapter, each in a sentence. The chapters themselves are tests of their own.

usage: tour_test.py SOURCE_ROOT [unittest arguments]
"""

import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import tempfile
import typing
import unittest
import unittest.mock

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True

PAGE = """\
# 1. A first one

*Ten minutes.*

    clang++-19 -std=c++20 docs/tour/01_first/main.cpp -o one && ./one

## Questions first

1. What is 1.1?
"""
CHECK = """\
#include EXERCISE
#include <cstdio>
int main() {
  if (answer() == 42) return 0;
  std::puts("not yet: it is not 42");
  return 1;
}
"""


class Tour(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        loader = importlib.machinery.SourceFileLoader("tour", str(ROOT / "scripts/tour"))
        self.tour = importlib.util.module_from_spec(importlib.util.spec_from_loader("tour", loader))
        sys.modules["tour"] = self.tour
        loader.exec_module(self.tour)
        self.tour.ROOT, self.tour.TOUR = self.root, self.root / "docs/tour"
        self.tour.WORK, self.tour.SOLVED = self.root / "build", self.root / "build/solved.json"
        self.put("page.md", PAGE)
        self.put("main.cpp", '#include <cstdio>\nint main() { std::puts("12 turns"); }\n')
        self.put("expected.txt", "~7 turns\n")
        self.put("hints.md", "# Hints\n\n## 1.1\n\n- Think.\n- Think\n  again.\n")
        self.put("exercises/1_answer.hpp", "inline int answer() { return 41; }\n")
        self.put("solutions/1_answer.hpp", "inline int answer() { return 42; }\n")
        self.put("checks/1_answer.cpp", CHECK)

    def put(self, path: str, text: str) -> pathlib.Path:
        file = self.root / "docs/tour/01_first" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def chapter(self) -> typing.Any:
        return self.tour.chapter("1")

    def refused(self, sentence: str, fn: typing.Callable[..., None], *arguments: object) -> None:
        with self.assertRaises(self.tour.Failed) as caught:
            fn(*arguments)
        self.assertIn(sentence, str(caught.exception))

    def test_a_number_after_a_tilde_stands_for_any(self) -> None:
        as_expected = self.tour.as_expected
        self.assertIsNone(as_expected("took ~0.30 s, ~5 turns.\n", "took 12.25 s, 1,024 turns.\n"))
        self.assertIsNone(as_expected("at 127.0.0.1:PORT/x\n", "at 127.0.0.1:40123/x\n"))
        self.assertIn("+5 pages", as_expected("4 pages\n", "5 pages\n"))
        self.assertIn("+x turns", as_expected("~7 turns\n", "x turns\n"))
        self.assertIsNotNone(as_expected("a\n", "a\nb\n"))

    def test_a_count_that_is_shown_is_near_and_a_time_is_any(self) -> None:
        far_off = self.tour.far_off
        self.assertIsNone(far_off("~5 turns in ~0.30 s, ~99 % asleep\n", "8 turns in 12.5 s, 3 % asleep\n"))
        self.assertIsNone(far_off("at PORT, ~1,000 calls\n", "at 7, 1,999 calls\n"))
        self.assertIn("~74 is shown, and 267 was said", far_off("as ever\nby ~74 calls\n", "as ever\nby 267 calls\n"))
        self.assertIn("~5 is shown, and 2 was said", far_off("~5 seconds\n", "2 seconds\n"))
        self.put("expected.txt", "~5 turns\n")
        self.refused("~5 is shown, and 12 was said", self.tour.line_of_the_page_compiles, self.chapter())

    def test_a_good_chapter_passes(self) -> None:
        e = self.tour.exercise("1.1")
        self.tour.page_is_in_form(self.chapter())
        self.tour.line_of_the_page_compiles(self.chapter())
        self.tour.starter_fails(e)
        self.tour.solution_passes(e)
        self.assertEqual(e.hints(), ["Think.", "Think again."])

    def test_a_page_that_is_not_in_form(self) -> None:
        self.put("page.md", PAGE + "word " * 1500)
        self.refused("1500 at most", self.tour.page_is_in_form, self.chapter())
        self.put("page.md", PAGE + "*— [a](a)*\n" + "word " * 1500)
        self.refused("1500 at most", self.tour.page_is_in_form, self.chapter())
        self.put("page.md", PAGE.replace("## Questions first", "## Answers first"))
        self.refused("`## Questions first`", self.tour.page_is_in_form, self.chapter())
        self.put("page.md", PAGE.replace("1.1", "it"))
        self.refused("does not speak of exercise 1.1", self.tour.page_is_in_form, self.chapter())
        self.put("page.md", PAGE)
        self.put("more.hpp", "int x;\n" * 150 + "// a comment\n\n#include <x>\n")
        self.refused("151 lines of code", self.tour.page_is_in_form, self.chapter())

    def test_a_program_that_prints_something_else(self) -> None:
        self.put("expected.txt", "seven turns\n")
        self.refused("-seven turns\n+12 turns", self.tour.line_of_the_page_compiles, self.chapter())

    def test_a_program_that_fails_although_it_prints_the_right_thing(self) -> None:
        self.put("main.cpp", '#include <cstdio>\nint main() { std::puts("12 turns"); return 3; }\n')
        self.refused("exited with 3", self.tour.line_of_the_page_compiles, self.chapter())

    def test_a_starter_that_is_a_solution_or_says_nothing(self) -> None:
        e = self.tour.exercise("1.1")
        self.put("exercises/1_answer.hpp", "inline int answer() { return 42; }\n")
        self.refused("nothing to solve", self.tour.starter_fails, e)
        self.put("exercises/1_answer.hpp", "#include <cstdlib>\ninline int answer() { std::abort(); }\n")
        self.refused("was ended by SIGABRT without `not yet: `", self.tour.starter_fails, e)

    def test_a_solution_that_is_none(self) -> None:
        self.put("solutions/1_answer.hpp", "inline int answer() { return 43; }\n")
        self.refused("not yet: it is not 42", self.tour.solution_passes, self.tour.exercise("1.1"))

    def test_a_wrong_program_fails_as_its_first_line_says(self) -> None:
        body = '#include <cstdio>\nint main() { std::puts("told once"); return 1; }\n'
        self.tour.wrong_is_wrong(self.put("wrong.cpp", '// Wrong: exits with 1 and says "told once".\n' + body))
        for first, sentence in {
            '// Wrong: exits with 2 and says "told once".': "but it exited with 1",
            '// Wrong: exits with 1 and says "told twice".': "but it exited with 1",
            '// Wrong: is ended by SIGSEGV and says "told once".': "but it exited with 1",
            '// Wrong: the compiler says "no".': "is not refused as its first line says",
            "// It is wrong.": "says nothing that can be tried",
        }.items():
            self.refused(sentence, self.tour.wrong_is_wrong, self.put("wrong.cpp", first + "\n" + body))

    def test_a_proof_that_does_not_hold(self) -> None:
        self.tour.proof_holds(self.put("proof.cpp", "int main() {}\n"))
        leak = "int main() { int* p = new int[8]; delete[] p; return p[argc]; }\n".replace("main()", "main(int argc, char**)")
        self.refused("heap-use-after-free", self.tour.proof_holds, self.put("proof.cpp", leak))

    def test_a_program_on_rondo_has_one_other_include(self) -> None:
        self.assertIsNone(self.tour.twin(self.chapter()))
        self.refused("does not run on Rondo", self.tour.built_on_rondo, self.chapter())
        self.put("main.cpp", '#include "a.hpp"\n#include "own.hpp"  // on Rondo: "../stage/other.hpp"\nint main() {}\n')
        made = self.tour.twin(self.chapter()).read_text(encoding="utf-8")
        self.assertEqual(made, '#include "a.hpp"\n#include "../stage/other.hpp"\nint main() {}\n')

    def test_what_a_page_links_with_is_linked_with_all_of_its_chapter(self) -> None:
        self.assertEqual(self.tour.libraries(self.put("checks/2_x.cpp", "")), [])
        self.put("page.md", PAGE.replace("main.cpp -o", "main.cpp -lm -o"))
        self.assertEqual(self.tour.libraries(self.put("checks/2_x.cpp", "")), ["-lm"])
        self.tour.line_of_the_page_compiles(self.chapter())

    def test_a_program_that_cannot_run_here_is_skipped_and_says_why(self) -> None:
        body = '#include <cstdio>\nint main() { std::puts("SENTENCE"); return 77; }\n'
        skips = self.put("proof.cpp", body.replace("SENTENCE", "skipped: there is no ring"))
        with self.assertRaises(self.tour.Skipped) as caught:
            self.tour.proof_holds(skips)
        self.assertEqual(str(caught.exception), "there is no ring")
        self.refused("exited with 77", self.tour.proof_holds, self.put("proof.cpp", body))

    def test_a_brief_run_leaves_out_exercises(self) -> None:
        names = [name for name, _ in self.tour.tests_of(self.chapter())]
        self.assertIn("the starter of 1.1 fails its check", names)
        with unittest.mock.patch.object(self.tour, "BRIEF", True):
            brief = [name for name, _ in self.tour.tests_of(self.chapter())]
        self.assertEqual(brief, [name for name in names if "1.1" not in name])

    def test_a_map_that_is_wrong(self) -> None:
        page = self.root / "docs/tour/map.md"
        page.write_text("| `int main` in [a](01_first/main.cpp) |\n", encoding="utf-8")
        self.tour.map_is_true()
        page.write_text("| `void main` in [a](01_first/main.cpp) |\n", encoding="utf-8")
        self.refused("01_first/main.cpp has no `void main`", self.tour.map_is_true)

    def test_what_is_not_there_is_named(self) -> None:
        self.refused("there is no chapter 2; those there are: 1", self.tour.chapter, "2")
        self.refused("there is no exercise 1.2; chapter 1 has 1.1", self.tour.exercise, "1.2")
        self.refused("chapter 1 is the first", self.tour.diff, "1")

    def test_a_solved_exercise_has_a_tick_until_it_fails(self) -> None:
        good = str(self.root / "docs/tour/01_first/solutions/1_answer.hpp")
        with open(os.devnull, "w", encoding="utf-8") as nowhere, unittest.mock.patch("sys.stdout", nowhere):
            self.assertEqual(self.tour.check("1.1", good), 0)
            self.assertEqual(self.tour.solved(), {"1.1"})
            self.assertEqual(self.tour.check("1.1"), 1)
        self.assertEqual(self.tour.solved(), set())


if __name__ == "__main__":
    unittest.main()
