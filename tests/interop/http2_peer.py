"""A client of HTTP/2 that keeps to the rules frame by frame, or breaks one of them: what RFC 9113 and RFC 7541 say of each,
and what attacks are known. Told where a server is, it tries every case and prints a line for each that went wrong.

usage: http2_peer.py [--seconds N] HOST PORT [CASE...]      (needs python3-hpack)

The server answers GET /hello with a text, echoes POST /echo, streams GET /much without end, has a GET /wait that
never answers, and tells at GET /memory how many bytes it holds, and how many it keeps for the next who needs them.
Beside each case another connection asks for /hello. For each attack a line says how long its answers took meanwhile
(p99), and how much memory the server holds afterwards more than before: once the attacker has gone it is to be what it
was (MEMORY_SLACK). With --seconds each attack is made again and again for so long, because one alone is over before
the other connection has asked ten times.
"""

import argparse
import collections.abc
import multiprocessing
import socket
import struct
import sys
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, HAS_PRIORITY, ACK = 0x1, 0x4, 0x8, 0x20, 0x1
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

HOST, PORT = "", 0
# What malloc's own habits make of the same state.
MEMORY_SLACK = 128 * 1024
# Until what an attacker has left is gone: a server reads on for a while behind its last word.
MEMORY_WAIT = 10.0


class Frame:
    def __init__(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    def code(self) -> int:
        return struct.unpack(">I", self.payload[4:8] if self.kind == GOAWAY else self.payload[:4])[0]


class Closed(Exception):
    """The server has closed the connection."""


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Peer:
    """One connection. What is sent is bytes as they are; what comes is taken apart."""

    def __init__(self, greet: bool = True, settings: bytes = b"") -> None:
        self.socket = socket.create_connection((HOST, PORT), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.encoder.header_table_size = 0  # the same bytes wherever they stand
        self.peer_max_streams = None
        if greet:
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings))
            first = self.receive()
            assert first.kind == SETTINGS and first.flags == 0, "the first frame is no SETTINGS"
            for at in range(0, len(first.payload), 6):
                key, value = struct.unpack(">HI", first.payload[at:at + 6])
                if key == MAX_CONCURRENT_STREAMS:
                    self.peer_max_streams = value
            self.send(frame(SETTINGS, ACK, 0))

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            # What it said before that can still be there.
            if not self.buffer and not self.readable():
                raise Closed from e

    def readable(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.buffer += self.socket.recv(1 << 16)
        except OSError:
            pass
        finally:
            self.socket.settimeout(10)
        return bool(self.buffer)

    def read(self, count: int) -> bytes:
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError as e:
                raise Closed from e
            if not more:
                raise Closed
            self.buffer += more
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def receive(self) -> Frame:
        head = self.read(9)
        size = struct.unpack(">I", b"\0" + head[:3])[0]
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        got = Frame(kind, flags, stream, self.read(size))
        if got.kind == HEADERS:
            got.fields = dict(self.decoder.decode(got.payload))
        return got

    def head(self, method: str = "GET", path: str = "/hello", *more: tuple[str, str]) -> bytes:
        return self.encoder.encode([(":method", method), (":scheme", "http"), (":path", path), (":authority", "a"), *more])

    def get(self, stream: int, path: str = "/hello") -> None:
        self.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, self.head(path=path)))

    def post(self, stream: int, *more: tuple[str, str]) -> None:
        self.send(frame(HEADERS, END_HEADERS, stream, self.head("POST", "/echo", *more)))

    # --- what is expected ---

    def answer(self, stream: int) -> tuple[str, bytes]:
        """The status and body; everything else that comes is passed over."""
        status, body = "", b""
        while True:
            got = self.receive()
            if got.kind == GOAWAY:
                raise AssertionError(f"GOAWAY with code {got.code()}")
            if got.stream != stream:
                continue
            if got.kind == RST_STREAM:
                raise AssertionError(f"RST_STREAM with code {got.code()}")
            if got.kind == HEADERS and got.fields[":status"] != "100":
                status = got.fields[":status"]
            if got.kind == DATA:
                body += got.payload
            if got.flags & END_STREAM and got.kind in (HEADERS, DATA):
                return status, body

    def is_alive(self) -> None:
        self.send(frame(PING, 0, 0, b"is there"))
        while True:
            got = self.receive()
            assert got.kind != GOAWAY, f"GOAWAY with code {got.code()}"
            if got.kind == PING and got.flags & ACK and got.payload == b"is there":
                return

    def connection_error(self, *codes: int) -> None:
        """GOAWAY with one of these, and then the end."""
        said = None
        try:
            while True:
                got = self.receive()
                if got.kind == GOAWAY and got.code() != NO_ERROR:
                    said = got.code()
        except Closed:
            pass
        assert said is not None, "the connection was closed without a word"
        assert said in codes, f"GOAWAY with code {said} where {codes} was due"

    def stream_error(self, stream: int, *codes: int) -> None:
        """RST_STREAM with one of these, and the connection goes on."""
        while True:
            try:
                got = self.receive()
            except Closed:
                raise AssertionError("the connection was closed") from None
            if got.kind == GOAWAY:
                raise AssertionError(f"GOAWAY with code {got.code()} where RST_STREAM was due")
            if got.kind == RST_STREAM and got.stream == stream:
                assert got.code() in codes, f"RST_STREAM with code {got.code()} where {codes} was due"
                break
            assert got.stream != stream or got.kind not in (HEADERS, DATA), "an answer where RST_STREAM was due"
        self.is_alive()

    def either_error(self, stream: int, *codes: int) -> None:
        """RST_STREAM or GOAWAY."""
        while True:
            got = self.receive()
            if got.kind == GOAWAY or (got.kind == RST_STREAM and got.stream == stream):
                assert got.code() in codes, f"code {got.code()} where {codes} was due"
                return


