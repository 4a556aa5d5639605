#!/usr/bin/env python3
"""Checks one rule over the text of the sources; prints each line that breaks it.

X
"""

import collections.abc
import fnmatch
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = ("runtime", "net", "http", "patterns", "testing")
Complaints = collections.abc.Iterator[str]

# What a layer may include besides itself. Tests, benches, examples and tools may include anything.
MAY_INCLUDE = {
    "runtime": set(),
    "net": {"runtime"},
    "http": {"runtime", "net"},
    "patterns": {"runtime"},
    "testing": {"runtime", "net"},
}
# Where http meets patterns: the client's ready-made resilience stack, the delays of an event source, and the server's
# limit of rates.
EXCEPTIONS = {f"http/{name}": {"patterns"}
              for name in ("resilience.hpp", "resilience.cpp", "event_source.hpp", "event_source.cpp", "rate_limit.hpp",
                           "rate_limit.cpp")}

# What a room (a sub-folder of a layer) may include besides itself: files of its layer's top by name, other rooms as
# "room/". A room that is not named here may include all of its layer. Every file of a layer may include its rooms.
VALUES = ("headers", "message", "limits", "errors", "event", "percent", "url")
ROOM_MAY_INCLUDE = {
    "http/wire": VALUES,
}
# Rooms that do not know each other.
STRANGERS = {("http/client", "http/server")}
# A room is included from its own layer; these from others too.
OPEN_ROOMS = {
    "runtime/reactor": {"net"},
    "runtime/core": {"net", "http", "patterns", "testing"},
    "runtime/inside": {"patterns"},
}

# Circles of files that include each other (a header and its source are one file), each with its excuse.
CIRCLES = ()

# Public headers that no umbrella includes, and why.
NOT_IN_AN_UMBRELLA = {
    "runtime/reactor_sim.hpp": "the former place of simulation.hpp",
    "runtime/submit.hpp": "brings <future>, an eighth of what <rondo/runtime.hpp> would cost",
    "http/json.hpp": "needs nlohmann-json, which Rondo does not",
    "testing/count_allocations.hpp": "defines operator new, in one file of a program",
}

# Other people's headers, and the layers whose .cpp files may include them. None may in a header.
THIRD_PARTY = {
    r"liburing": {"runtime"},
    r"openssl/": {"net", "http"},
    r"llhttp": {"http"},
    r"(zlib\.h|brotli/|zstd\.h|libpsl|idn2|nghttp2/)": {"net", "http"},
}
# Costly in every file of a user that includes us.
HEAVY_HEADERS = {"chrono", "functional", "iostream", "regex", "sstream", "thread"}
# Where durations come from.
LIGHT_CHRONO = "runtime/core/clock.hpp"


def files(*suffixes: str, folders: tuple[str, ...] = LAYERS) -> list[str]:
    """Tracked and new files, by path from the root; without git, whatever is there."""
    git = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *folders],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        paths = set(git.stdout.splitlines())
    else:
        paths = {str(p.relative_to(ROOT)) for folder in folders for p in (ROOT / folder).rglob("*")}
    return sorted(p for p in paths if p.endswith(suffixes) and (ROOT / p).is_file())


