"""gdb looks into a program of Rondo's: its tasks, what they wait for, and all their awaits.

    (gdb) source /usr/share/rondo/gdb.py
    (gdb) rondo tasks        the tree of every loop's tasks, numbered
    (gdb) rondo bt 3         the awaits of task 3, with the address of each frame

On a live process and on a core, with or without debug information: the layout is read from
`rondo_debug_table`, which the library keeps in the program, and the kinds of waits from their RTTI. Where the
program has debug information, task, outcome, url, endpoint and headers are printed in words, too.
"""

import ipaddress
import re

import gdb

POINTER = 8
STATES = ("idle", "ready", "running", "waiting", "parked", "unwinding", "ended")
# What a wait says of itself (describe), by a part of its class's mangled name.
WAITS = (
    ("8get_waitI", "an item of a queue"), ("8put_waitE", "room in a queue"),
    ("11basic_queue.*9join_waitE", "a queue to be done"), ("9join_waitI", "a task's end"),
    ("5mutex9lock_wait", "a mutex"), ("9condition15wait_for_notify", "a condition"),
    ("9semaphore12acquire_wait", "a semaphore"), ("16capacity_limiter", "a capacity limiter"),
    ("5event6waiter", "an event"), ("7barrier", "a barrier"), ("10sleep_wait", "a time"),
    ("10group_wait", "a task group"), ("11shield_wait", "a shield"), ("12finally_wait", "a finally"),
    ("13deadline_wait", "a timeout"), ("10scope_wait", "a scope"), ("13branches_wait", "its branches"),
    ("10hedge_wait", "a hedge"), ("11signal_wait", "a signal"), ("11future_wait", "a future"),
    ("10start_wait", "a child to be ready"), ("9idle_wait", "everything else to be idle"),
    ("11select_waitI", "an item of one of several queues"), ("14broadcast_waitI", "an item of a broadcast"),
    ("9broadcastI.*9send_waitE", "room at the subscribers of a broadcast"), ("9pool_core4waitE", "a pool's place"),
    ("16thread_wait_base", "a thread"), ("rate_limiter12acquire_wait", "a rate limiter"),
    ("8bulkhead12acquire_wait", "a bulkhead"), ("11lookup_wait", "a lookup"),
    ("4http6detail4pool4waitE", "a connection of an HTTP client"),
)