CASES: dict[str, collections.abc.Callable[[], None]] = {}


def case(name: str):
    def add(run):
        assert name not in CASES, name
        CASES[name] = run
        return run
    return add


def refused(name: str, *codes: int, settings: bytes = b""):
    """fn(peer) sends what breaks a rule of the connection."""
    def add(run):
        def whole() -> None:
            p = Peer(settings=settings)
            try:
                run(p)
            except Closed:
                pass
            p.connection_error(*codes)
        CASES[name] = whole
        return run
    return add


def reset(name: str, *codes: int):
    """fn(peer) sends on stream 1 what breaks a rule of a stream."""
    def add(run):
        def whole() -> None:
            p = Peer()
            run(p)
            p.stream_error(1, *codes)
        CASES[name] = whole
        return run
    return add


def answered(name: str, status: str = "200", settings: bytes = b""):
    """fn(peer) asks on stream 1 in an unusual way."""
    def add(run):
        def whole() -> None:
            p = Peer(settings=settings)
            run(p)
            got, _ = p.answer(1)
            assert got == status, f"status {got}"
            p.is_alive()
        CASES[name] = whole
        return run
    return add


def setting(key: int, value: int) -> bytes:
    return struct.pack(">HI", key, value)


# --- 3.4: the preface ---

@case("3.4 a preface that is none")
def _() -> None:
    p = Peer(greet=False)
    p.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(SETTINGS, 0, 0))
    try:
        while p.receive().kind != GOAWAY:
            pass
    except (Closed, TimeoutError):
        return


@case("3.4 no SETTINGS behind the preface")
def _() -> None:
    p = Peer(greet=False)
    p.send(PREFACE + frame(PING, 0, 0, b"12345678"))
    p.connection_error(PROTOCOL_ERROR)


@case("3.4 the server's first frame is SETTINGS")
def _() -> None:
    Peer().is_alive()


# --- 4.1 to 4.3: frames ---

@case("4.1 an unknown frame is ignored")
def _() -> None:
    p = Peer()
    p.send(frame(0xEE, 0xFF, 0, b"what") + frame(0xEE, 0, 7, b""))
    p.is_alive()


@case("4.1 undefined flags are ignored")
def _() -> None:
    p = Peer()
    p.send(frame(PING, 0xFE, 0, b"12345678"))
    p.is_alive()


@case("4.1 a reserved bit is ignored")
def _() -> None:
    p = Peer()
    p.send(frame(PING, 0, 0x80000000, b"12345678"))
    p.is_alive()


@answered("4.2 DATA of 2^14 bytes")
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, END_STREAM, 1, b"x" * 16384))


@case("4.2 DATA larger than was allowed")
def _() -> None:
    p = Peer()
    p.post(1)
    p.send(frame(DATA, END_STREAM, 1, b"x" * 16385))
    p.either_error(1, FRAME_SIZE_ERROR)


@refused("4.2 HEADERS larger than was allowed", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.head("GET", "/hello", ("x", "y" * 20000)) + b"\0" * 16385))