def lines(path: str) -> collections.abc.Iterator[tuple[int, str]]:
    text = (ROOT / path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, re.sub(r"//.*", "", line)


def includes(path: str) -> collections.abc.Iterator[tuple[int, str]]:
    for number, line in lines(path):
        if found := re.match(r"\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", line):
            yield number, found.group(1)


def directions() -> Complaints:
    for path in files(".hpp", ".cpp"):
        layer = path.split("/")[0]
        allowed = MAY_INCLUDE[layer] | EXCEPTIONS.get(path, set()) | {layer}
        for number, included in includes(path):
            found = re.match(r"(?:\.\./)*(?:rondo/)?(runtime|net|http|patterns|testing)(?:/|\.hpp$)", included)
            if found and found.group(1) not in allowed:
                yield f"{path}:{number}: {layer}/ must not include {included}"


def room_of(path: str) -> str:
    """"http/wire" of "http/wire/parser.hpp"; empty for a file at the top of its layer."""
    parts = path.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else ""


def rooms() -> Complaints:
    """The top of a layer is what users include; a room is how it works, and only its own layer's affair."""
    for path in files(".hpp", ".cpp"):
        layer, room = path.split("/")[0], room_of(path)
        for number, included in includes(path):
            included = included.removeprefix("rondo/")
            other_layer, other = included.split("/")[0], room_of(included)
            if other_layer not in LAYERS:
                continue
            if other and other_layer != layer and layer not in OPEN_ROOMS.get(other, set()):
                yield f"{path}:{number}: {included} is {other_layer}/'s own affair"
            if (room, other) in STRANGERS or (other, room) in STRANGERS:
                yield f"{path}:{number}: {room}/ does not know {other}/"
            if room in ROOM_MAY_INCLUDE and other_layer == layer and other != room:
                name = included.split("/", 1)[1].removesuffix(".hpp")
                if name not in ROOM_MAY_INCLUDE[room]:
                    yield f"{path}:{number}: {room}/ must not include {included}"
    for path in files(".hpp", ".cpp", folders=("examples", "tests/consume", "tests/subproject")):
        for number, included in includes(path):
            if included.startswith("rondo/") and room_of(included.removeprefix("rondo/")):
                yield f"{path}:{number}: users include no room: {included}"


def circles() -> Complaints:
    """Files that include each other can only be understood together."""
    graph: dict[str, set[str]] = {}
    for path in files(".hpp", ".cpp"):
        edges = graph.setdefault(path.rsplit(".", 1)[0], set())
        edges |= {i.removeprefix("rondo/").removesuffix(".hpp") for _, i in includes(path)
                  if i.removeprefix("rondo/").split("/")[0] in LAYERS}
    reached = {file: reachable(graph, file) for file in graph}
    seen: set[str] = set()
    for file in sorted(graph):
        circle = {other for other in reached[file] if file in reached.get(other, set())} - {file}
        if circle and file not in seen:
            circle |= {file}
            seen |= circle
            if tuple(sorted(circle)) not in CIRCLES:
                yield "a circle: " + ", ".join(sorted(circle))
    for circle in CIRCLES:
        if not set(circle) <= seen:
            yield "this circle is cut, and need not be excused any more: " + ", ".join(circle)


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    to_see = list(graph[start] - {start})
    while to_see:
        if (file := to_see.pop()) not in found:
            found.add(file)
            to_see += graph.get(file, set())
    return found


def umbrellas() -> Complaints:
    """A header at the top of a layer is in the layer's umbrella."""
    for layer in LAYERS:
        umbrella = {included for _, included in includes(f"include/rondo/{layer}.hpp")}
        public = {path for path in files(".hpp", folders=(layer,)) if not room_of(path)}
        for path in sorted(public - NOT_IN_AN_UMBRELLA.keys()):
            if f"rondo/{path}" not in umbrella:
                yield f"{path}: a public header that <rondo/{layer}.hpp> does not include"
        for included in sorted(umbrella):
            if room_of(included.removeprefix("rondo/")):
                yield f"include/rondo/{layer}.hpp: {included} is no public header"


def widths() -> Complaints:
    """A line longer than 100 columns; characters, not bytes."""
    for path in files(".hpp", ".cpp", folders=LAYERS + ("include", "tests", "bench", "examples", "tools", "docs")):
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
            if len(line) > 100 and "http://" not in line and "https://" not in line:
                yield f"{path}:{number}: {len(line)} columns"


def third_party() -> Complaints:
    for path in files(".hpp", ".cpp"):
        layer = path.split("/")[0]
        for number, included in includes(path):
            for pattern, layers in THIRD_PARTY.items():
                if not re.match(pattern, included):
                    continue
                if path.endswith(".hpp"):
                    yield f"{path}:{number}: {included} belongs in a .cpp file"
                elif layer not in layers:
                    yield f"{path}:{number}: {layer}/ must not include {included}"


def headers_rules() -> Complaints:
    for path in files(".hpp"):
        if not any(line.strip() == "#pragma once" for _, line in lines(path)):
            yield f"{path}: no #pragma once"
        for number, line in lines(path):
            if re.match(r"\s*#\s*define\b", line):
                yield f"{path}:{number}: a macro in a public header"
        for number, included in includes(path):
            if included in HEAVY_HEADERS and path != LIGHT_CHRONO:
                light = f"; {LIGHT_CHRONO} does not" if included == "chrono" else ""
                yield f"{path}:{number}: <{included}> costs every user's build{light}"


# Dropping one is no mistake: the child runs on; what was refused is no program.
MAY_BE_DROPPED = {"join_handle", "refused"}
CLASS = re.compile(
    r"\b(?:class|struct)\s+(\[\[[^\]]*\]\]\s*)?((?:\w+(?:<[^{};:]*>)?::)*(\w+))(?:\s+final)?\s*:(?!:)([^{};]+)\{")


def awaitables() -> Complaints:
    """A type that can be awaited, unless others are derived from it, says that dropping it is a mistake."""
    classes = []
    for path in files(".hpp", ".cpp"):
        text = "\n".join(line for _, line in lines(path))
        for found in CLASS.finditer(text):
            bases = set(re.findall(r"\w+", re.sub(r"<[^<>]*>", "", found.group(4))))
            number = text.count("\n", 0, found.start()) + 1
            classes.append((f"{path}:{number}", found.group(1) or "", found.group(3), bases))
    awaited, more = {"awaitable_tag"}, True
    while more:
        names = {name for _, _, name, bases in classes if bases & awaited} - {"waiter"}
        more = not names <= awaited
        awaited |= names
    bases_of_others = set().union(*(bases for _, _, _, bases in classes))
    for place, attributes, name, bases in classes:
        if bases & awaited and name not in bases_of_others | MAY_BE_DROPPED:
            if 'nodiscard("' not in attributes:
                yield f"{place}: {name} is awaited: [[nodiscard(\"without co_await nothing happens\")]]"


def raw_calls() -> Complaints:
    """Descriptors are closed by the reactor, numbers are parsed by functions that see every error."""
    parse = re.compile(r"\b(ato(?:i|l|ll|f)|strto(?:l|ul|ll|ull|d|f|ld)|sto(?:i|l|ul|ll|ull|d)|sscanf)\s*\(")
    close = re.compile(r"(?:^|[^\w>])::\s*close\s*\(|(?:^|[;{}()=!,]|\breturn)\s*close\s*\([^)]")
    for path in files(".hpp", ".cpp"):
        if path.split("/")[0] not in ("net", "http"):
            continue
        for number, line in lines(path):
            if found := parse.search(line):
                yield f"{path}:{number}: {found.group(1)} hides errors; use std::from_chars"
            if close.search(line):
                yield f"{path}:{number}: raw close; the reactor closes descriptors"


def named(path: str) -> bool:
    """Whether a meson.build above a file names it: by its path from there, or by its bare name."""
    file = pathlib.PurePath(path)
    for folder in file.parents:
        build = ROOT / folder / "meson.build"
        if build.exists():
            text = build.read_text(encoding="utf-8")
            if f"'{file.relative_to(folder)}'" in text or f"'{file.stem}'" in text:
                return True
    return False


def lists() -> Complaints:
    """A file that no meson.build names is neither built nor run nor installed."""
    programs = files(".cpp", folders=("tests", "bench", "examples", "tools", "docs/cookbook"))
    for path in files(".hpp", ".cpp") + programs:
        # What must not compile is taken by tests/negative/run.sh, all of the folder.
        if not named(path) and not str(path).startswith("tests/negative/"):
            yield f"{path}: no meson.build names it"
    for path in files("main.cpp", folders=("docs/tour",)):
        if f"'{path.split('/')[2]}'" not in (ROOT / "docs/tour/meson.build").read_text(encoding="utf-8"):
            yield f"{path}: docs/tour/meson.build does not name its chapter"


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|<(?:img|a) [^>]*(?:src|href)=\"([^\"]+)\"")


