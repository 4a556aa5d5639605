#!/usr/bin/env python3
"""Writes an llhttp.h that renames every llhttp_* identifier and includes the real header.

usage: rename.py OUTPUT REAL_HEADER SOURCE...
"""

import re
import sys


def main() -> None:
    output, header, *sources = sys.argv[1:]
    names: set[str] = set()
    for path in [header, *sources]:
        with open(path, encoding="utf-8") as file:
            names.update(re.findall(r"\bllhttp_\w+", file.read()))

    with open(output, "w", encoding="utf-8") as file:
        file.write("#pragma once\n\n#define LLHTTP_STRICT_MODE 1\n\n")
        for name in sorted(names):
            file.write(f"#define {name} rondo_{name}\n")
        file.write(f'\n#include "{header}"\n')


if __name__ == "__main__":
    main()