@refused("4.3 a block that is no HPACK", COMPRESSION_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40\x01a\x01"))


@refused("4.3 PRIORITY within a block", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM, 1, p.head()) + frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"))


@refused("4.3 another stream's HEADERS within a block", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM, 1, p.head()))
    p.get(3)


# --- 5.1: states ---

for kind, payload in ((DATA, b"x"), (RST_STREAM, struct.pack(">I", CANCEL)), (WINDOW_UPDATE, struct.pack(">I", 100)),
                      (CONTINUATION, b"")):
    @refused(f"5.1 idle: frame {kind}", PROTOCOL_ERROR)
    def _(p: Peer, kind: int = kind, payload: bytes = payload) -> None:
        p.send(frame(kind, END_HEADERS if kind == CONTINUATION else 0, 1, payload))


@case("5.1 idle: PRIORITY is taken")
def _() -> None:
    p = Peer()
    p.send(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"))
    p.is_alive()


@refused("5.1 half closed: DATA", STREAM_CLOSED)
def _(p: Peer) -> None:
    p.get(1, "/wait")
    p.send(frame(DATA, END_STREAM, 1, b"x"))


@refused("5.1 half closed: HEADERS", STREAM_CLOSED)
def _(p: Peer) -> None:
    p.get(1, "/wait")
    p.get(1)


@refused("5.1 half closed: CONTINUATION", STREAM_CLOSED, PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.get(1, "/wait")
    p.send(frame(CONTINUATION, END_HEADERS, 1, b""))


@case("5.1 half closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are taken")
def _() -> None:
    p = Peer()
    p.get(1, "/wait")
    p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)) + frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"))
    p.send(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
    p.is_alive()


for first in ("RST_STREAM", "END_STREAM"):
    for kind, payload, codes in ((DATA, b"x", (STREAM_CLOSED,)), (HEADERS, None, (STREAM_CLOSED,)),
                                 (CONTINUATION, b"", (STREAM_CLOSED, PROTOCOL_ERROR))):
        @refused(f"5.1 closed by {first}: frame {kind}", *codes)
        def _(p: Peer, first: str = first, kind: int = kind, payload: bytes | None = payload) -> None:
            if first == "RST_STREAM":
                p.send(frame(HEADERS, END_HEADERS, 1, p.head("POST", "/echo")))
                p.send(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
            else:
                p.get(1)
                p.answer(1)
            p.send(frame(kind, END_HEADERS | (END_STREAM if kind != CONTINUATION else 0), 1,
                         p.head() if payload is None else payload))


@case("5.1 closed: PRIORITY, WINDOW_UPDATE and RST_STREAM are taken")
def _() -> None:
    p = Peer()
    p.get(1)
    p.answer(1)
    p.send(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)))
    p.send(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))
    p.is_alive()


@refused("5.1.1 an even number", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.get(2)


@refused("5.1.1 a smaller number", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.get(5)
    p.get(3)


@case("5.1.2 more streams than are taken")
def _() -> None:
    p = Peer()
    assert p.peer_max_streams is not None
    for n in range(p.peer_max_streams + 1):
        p.get(2 * n + 1, "/wait")
    p.either_error(2 * p.peer_max_streams + 1, PROTOCOL_ERROR, REFUSED_STREAM)


@case("5.3.1 HEADERS that depends on itself")
def _() -> None:
    p = Peer()
    p.send(frame(HEADERS, END_STREAM | END_HEADERS | HAS_PRIORITY, 1, struct.pack(">IB", 1, 255) + p.head()))
    p.either_error(1, PROTOCOL_ERROR)


@case("5.4.1 the connection is closed after GOAWAY")
def _() -> None:
    p = Peer()
    p.send(frame(DATA, 0, 0, b"x"))
    p.connection_error(PROTOCOL_ERROR)


@refused("5.5 an unknown frame within a block", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM, 1, p.head()) + frame(0xEE, 0, 1, b"x"))


# --- 6: each frame ---

@refused("6.1 DATA on stream 0", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(DATA, END_STREAM, 0, b"x"))


@refused("6.1 DATA with more padding than there is", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, END_STREAM | PADDED, 1, b"\x06Test!"))


@answered("6.1 DATA with padding")
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, END_STREAM | PADDED, 1, b"\x06Test" + b"\0" * 6))