def prose(path: str) -> collections.abc.Iterator[tuple[int, str]]:
    """The lines of a page that are not in a block of code, and without what is code in them."""
    in_block = False
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            in_block = not in_block
        elif not in_block and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "", line)


def anchor_of(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"`", "", heading)).strip().lower().replace(" ", "-")


def links() -> Complaints:
    """A link of a page leads to a file that is there, and to a heading that it has."""
    for path in files(".md", folders=(".",)):
        for number, line in prose(path):
            for found in LINK.finditer(line):
                target, _, anchor = (found.group(1) or found.group(2)).partition("#")
                if re.match(r"[a-z]+:", target):
                    continue  # of the net, which a lint does not ask
                file = (ROOT / path).parent / target if target else ROOT / path
                if not file.exists():
                    yield f"{path}:{number}: there is no {target}"
                elif anchor and file.suffix == ".md":
                    page = str(file.resolve().relative_to(ROOT))
                    headings = [line.lstrip("#") for line in file.read_text(encoding="utf-8").splitlines()
                                if line.startswith("#")]
                    if anchor not in map(anchor_of, headings):
                        yield f"{path}:{number}: {page} has no heading #{anchor}"


def first(pattern: str, path: str) -> str:
    """What the pattern's first group finds in a file."""
    found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else "nothing"


