"""How the rows of a run belong together: sections of the page, and in them groups of rows that measure one
thing of several programs, each of which is a plot.

The rows of a group are those called "suite:group/who". Who beats Rondo in a group is said first of all on
the page.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Group:
    rows: str  # what their names begin with
    title: str  # of its plot
    logarithmic: bool = False

    @property
    def file(self) -> str:
        return self.rows.partition(":")[2].replace("/", "_") + ".svg"


@dataclasses.dataclass(frozen=True)
class Section:
    title: str
    text: str
    suites: tuple[str, ...]
    groups: tuple[Group, ...] = ()


SECTIONS = (
    Section(
        "Single operations", "What a step of a task costs, in user space, on one core.",
        ("micro_peers", "micro"),
        (Group("micro_peers:await_ready_child", "Await a child that finishes at once", True),
         Group("micro_peers:yield_1000_tasks", "Let the others run, one of 1,000 tasks", True),
         Group("micro_peers:spawn_and_join", "Spawn a task and join it", True),
         Group("micro_peers:queue_hop", "An item through a queue of ten", True),
         Group("micro_peers:gather_10000", "Gather 10,000 ready tasks, each", True),
         Group("micro_peers:cancel_frame", "Cancel a task ten frames deep, a frame", True),
         Group("micro_peers:timers_1e6/schedule", "Schedule one of a million timers"),
         Group("micro_peers:timers_1e6/cancel", "Cancel one of a million timers"),
         Group("micro_peers:sleep_100000_for_300ms", "100,000 sleeps of 300 ms, together", True))),
    Section(
        "Echo over TCP",
        "The server on one core, the load on the other. The limit programs are plain C that does nothing but "
        "the system calls: what the kernel takes is the floor.",
        ("echo", "churn"),
        (Group("echo:echo_1", "Echo over 1 connection: server CPU a round trip"),
         Group("echo:echo_64", "Echo over 64 connections: server CPU a round trip"),
         Group("echo:echo_512", "Echo over 512 connections: server CPU a round trip"),
         Group("churn:churn", "Connections that live for one echo: server CPU each"))),
    Section("Bulk", "1 GiB from the server on one core to the load on the other.", ("bulk",),
            (Group("bulk:bulk", "1 GiB in writes of 64 KiB"),)),
    Section("HTTP client", "One nginx on one core, the client on the other.", ("http_client", "http_unix", "delay"),
            (Group("http_client:http_client", "HTTP clients on one nginx: client CPU a request", True),
             Group("http_unix:http_unix", "HTTP clients on one nginx over a Unix socket: client CPU a request",
                   True))),
    Section(
        "HTTP server", "The server on one core, the load on the other.",
        ("http_server", "http_files", "http_loops", "latency"),
        (Group("http_server:http_server_wrk", "HTTP servers under wrk: requests a second"),
         Group("http_server:http_server_h2load", "HTTP servers under h2load: requests a second"),
         Group("http_server:http_server_wrk_pipelined", "The same with 16 requests at once on each connection"),
         Group("http_files:http_files_1k", "A file of 1 KiB: server CPU a request"),
         Group("http_files:http_files_1m", "A file of 1 MiB: server CPU a request"),
         Group("latency:latency", "99 % of the answers within, at 10,000 requests a second"))),
    Section(
        "HTTP/2", "In clear, the server on one core, the load on the other.", ("http2",),
        (Group("http2:http2_100", "64 connections, 100 requests at once on each: requests a second"),
         Group("http2:http2_1", "The same, one at once: server CPU a request"),
         Group("http2:http2_client", "A client with 100 at once on one connection: client CPU a request"))),
    Section(
        "WebSocket", "The server on one core, the load on the other. raw is Rondo's echo without WebSockets.",
        ("websocket", "websocket_broadcast"),
        (Group("websocket:websocket_64", "Echo of 64 B over 64 connections: server CPU a message", True),
         Group("websocket:websocket_16x", "The same with 16 messages under way on each", True),
         Group("websocket:websocket_1m", "Echo of 1 MiB over 4 connections", True),
         Group("websocket_broadcast:websocket_broadcast", "A message to 10,000: server CPU for each of them"))),
    Section("The load generator", "What `rondo load` says, against what wrk and h2load say.",
            ("load_check",)),
    Section("TLS", "The server on one core, the load on the other.", ("tls",),
            (Group("tls:tls_handshakes", "TLS handshakes a second of the server's CPU"),
             Group("tls:tls_bulk", "Bytes over TLS a second of the server's CPU"))),
    Section("Inside another loop", "The loop with its timer and Rondo on one core, the server on the other.",
            ("embedded",)),
    Section("Memory of what waits", "In user space: the kernel's share of a socket is not in it.",
            ("sleepers", "idle", "idle_streams", "idle_websocket"),
            (Group("idle:idle", "An idle HTTP connection, of 10,000"),)),
    Section("Building", "Wall time, on both cores.", ("build", "programs"),
            (Group("programs:compile_hello", "Compile a task and a sleep"),
             Group("programs:compile_client_tls", "Compile an HTTPS client"),
             Group("programs:compile_server", "Compile an HTTP server"),
             Group("programs:size_hello", "A task and a sleep, stripped"),
             Group("programs:size_client_tls", "An HTTPS client, stripped"),
             Group("programs:size_server", "An HTTP server, stripped"))),
)
GROUPS = tuple(g for section in SECTIONS for g in section.groups)

HIGHER_IS_BETTER = {"k/s", "GiB/s", "/s"}
# Peers that win by less than this are within the noise of every run seen so far.
CLEARLY = 0.03


def members(group: Group, document: dict) -> dict[str, dict]:
    """The group's rows that have a value, by who they are of."""
    suite, _, name = group.rows.partition(":")
    rows = document["suites"].get(suite, {"rows": []})["rows"]
    return {r["name"].removeprefix(name + "/"): r for r in rows
            if r["name"].startswith(name + "/") and r["value"]}


def is_rondo(who: str) -> bool:
    return who.startswith("rondo")


def is_peer(who: str) -> bool:
    """Limit programs and what is written by hand for the comparison are no peers."""
    return not (is_rondo(who) or who.startswith(("limit", "hand-written")) or who.endswith("again"))


def compares(group: Group, document: dict) -> bool:
    rows = members(group, document)
    return any(map(is_rondo, rows)) and any(map(is_peer, rows))


def beaten(group: Group, document: dict) -> str:
    """Which peers are clearly better than Rondo, on one of its reactors or on both; empty for none."""
    rows = members(group, document)
    own = {who: r for who, r in rows.items() if is_rondo(who) and not who.endswith("again")}
    won = [f"{who} {value_of(peer)}" for who, peer in rows.items()
           if is_peer(who) and any(_clearly_better(peer, r) for r in own.values())]
    if not won:
        return ""
    beside = ", ".join(f"{who} {value_of(r)}" for who, r in own.items())
    return f"{group.title}: {', '.join(won)} ({beside})"


def _clearly_better(peer: dict, own: dict) -> bool:
    ratio = peer["value"]["median"] / own["value"]["median"]
    return ratio > 1 + CLEARLY if own["unit"] in HIGHER_IS_BETTER else ratio < 1 - CLEARLY


def number(x: float) -> str:
    if abs(x) >= 100:
        return f"{x:,.0f}"
    return f"{x:.3g}" if abs(x) >= 0.005 else "0"


def value_of(row: dict) -> str:
    return f"{number(row['value']['median'])} {row['unit']}"