@refused("6.2 HEADERS on stream 0", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.get(0)


@refused("6.2 HEADERS with more padding than there is", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    block = p.head()
    p.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, bytes([min(255, len(block) + 1)]) + block))


@answered("6.2 HEADERS with padding and a priority")
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED | HAS_PRIORITY, 1,
                 b"\x04" + struct.pack(">IB", 0, 15) + p.head() + b"\0" * 4))


@refused("6.3 PRIORITY on stream 0", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(PRIORITY, 0, 0, b"\0\0\0\0\x10"))


@case("6.3 PRIORITY of four bytes")
def _() -> None:
    p = Peer()
    p.post(1)
    p.send(frame(PRIORITY, 0, 1, b"\0\0\0\0"))
    p.either_error(1, FRAME_SIZE_ERROR)


@refused("6.4 RST_STREAM on stream 0", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(RST_STREAM, 0, 0, struct.pack(">I", CANCEL)))


@refused("6.4 RST_STREAM of three bytes", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(RST_STREAM, 0, 1, b"\0\0\0"))


@refused("6.5 SETTINGS ACK with a payload", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.send(frame(SETTINGS, ACK, 0, setting(ENABLE_PUSH, 0)))


@refused("6.5 SETTINGS on a stream", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(SETTINGS, 0, 1, setting(MAX_CONCURRENT_STREAMS, 100)))


@refused("6.5 SETTINGS of three bytes", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.send(frame(SETTINGS, 0, 0, b"\0\x03\0"))


for key, value, code in ((ENABLE_PUSH, 2, PROTOCOL_ERROR), (INITIAL_WINDOW_SIZE, 0x80000000, FLOW_CONTROL_ERROR),
                         (MAX_FRAME_SIZE, 16383, PROTOCOL_ERROR), (MAX_FRAME_SIZE, 16777216, PROTOCOL_ERROR)):
    @refused(f"6.5.2 setting {key} of {value}", code)
    def _(p: Peer, key: int = key, value: int = value) -> None:
        p.send(frame(SETTINGS, 0, 0, setting(key, value)))


@case("6.5.2 an unknown setting is ignored")
def _() -> None:
    p = Peer()
    p.send(frame(SETTINGS, 0, 0, setting(0xFF, 1)))
    p.is_alive()


@case("6.5.3 the last of two values counts, and is acknowledged")
def _() -> None:
    p = Peer()
    p.send(frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 100) + setting(INITIAL_WINDOW_SIZE, 1)))
    p.get(1)
    acknowledged = False
    while True:
        got = p.receive()
        acknowledged |= got.kind == SETTINGS and got.flags == ACK
        if got.kind == DATA:
            assert len(got.payload) == 1 and acknowledged
            return


@refused("6.6 PUSH_PROMISE from a client", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 3) + p.head()))


@case("6.7 PING with ACK is no question")
def _() -> None:
    p = Peer()
    p.send(frame(PING, ACK, 0, b"unasked!") + frame(PING, 0, 0, b"question"))
    while True:
        got = p.receive()
        if got.kind == PING:
            assert got.payload == b"question"
            return


@refused("6.7 PING on a stream", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(PING, 0, 1, b"12345678"))


@refused("6.7 PING of six bytes", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.send(frame(PING, 0, 0, b"123456"))


@refused("6.8 GOAWAY on a stream", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(GOAWAY, 0, 1, struct.pack(">II", 0, NO_ERROR)))


@refused("6.9 WINDOW_UPDATE of nothing", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0)))


@case("6.9 WINDOW_UPDATE of nothing on a stream")
def _() -> None:
    p = Peer()
    p.post(1)
    p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 0)))
    p.either_error(1, PROTOCOL_ERROR)


@refused("6.9 WINDOW_UPDATE of three bytes", FRAME_SIZE_ERROR)
def _(p: Peer) -> None:
    p.send(frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"))


@case("6.9.1 a window of one byte is kept to")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 1))
    p.get(1)
    while (got := p.receive()).kind != DATA:
        pass
    assert len(got.payload) == 1
    p.is_alive()  # and nothing more
    p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 100)))
    assert p.answer(1)[1] == b"ello\n"


@refused("6.9.1 the connection's window overflows", FLOW_CONTROL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2)


@reset("6.9.1 a stream's window overflows", FLOW_CONTROL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 0x7FFFFFFF)) * 2)