def versions() -> Complaints:
    """One version everywhere; and every public header brings <rondo/version.hpp>, which makes the linker compare."""
    version = first(r"^  version: '([\d.]+)',$", "meson.build")
    major, minor, patch = (int(number) for number in version.split("."))
    header = "include/rondo/version.hpp"
    for path, pattern, wanted in (
        (header, r"^#define RONDO_VERSION (\d+)$", str(major * 10_000 + minor * 100 + patch)),
        (header, r"^inline namespace version_(\w+) \{$", version.replace(".", "_")),
        ("debian/changelog", r"^rondo \(([\d.]+)-\d+\) ", version),
    ):
        if (found := first(pattern, path)) != wanted:
            yield f"{path}: has {found} where meson.build's version {version} makes it {wanted}"
    graph = {f"rondo/{path}": {i for _, i in includes(path)} for path in files(".hpp")}
    for path in sorted(graph):
        public = not room_of(path.removeprefix("rondo/"))
        if public and "rondo/version.hpp" not in reachable(graph, path):
            yield f"{path}: does not lead to <rondo/version.hpp>"


def cmake() -> Complaints:
    """CMakeLists.txt has the sources that the layers' meson.build have, those of a feature apart from the rest."""
    always: set[str] = set()
    sometimes: set[str] = set()
    for layer in LAYERS:
        text = (ROOT / layer / "meson.build").read_text(encoding="utf-8")
        for block in re.finditer(r"_sources (\+?=) files\((.*?)\)", text, re.DOTALL):
            names = {f"{layer}/{name}" for name in re.findall(r"'([\w/]+\.cpp)'", block.group(2))}
            if block.group(1) == "=":
                always |= names
            else:
                sometimes |= names
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    library = re.search(r"add_library\(rondo STATIC\n(.*?)\)", text, re.DOTALL)
    source = re.compile(r"\b(?:" + "|".join(LAYERS) + r")/[\w/]+\.cpp")
    in_library = set(source.findall(library.group(1))) if library else set()
    for what, meson, here in (
        ("always built", always, in_library),
        ("built for a feature", sometimes, set(source.findall(text)) - in_library),
    ):
        yield from (f"CMakeLists.txt: {path} is {what}, and missing" for path in sorted(meson - here))
        yield from (f"CMakeLists.txt: {path} is not {what} by meson" for path in sorted(here - meson))


# Options of meson that are for those who work on Rondo, not for those who link it.
NOT_FOR_USERS = {"tools", "tests", "test_optimization", "benches", "peers", "examples", "fuzz", "fuzz_seconds"}