def memory(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def number(address, size=POINTER):
    return int.from_bytes(memory(address, size), "little")


def text(address, limit=1000):
    if address == 0:
        return ""
    out = bytearray()
    while len(out) < limit:
        byte = memory(address + len(out), 1)
        if byte == b"\0":
            break
        out += byte
    return out.decode("utf-8", "replace")


class Table:
    """The library's table of offsets."""

    def __init__(self):
        self.at = self.address("rondo_debug_table")
        if memory(self.at, 13) != b"rondo-debug-1":
            raise gdb.GdbError("this program's Rondo is of another version than this script")
        self.offsets = {}
        self.read(self.at + 16)
        self.loops = self.at + 24 + 64 * 32
        try:
            self.read(self.address("rondo_debug_patterns") + 16)
        except gdb.GdbError:
            pass  # the program uses no patterns

    @staticmethod
    def address(symbol):
        try:
            return int(gdb.parse_and_eval(f"(unsigned long)&{symbol}"))
        except gdb.error as e:
            raise gdb.GdbError(f"this program has no symbol {symbol}: no Rondo, or it was stripped") from e

    def read(self, at):
        for i in range(number(at)):
            entry = at + 8 + i * 32
            self.offsets[text(entry)] = number(entry + 24)

    def __getitem__(self, name):
        return self.offsets[name]

    def __contains__(self, name):
        return name in self.offsets


class Rtti:
    """A class, from the type_info that its vtable leads to (Itanium C++ ABI, 2.9.5)."""

    def __init__(self, info):
        self.info = info
        self.name = text(number(info + POINTER)).lstrip("*")

    def bases(self):
        kind = text(number(number(number(self.info) - POINTER) + POINTER))
        if "__si_class" in kind:
            yield Rtti(number(self.info + 2 * POINTER)), 0
        elif "__vmi_class" in kind:
            for i in range(number(self.info + 2 * POINTER + 4, 4)):
                base = self.info + 3 * POINTER + i * 2 * POINTER
                yield Rtti(number(base)), number(base + POINTER) >> 8

    def find(self, part, offset=0):
        """The offset of the class whose mangled name has the part: this one, or a base; None."""
        if re.search(part, self.name):
            return offset
        for base, at in self.bases():
            found = base.find(part, offset + at)
            if found is not None:
                return found
        return None


class Wait:
    """What a job waits on."""

    def __init__(self, address):
        vtable = number(address)
        top = number(vtable - 2 * POINTER)
        self.whole = address + (top - (1 << 64) if top >> 63 else top)
        self.type = Rtti(number(vtable - POINTER))

    def part(self, name):
        offset = self.type.find(name)
        return None if offset is None else self.whole + offset

    def says(self, table):
        io = self.part("7io_waitE?$")
        if io is not None:
            gone = self.part("9gone_waitE?$") is not None
            kind = number(io + table["io.kind"], 1)
            words = "the peer to be gone" if gone else text(number(table["io.names"] + kind * POINTER))
            fd = int.from_bytes(memory(io + table["io.fd"], 4), "little", signed=True)
            return f"{words} on fd {fd}" if fd >= 0 else words
        for part, words in WAITS:
            if self.part(part) is not None:
                return words
        return "something"

    def children(self, table):
        """(job, role, where it was spawned)"""
        group = self.part("10group_waitE?$")
        scope = self.part("6detail10scope_waitE?$")
        branches = self.part("13branches_waitE?$")
        last = self.part("12finally_wait")
        if group is not None:
            if number(group + table["group.body_running"], 1):
                yield group + table["group.body"], "body", 0
            head = group + table["group.children"]
            for node in each_of_list(table, head):
                record = node - table["record.node"]
                yield record + table["record.job"], "child", record + table["record.spawned_at"]
        elif last is not None:
            cleaning = number(last + table["finally.cleaning"], 1)
            yield last + table["finally.cleanup" if cleaning else "finally.body"], \
                "cleanup" if cleaning else "body", 0
        elif scope is not None:
            yield number(scope + table["scope.child"]), "body", 0
        elif branches is not None and "branches.first" in table:
            branch = number(branches + table["branches.first"])
            while branch:
                job = branch + table["branch.job"]
                if STATES[number(job + table["job.state"], 1)] != "ended":
                    yield job, "branch", 0
                branch = number(branch + table["branch.next"])


def each_of_list(table, head):
    node = number(head + table["list.next"])
    while node != head:
        yield node
        node = number(node + table["list.next"])


class Place:
    """A std::source_location, as libstdc++ has it: a pointer to file, function, line."""

    def __init__(self, address):
        data = number(address) if address else 0
        self.path = text(number(data)) if data else ""
        self.function = short_name(text(number(data + POINTER))) if data else ""
        self.line = number(data + 2 * POINTER, 4) if data else 0

    def __str__(self):
        return f"{self.path.rsplit('/', 1)[-1]}:{self.line}"

    def is_library(self):
        return "rondo/runtime/" in self.path or "rondo/patterns/" in self.path


def short_name(function):
    """As rondo::detail::short_name."""
    function = function.split(" [")[0]
    before = function.split("(")[0]
    return function[before.rfind(" ") + 1:] if " " in before else function


class Program:
    """The loops and jobs, as inspect.cpp shows them."""

    def __init__(self):
        self.table = Table()
        self.jobs = []
        self.lines = []

    def loops(self):
        for i in range(256):
            loop = number(self.table.loops + i * POINTER)
            if loop:
                yield loop

    def awaits(self, job):
        """(place, frame) of each await that is the program's own, innermost first."""
        chain, promise = [], number(job + self.table["job.leaf"])
        while promise:
            chain.append((Place(promise + self.table["promise.awaiting"]), promise))
            promise = number(promise + self.table["promise.parent"])
        inner = next((i for i, (place, _) in enumerate(chain) if not place.is_library()), len(chain) - 1)
        return [(place, promise) for i, (place, promise) in enumerate(chain)
                if i >= inner and place.line and (i == inner or not place.is_library())]

    def names(self, loop):
        names, table = {}, number(loop + self.table["loop.names"])
        node = number(table + 2 * POINTER) if table else 0
        while node:
            names[number(node + POINTER)] = memory(number(node + 2 * POINTER), number(node + 3 * POINTER)).decode()
            node = number(node)
        return names

    def tree(self):
        for loop in self.loops():
            self.lines.append(f"loop {number(loop + self.table['loop.id'])}:")
            names = self.names(loop)
            main = number(loop + self.table["loop.main"])
            if main and self.state(main) != "ended":
                self.line(main, "main", 0, 1, names)
            for node in each_of_list(self.table, loop + self.table["loop.services"]):
                self.line(node - self.table["service.node"] + self.table["service.job"], "service", 0, 1, names)
        return "\n".join(self.lines)

    def state(self, job):
        return STATES[number(job + self.table["job.state"], 1)]

    def line(self, job, role, spawned_at, depth, names):
        self.jobs.append(job)
        out = f"{'  ' * depth}#{len(self.jobs)} {role}"
        if job in names:
            out += f' "{names[job]}"'
        spawned = Place(spawned_at)
        if spawned.line:
            out += f" (spawned at {spawned})"
        state = self.state(job)
        children = []
        if state == "waiting":
            wait = Wait(number(job + self.table["job.on"]))
            out += f": waiting for {wait.says(self.table)}"
            children = list(wait.children(self.table)) if depth < 100 else []
        else:
            out += f": {state}"
        chain = self.awaits(job) if state not in ("running", "ended") else []
        for i, (place, _) in enumerate(chain[:101]):
            out += f", in {place.function} at {place}" if i == 0 else \
                f"\n{'  ' * (depth + 1)}awaited in {place.function} at {place}"
        self.lines.append(out)
        for child, its_role, at in children:
            self.line(child, its_role, at, depth + 1, names)


class Rondo(gdb.Command):
    """Looks into a program of Rondo's: `rondo tasks`, `rondo bt N`."""

    def __init__(self):
        super().__init__("rondo", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        words = gdb.string_to_argv(argument)
        program = Program()
        tree = program.tree()
        if words == ["tasks"]:
            print(tree)
        elif len(words) == 2 and words[0] == "bt" and words[1].isdigit():
            which = int(words[1])
            if not 1 <= which <= len(program.jobs):
                raise gdb.GdbError(f"there are {len(program.jobs)} tasks: rondo tasks")
            for i, (place, promise) in enumerate(program.awaits(program.jobs[which - 1])):
                # A coroutine's frame begins with the addresses of what resumes and destroys it.
                print(f"#{i}  {place.function} at {place}, frame {promise - 16:#x}")
        else:
            raise gdb.GdbError("rondo tasks, or rondo bt N")


# --- printers, where the program has debug information ---


class TaskPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        frame = int(self.value["frame_"]["frame_"]["_M_fr_ptr"])
        if frame == 0:
            return "a task that is empty: awaited, or moved from"
        table = Table()
        place = Place(frame + 16 + table["promise.awaiting"])
        return f"a task of {place.function} at {place}"


def text_of(string):
    """A std::string's, whether or not gdb has a printer for those."""
    size = int(string["_M_string_length"])
    return string["_M_dataplus"]["_M_p"].string(length=size, encoding="latin-1") if size else ""


def outcome_words(value):
    content = str(value["content_"]).rpartition("::")[2]
    if content == "value":
        return f"an outcome: {value['value_']}"
    return {"cancelled": "an outcome: cancelled", "exception": "an outcome: an exception",
            "small": "an outcome: an error"}[content]


def endpoint_words(value):
    if str(value["kind_"]).endswith("unix_name"):
        return "unix:" + text_of(value["path_"])
    address, port = value["address_"], int(value["port_"])
    held = address["bytes_"]["_M_elems"]
    octets = bytes(int(held[i]) for i in range(16))
    if not address["v6_"]:
        return f"{ipaddress.IPv4Address(octets[:4])}:{port}"
    zone = int(address["zone_"])
    return f"[{ipaddress.IPv6Address(octets)}{f'%{zone}' if zone else ''}]:{port}"


def headers_words(value):
    return text_of(value["text_"]).removesuffix("\r\n").replace("\r\n", " | ")


class WordsPrinter:
    def __init__(self, value, words):
        self.value, self.words = value, words

    def to_string(self):
        return self.words(self.value)


WORDS = {
    "rondo::http::url": lambda value: text_of(value["text_"]),
    "rondo::http::headers": headers_words,
    "rondo::net::endpoint": endpoint_words,
}


def printer_of(value):
    name = str(value.type.strip_typedefs().unqualified())
    if re.match(r"rondo::task<.*>$", name):
        return TaskPrinter(value)
    if re.match(r"rondo::outcome<.*>$", name):
        return WordsPrinter(value, outcome_words)
    return WordsPrinter(value, WORDS[name]) if name in WORDS else None


gdb.pretty_printers.append(printer_of)
Rondo()