@case("6.9.2 the initial window is changed while a stream is open")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 0))
    p.get(1)
    p.is_alive()
    p.send(frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 1)))
    while (got := p.receive()).kind != DATA:
        pass
    assert len(got.payload) == 1


@case("6.9.2 a window may be negative")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 3))
    p.get(1)
    while (got := p.receive()).kind != DATA:
        pass
    assert len(got.payload) == 3
    p.send(frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 2)) + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 2)))
    while (got := p.receive()).kind != DATA:
        pass
    assert len(got.payload) == 1


@answered("6.10 CONTINUATION in several frames")
def _(p: Peer) -> None:
    block = p.head("GET", "/hello", ("x", "y"))
    p.send(frame(HEADERS, END_STREAM, 1, block[:5]) + frame(CONTINUATION, 0, 1, block[5:9]))
    p.send(frame(CONTINUATION, END_HEADERS, 1, block[9:]))


@refused("6.10 CONTINUATION on stream 0", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM, 1, p.head()) + frame(CONTINUATION, END_HEADERS, 0, b""))


@refused("6.10 CONTINUATION behind a whole block", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_HEADERS, 1, p.head("POST", "/echo")) + frame(CONTINUATION, END_HEADERS, 1, b""))


@refused("6.10 CONTINUATION behind DATA", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, 0, 1, b"x") + frame(CONTINUATION, END_HEADERS, 1, b""))


# --- 7 and 8 ---

@case("7 unknown codes are taken")
def _() -> None:
    p = Peer()
    p.post(1)
    p.send(frame(RST_STREAM, 0, 1, struct.pack(">I", 0xFF)))
    p.is_alive()


@reset("8.1 trailers that do not end the stream", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, 0, 1, b"x") + frame(HEADERS, END_HEADERS, 1, p.encoder.encode([("x", "y")])))


@answered("8.1 trailers")
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(DATA, 0, 1, b"x") + frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode([("x", "y")])))


GOOD = [(":method", "GET"), (":scheme", "http"), (":path", "/hello"), (":authority", "a")]
for what, fields in {
    "8.2.1 a name in upper case": [*GOOD, ("X-Test", "y")],
    "8.2.1 a name with a space": [*GOOD, ("x y", "y")],
    "8.2.1 an empty name": [*GOOD, ("", "y")],
    "8.2.1 a value with CR and LF": [*GOOD, ("x", "a\r\nb: c")],
    "8.2.1 a value with NUL": [*GOOD, ("x", "a\0b")],
    "8.2.1 a value that begins with a space": [*GOOD, ("x", " a")],
    "8.2.2 connection": [*GOOD, ("connection", "keep-alive")],
    "8.2.2 transfer-encoding": [*GOOD, ("transfer-encoding", "chunked")],
    "8.2.2 te": [*GOOD, ("te", "gzip")],
    "8.3 an unknown pseudo-header": [*GOOD, (":test", "y")],
    "8.3 a response's pseudo-header": [*GOOD, (":status", "200")],
    "8.3 a pseudo-header behind a field": [*GOOD[:3], ("x", "y"), GOOD[3]],
    "8.3.1 an empty path": [GOOD[0], GOOD[1], (":path", ""), GOOD[3]],
    "8.3.1 no method": GOOD[1:],
    "8.3.1 no scheme": [GOOD[0], *GOOD[2:]],
    "8.3.1 no path": [*GOOD[:2], GOOD[3]],
    "8.3.1 two methods": [GOOD[0], *GOOD],
    "8.3.1 two schemes": [*GOOD[:2], *GOOD[1:]],
    "8.3.1 two paths": [*GOOD[:3], *GOOD[2:]],
    "8.3.1 two authorities": [*GOOD, GOOD[3]],
}.items():
    @reset(what, PROTOCOL_ERROR)
    def _(p: Peer, fields: list[tuple[str, str]] = fields) -> None:
        p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode(fields)))


@answered("8.3.1 Host that is not the authority", "400")
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode([*GOOD, ("host", "b")])))


@answered("8.3.1 Host alone")
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode([*GOOD[:3], ("host", "a")])))


@answered("8.2.2 te: trailers")
def _(p: Peer) -> None:
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode([*GOOD, ("te", "trailers")])))


@reset("8.3 a pseudo-header in trailers", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.encoder.encode([(":method", "GET")])))


@reset("8.1.1 a content-length that is not the body's", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1, ("content-length", "1"))
    p.send(frame(DATA, END_STREAM, 1, b"test"))