def options() -> Complaints:
    """What meson lets a user choose, CMake does too: RONDO_ZLIB for zlib, wanting the same package of the same version,
    and with the same default. README.md says the same of the three files."""
    defaults = {"'auto'": "AUTO", "'disabled'": "OFF", "'enabled'": "ON", "true": "ON", "false": "OFF"}
    meson = (ROOT / "meson_options.txt").read_text(encoding="utf-8")
    offered = {}
    for name, value in re.findall(r"option\('(\w+)'.*?\bvalue: ('\w+'|\w+)", meson, re.DOTALL):
        if name not in NOT_FOR_USERS:
            offered[name.upper()] = defaults.get(value, value)
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    here = dict(re.findall(r'^option\(RONDO_(\w+) "[^"]*" (\w+)\)$', cmake, re.MULTILINE))
    features = re.search(r"^foreach\(feature ([\w ]+)\)\n  set\(RONDO_\$\{feature\} (\w+) ", cmake, re.MULTILINE)
    here |= dict.fromkeys(features.group(1).split(), features.group(2)) if features else {}
    for name in sorted(offered.keys() | here.keys()):
        if offered.get(name) != here.get(name):
            yield (f"CMakeLists.txt: RONDO_{name} is {here.get(name, 'missing')}, where meson's option is "
                   f"{offered.get(name, 'missing')}")
    build = (ROOT / "meson.build").read_text(encoding="utf-8")
    wanted = {macro: module + least for module, least, macro in
              re.findall(r"\['\w+', '(\w+)', '(>=[\d.]+)', '(\w+)'\]", build)}
    wanted |= {"TLS": module + least for module, least in
               re.findall(r"openssl_dep = dependency\('(\w+)',.*?version: '(>=[\d.]+)'", build)}
    found = dict(re.findall(r'^rondo_feature\((\w+) "([^"]+)"', cmake, re.MULTILINE))
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"CMakeLists.txt: {name} wants {found.get(name)}, where meson.build wants {wanted.get(name)}"
    package = (ROOT / "debian/rules").read_text(encoding="utf-8")
    enabled = {name.upper() for name in re.findall(r"-D(\w+)=enabled", package)}
    for name in sorted(wanted.keys() - enabled):
        yield f"debian/rules: the package has {name.lower()} only if its library happens to be there"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files_alone = re.search(r"Leave out what you do not want of RONDO_HAVE_([\w, \n]+?) and (\w+)", readme)
    told = {name.strip().lstrip("_") for name in ",".join(files_alone.groups()).split(",")} if files_alone else set()
    if told != found.keys():
        yield f"README.md: of RONDO_HAVE_… it names {sorted(told)}, where CMakeLists.txt has {sorted(found)}"


# Who may name standard error: the log's default, what gives it to the program, what a caller names.
MAY_NAME_STDERR = {"runtime/log.cpp", "net/standard_streams.cpp", "runtime/inspect.hpp"}


def stderr() -> Complaints:
    """Whatever the library has to say goes through the log's sink (runtime/log.hpp)."""
    writes = re.compile(r"\b(?:stderr|STDERR_FILENO|cerr|clog|perror|psignal)\b|\bwrite\s*\(\s*2\s*,|\bdprintf\s*\(")
    for path in files(".hpp", ".cpp", folders=("runtime", "net", "http", "patterns")):
        for number, line in lines(path):
            code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)
            if path not in MAY_NAME_STDERR and (found := writes.search(code)):
                yield f"{path}:{number}: {found.group(0)}: the log is for that (rondo::detail::log)"