@reset("8.1.1 a content-length that is not the bodies'", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    p.post(1, ("content-length", "1"))
    p.send(frame(DATA, 0, 1, b"te") + frame(DATA, END_STREAM, 1, b"st"))


# --- HPACK (RFC 7541) ---

for what, block in {
    "HPACK 2.3.3 an index that is not there": b"\xff\x80\x01",
    "HPACK 4.2 a size update at the end": b"\x82\x86\x84\x41\x01a\x20",
    "HPACK 5.2 padding of more than seven bits": b"\x82\x86\x84\x41\x01a\x40\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    "HPACK 5.2 padding that is no EOS": b"\x82\x86\x84\x41\x01a\x40\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
    "HPACK 5.2 EOS itself": b"\x82\x86\x84\x41\x01a\x40\x85\xf2\xb2\x4a\x84\xff\x87\xff\xff\xff\xff\x5e\x0d\xff",
    "HPACK 6.1 index 0": b"\x80",
    "HPACK 6.3 a table larger than was allowed": b"\x3f\xe1\x7f\x82\x86\x84\x41\x01a",
}.items():
    @refused(what, COMPRESSION_ERROR)
    def _(p: Peer, block: bytes = block) -> None:
        p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block))


# --- attacks ---

def flood(p: Peer, piece: bytes, most: int) -> None:
    """Sends it again and again, and reads nothing, until the server has had enough."""
    for _ in range(most):
        try:
            p.send(piece)
        except (Closed, TimeoutError):
            return


@refused("attack: rapid reset", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    stream = 1
    for _ in range(100):
        piece = b""
        for _ in range(50):
            piece += frame(HEADERS, END_STREAM | END_HEADERS, stream, p.head(path="/wait"))
            piece += frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
            stream += 2
        p.send(piece)


for what, payload in (("CONTINUATION without end", b"\x82"), ("empty CONTINUATION without end", b"")):
    @refused(f"attack: {what}", ENHANCE_YOUR_CALM)
    def _(p: Peer, payload: bytes = payload) -> None:
        p.send(frame(HEADERS, END_STREAM, 1, p.head()))
        flood(p, frame(CONTINUATION, 0, 1, payload), 100)


@refused("attack: a flood of PING, and nothing is read", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    flood(p, frame(PING, 0, 0, b"12345678") * 1000, 3000)


@refused("attack: a flood of SETTINGS, and nothing is read", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    flood(p, frame(SETTINGS, 0, 0) * 1000, 3000)


@refused("attack: a flood of empty DATA", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.post(1)
    flood(p, frame(DATA, 0, 1) * 1000, 3000)


@refused("attack: a flood of PRIORITY", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    flood(p, frame(PRIORITY, 0, 1, b"\0\0\0\0\x10") * 1000, 3000)


@refused("attack: SETTINGS of a thousand entries", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.send(frame(SETTINGS, 0, 0, setting(0xFF, 1) * 1000))


@refused("attack: a bomb of headers", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    bomb = b"\x82\x86\x84\x41\x01a" + b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 10000
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb))


@refused("attack: a flood of PING, whose answers are read", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.is_alive()
    size = len(frame(PING, 0, 0, b"12345678"))  # GOAWAY has as many bytes, and is the last
    for _ in range(3000):
        p.send(frame(PING, 0, 0, b"12345678") * 1000)
        if p.readable():
            p.buffer = p.buffer[max(0, len(p.buffer) // size - 1) * size:]


@refused("attack: a flood of WINDOW_UPDATE", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.get(1, "/wait")
    flood(p, (frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) + frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1))) * 500,
          3000)


@refused("attack: a flood of DATA that is padding", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.post(1)
    flood(p, frame(DATA, PADDED, 1, b"\xff" + b"\0" * 255) * 100, 3000)


@refused("attack: a flood of frames that nobody knows", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    flood(p, frame(0xEE, 0, 0, b"x" * 100) * 100, 3000)


@refused("attack: a window that overflows", FLOW_CONTROL_ERROR)
def _(p: Peer) -> None:
    for n in range(50):
        p.get(2 * n + 1, "/much")
    p.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFFFFFF)) * 2)


@refused("attack: frames behind END_STREAM, while fifty wait", STREAM_CLOSED)
def _(p: Peer) -> None:
    for n in range(50):
        p.get(2 * n + 1, "/wait")
    p.send(frame(DATA, 0, 1, b"x" * 16000))


@refused("attack: a smaller number, while fifty wait", PROTOCOL_ERROR)
def _(p: Peer) -> None:
    for n in range(50):
        p.get(4 * n + 5, "/wait")
    p.get(3)


@answered("attack: a bomb of cookies", "431")
def _(p: Peer) -> None:
    bomb = b"\x82\x86\x84\x41\x01a" + b"\x60\x03a=b" + b"\xbe" * 10000
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb))


@refused("attack: a bomb of trailers", ENHANCE_YOUR_CALM)
def _(p: Peer) -> None:
    p.post(1)
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1,
                 b"\x3f\xe1\x1f" + b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 10000))


@case("attack: a hundred downloads that nobody reads")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 0x7FFFFFFF))
    p.send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7FFF0000 - 65535)))
    for n in range(100):
        p.get(2 * n + 1, "/much")
    time.sleep(0.1)


@case("attack: a hundred uploads that never end")
def hundred_uploads() -> None:
    p = Peer()
    for n in range(100):
        p.post(2 * n + 1)
        p.send(frame(DATA, 0, 2 * n + 1, b"x" * 10000))
    p.is_alive()


@case("attack: prefaces that are never finished")
def _() -> None:
    half = [Peer(greet=False) for _ in range(50)]
    for n, p in enumerate(half):
        p.send((PREFACE + frame(SETTINGS, 0, 0))[:n % 32 + 1])
    time.sleep(0.05)


@case("attack: GOAWAY at each moment")
def _() -> None:
    goaway = frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR))
    encode = Peer().head
    moments = (
        frame(HEADERS, END_HEADERS, 1, encode("POST", "/echo")),
        frame(HEADERS, END_STREAM | END_HEADERS, 3, encode(path="/much")),
        frame(DATA, 0, 1, b"first"),
        frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1000)),
        frame(RST_STREAM, 0, 3, struct.pack(">I", CANCEL)),
        frame(DATA, 0, 1, b"second"),
        frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 100)),
        frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x00\x01x\x01y"),
    )
    for at in range(len(moments) + 1):
        p = Peer()
        p.send(b"".join(moments[:at]) + goaway + b"".join(moments[at:]))
        if at > 0:  # what was open before goes on
            assert p.answer(1) == ("200", b"firstsecond"), f"behind frame {at}"


# MadeYouReset: ways to have the server reset streams (CVE-2025-8671).
MADE = {
    "a window update of nothing": lambda s: frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 0)),
    "a name in upper case": lambda s: frame(HEADERS, END_STREAM | END_HEADERS, s, b"\x00\x01X\x01y"),
    "a pseudo-header in trailers": lambda s: frame(HEADERS, END_STREAM | END_HEADERS, s, b"\x82"),
    "a window that overflows": lambda s: frame(WINDOW_UPDATE, 0, s, struct.pack(">I", 0x7FFFFFFF)),
    "a content-length that is not true": lambda s: frame(DATA, END_STREAM, s, b"abc"),
    "trailers that do not end": lambda s: frame(HEADERS, END_HEADERS, s, b"\x00\x01x\x01y"),
}
for what, make in MADE.items():
    @refused(f"attack: made you reset by {what}", ENHANCE_YOUR_CALM, PROTOCOL_ERROR)
    def _(p: Peer, make=make) -> None:
        stream = 1
        for _ in range(60):
            piece = b""
            for _ in range(50):
                piece += frame(HEADERS, END_HEADERS, stream, p.head("POST", "/echo", ("content-length", "1")))
                piece += make(stream)
                stream += 2
            p.send(piece)
            p.readable()


@case("attack: a window of nothing holds nothing but its stream")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 0))
    for n in range(50):
        p.get(2 * n + 1, "/much")
    p.is_alive()


@case("attack: a window of one byte, one at a time")
def _() -> None:
    p = Peer(settings=setting(INITIAL_WINDOW_SIZE, 1))
    p.get(1, "/much")
    for _ in range(200):
        p.send(frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1)))
    p.is_alive()


@case("attack: settings are lowered while streams are open")
def _() -> None:
    p = Peer()
    for n in range(20):
        p.get(2 * n + 1, "/much")
    p.send(frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE, 0) + setting(HEADER_TABLE_SIZE, 0)))
    p.get(101)
    p.is_alive()