def one_version() -> Complaints:
    """A case of HTTP runs over every version, unless it is named with the reason why not."""
    listed = "tests/http/one_version.txt"
    reasons = {}
    for number, line in enumerate((ROOT / listed).read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                yield f"{listed}:{number}: {name} has no reason"
            reasons[name] = number
    used = set()
    for path in files(".cpp", folders=("tests/conformance",)):
        if not path.startswith("tests/conformance/http_"):
            continue
        for number, line in lines(path):
            if not (found := re.match(r"(CONFORMANCE|EVERY_VERSION)(?:_RUNS)?\((\w+), (\w+)\)", line)):
                continue
            name = f"{found.group(2)}.{found.group(3)}"
            excused = {pattern for pattern in reasons if fnmatch.fnmatchcase(name, pattern)}
            if found.group(1) == "CONFORMANCE" and not excused:
                yield f"{path}:{number}: {name} runs over one version: EVERY_VERSION, or a reason in {listed}"
            if found.group(1) == "CONFORMANCE":
                used |= excused
    for name in sorted(reasons.keys() - used):
        yield f"{listed}:{reasons[name]}: no case of one version is called {name}"


def mutants() -> Complaints:
    """What a mutant changes stands once in its file, and each part of its filter names a test (tests/mutants/mutants.py)."""
    sys.path.insert(0, str(ROOT / "tests/mutants"))
    from mutants import MUTANTS, Failure, broken, cases_of, is_named
    cases = [case for path in files(".cpp", folders=("tests",)) for case in cases_of(ROOT / path)]
    for mutant in MUTANTS:
        try:
            broken(mutant, (ROOT / mutant.file).read_text(encoding="utf-8"))
        except (OSError, Failure) as error:
            yield f"tests/mutants/mutants.py: {error}"
        for one in mutant.tests.split(":"):
            if not any(is_named(case, one) for case in cases):
                yield f"tests/mutants/mutants.py: no test is called {one}"


ATTRIBUTE = re.compile(r"\[\[[^\]]*\]\] ?")
OPENS = re.compile(r"namespace ?([\w:]*) ?\{$")
# What a line at the margin defines: a type, or the name before `(`, `=`, `[`, `{` or `;`.
DEFINES = re.compile(r"(?:class|struct|enum class|enum|union) (\w+)|"
                     r"(?!using |template|friend |extern |return |static_assert)\w[^=;(]*?[ &*>](\w+)(?:\(|\s*=|\[|;|\{)")


def unnamed(path: str) -> dict[tuple[str, str], int]:
    """What a source defines in its unnamed namespaces: the namespace around them and the name, and in which line."""
    found: dict[tuple[str, str], int] = {}
    spaces: list[str] = []
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        line = ATTRIBUTE.sub("", line)
        if opens := OPENS.match(line):
            spaces.append(opens[1])
        elif line.startswith("}  // namespace") and spaces:
            spaces.pop()
        elif "" in spaces and (defines := DEFINES.match(line)):
            around = "::".join(space for space in spaces if space)
            found.setdefault((around, defines[1] or defines[2]), number)
    return found


def unnamed_names() -> Complaints:
    """Two unnamed namespaces in the same namespace, or in one around it, do not share a name: where many sources are
    compiled as one, the other's may be called, and no compiler objects."""
    known: dict[str, list[tuple[str, str, int]]] = {}
    for path in files(".cpp"):
        for (around, name), number in unnamed(path).items():
            for other, other_path, other_number in known.get(name, []):
                inner, outer = sorted((around, other), key=len, reverse=True)
                if other_path != path and f"{inner}::".startswith(f"{outer}::"):
                    yield f"{path}:{number}: {name} is in {other_path}:{other_number}, too"
            known.setdefault(name, []).append((around, path, number))


RULES = {
    "directions": directions,
    "rooms": rooms,
    "circles": circles,
    "umbrellas": umbrellas,
    "widths": widths,
    "third-party": third_party,
    "headers-rules": headers_rules,
    "awaitables": awaitables,
    "raw-calls": raw_calls,
    "lists": lists,
    "cmake": cmake,
    "options": options,
    "versions": versions,
    "links": links,
    "stderr": stderr,
    "one-version": one_version,
    "mutants": mutants,
    "unnamed-names": unnamed_names,
}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in RULES:
        print(__doc__, file=sys.stderr)
        return 2
    complaints = list(RULES[sys.argv[1]]())
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