@case("honest: a hundred cancellations a second are no attack")
def _() -> None:
    p = Peer()
    for n in range(200):
        p.get(2 * n + 1, "/wait")
        p.send(frame(RST_STREAM, 0, 2 * n + 1, struct.pack(">I", CANCEL)))
        time.sleep(0.01)
    p.is_alive()


@case("honest: GOAWAY lets open streams end")
def _() -> None:
    p = Peer()
    p.post(1)
    p.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR)) + frame(DATA, END_STREAM, 1, b"last words"))
    assert p.answer(1) == ("200", b"last words")


class Asking:
    """One request after another on a connection; on another when the server has had enough of it."""

    def __init__(self) -> None:
        self.peer, self.stream = Peer(), 1

    def ask(self, path: str) -> bytes:
        if self.stream > 2 * 5000:  # the server takes 10,000
            self.peer, self.stream = Peer(), 1
        self.peer.get(self.stream, path)
        status, body = self.peer.answer(self.stream)
        assert status == "200", f"status {status}"
        self.stream += 2
        return body


class Memory(Asking):
    """What the server holds."""

    kept = 0

    def held(self) -> int:
        held, self.kept = map(int, self.ask("/memory").split())
        return held

    def settles_at(self, most: int) -> int:
        """What it holds as soon as that is no more than so much, or in the end."""
        until = time.monotonic() + MEMORY_WAIT
        while (held := self.held()) > most and held > 0 and time.monotonic() < until:
            time.sleep(0.005)
        return held


def warm_up() -> None:
    """As many streams at once as there can be: what the server keeps for the next of them, it has."""
    for path in ("/wait", "/much", "/hello"):
        p = Peer()
        for n in range(100):
            p.get(2 * n + 1, path)
        p.is_alive()
    hundred_uploads()


class Bystander:
    """Asks on a connection of its own, in a process of its own, as long as the cases run."""

    def __init__(self) -> None:
        self.stop = multiprocessing.Event()
        self.ours, self.its = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self.ask_on, daemon=True)
        self.process.start()

    def ask_on(self) -> None:
        times: list[tuple[float, float]] = []  # when it was asked, and how long it took
        failed = ""
        try:
            asking = Asking()
            while not self.stop.is_set():
                begun = time.monotonic()
                assert asking.ask("/hello") == b"hello\n"
                times.append((begun, time.monotonic() - begun))
                time.sleep(0.005)
        except Exception as e:  # pylint: disable=broad-except
            failed = f"{type(e).__name__} {e}"
        self.its.send((times, failed))

    def end(self) -> tuple[list[tuple[float, float]], str]:
        self.stop.set()
        result = self.ours.recv()
        self.process.join()
        return result


def percentile(times: list[float]) -> str:
    ordered = sorted(times)
    if not ordered:
        return "no answer in so short a time"
    return (f"{len(ordered)} answers, p99 {ordered[len(ordered) * 99 // 100] * 1000:.1f} ms, "
            f"slowest {ordered[-1] * 1000:.1f} ms")


def main() -> int:
    global HOST, PORT
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0, help="make each attack again and again for so long")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    arguments = parser.parse_args()
    HOST, PORT = arguments.host, arguments.port
    names = arguments.cases or list(CASES)
    bystander = Bystander()
    memory = Memory()
    warm_up()
    time.sleep(0.05)
    at_the_start = memory.held()
    failed = 0
    attacks: list[tuple[str, float, float, int, int]] = []
    for name in names:
        begun = time.monotonic()
        try:
            CASES[name]()
            while name.startswith("attack") and time.monotonic() < begun + arguments.seconds:
                CASES[name]()
            held = memory.settles_at(at_the_start + MEMORY_SLACK)
            assert held <= at_the_start + MEMORY_SLACK, f"{held - at_the_start} bytes more than at the start"
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"{name}: {type(e).__name__} {e}")
            continue
        if name.startswith("attack"):
            attacks.append((name, begun, time.monotonic(), held - at_the_start, memory.kept))
    times, what_failed = bystander.end()
    if what_failed:
        failed += 1
        print(f"the bystander: {what_failed}")
    for name, begun, ended, more, kept in attacks:
        during = [took for when, took in times if begun <= when + took and when <= ended]
        print(f"{name}: bystander {percentile(during)}; {more:+} bytes, {kept >> 10} KiB kept")
    print(f"bystander in all: {percentile([took for _, took in times])}")
    print(f"{len(names) - failed} of {len(names)} cases as they should be")
    return 1 if failed else 0


sys.exit(main())
