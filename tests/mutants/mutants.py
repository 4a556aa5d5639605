"""Mutants: the library with one rule broken. Each must be found by the tests named with it; one that is not found says
that the rule has no test (DeMillo, Lipton and Sayward: Hints on Test Data Selection, 1978).

usage: mutants.py SOURCE BUILD [PART]     of those whose text contains PART

SOURCE is a copy that may be changed, BUILD its configured build. The last line is `N passed, M failed`.
"""

import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile
import time

LONGEST_S = 60  # a mutant may hang: that is found too


@dataclasses.dataclass(frozen=True)
class Mutant:
    rule: str  # that is broken
    file: str
    old: str  # stands once in the file
    new: str
    program: str
    tests: str  # a filter of GoogleTest


def conformance(rule: str, file: str, old: str, new: str, tests: str) -> Mutant:
    return Mutant(rule, file, old, new, "conformance", tests)


MUTANTS = (
    # --- the reactors ---
    conformance("a stream goes on while the kernel says `more`", "runtime/reactor_uring.cpp",
                "const bool last = (flags & IORING_CQE_F_MORE) == 0;", "const bool last = true;",
                "Streams*io_uring:Serve*io_uring"),
    conformance("a cancellation that found nothing is tried again", "runtime/reactor_uring.cpp",
                "if (result != -ENOENT || ending_) return;", "return;", "Unix*io_uring:Cancel*io_uring"),
    Mutant("the kernel has buffers to receive into", "runtime/uring_buffers.cpp",
           "  io_uring_buf_ring_advance(ring_, 1);", "", "test_counts", "*"),
    conformance("a short transfer proves nothing where it may stop short", "runtime/reactor_epoll.cpp",
                "else if (s.drains_short && !s.hung_up &&", "else if (!s.hung_up &&", "Unix*epoll:Stream*epoll"),
    conformance("a signal is no error", "runtime/reactor_epoll.cpp",
                "if (r != -EINTR) return r;", "return r;", "HttpFaults*epoll"),
    conformance("the loop sleeps when it can be woken", "runtime/reactor_uring.cpp",
                "if (!wake_armed_) arm_wake();\n    const bool sleep = deadline > time_point::min() && "
                "!something_completed() && waiting_.empty() &&\n                       "
                "cancels_waiting_.empty() && wake_armed_ &&",
                "const bool sleep = deadline > time_point::min() && !something_completed() && waiting_.empty() && "
                "cancels_waiting_.empty() &&",
                "Remote*io_uring"),
    # --- tasks ---
    Mutant("a group is left when its last child has ended", "runtime/task_group.cpp",
           "if (closed_ || body_running_ || running_ > 0) return;", "if (closed_ || body_running_) return;",
           "test_runtime", "TaskGroup*"),
    Mutant("the first error cancels the others", "runtime/task_group.cpp",
           "    cancel_all();\n  } else if", "  } else if", "test_runtime", "TaskGroup*"),
    Mutant("a scope that was cancelled stays so", "runtime/scope.cpp",
           "  cancelled_ = true;\n", "", "test_runtime", "*Scope*"),
    Mutant("a task that is cancelled before it starts does not start", "runtime/job.cpp",
           "    step_ = step::stop;", "    ;", "test_runtime", "Job*:*Scope*:TaskGroup*"),
    Mutant("what ended in time is no timeout", "runtime/scope.cpp",
           "  this_loop().timers().disarm(*this);\n  scope_wait::on_end(child);", "  scope_wait::on_end(child);",
           "test_runtime", "*Scope*:Timeout*"),
    # --- net ---
    conformance("a short write is gone on with", "net/stream.cpp",
                "  return !next_pieces();\n}", "  return true;\n}", "WritePieces*"),
    Mutant("who lost the race is cancelled", "net/happy_eyeballs.cpp", "    others.cancel();\n", "",
           "test_net", "HappyEyeballs*"),
    Mutant("a filter decides on each address", "net/happy_eyeballs.cpp",
           "if (!options.filter_ || options.filter_->allows(to)) return true;", "return true;",
           "test_net", "HappyEyeballs*"),
    Mutant("the end of the transport is not the end of TLS", "net/tls_engine.cpp",
           "  if (ended_) return;\n  fail(", "  ended_ = true;\n  if (ended_) return;\n  fail(", "test_net", "Tls*"),
    Mutant("the certificate is the host's", "net/tls_engine.cpp",
           "if (X509_VERIFY_PARAM_set1_host(rules, peer_.c_str(), 0) != 1) throw std::bad_alloc();", "",
           "test_net", "*Certificate*"),
    # --- http: the client ---
    conformance("a connection with half an answer is not used again", "http/pool.cpp",
                "  conn.reset();\n  p->returned(*place_, nullptr);", "  p->returned(*place_, std::move(conn));",
                "PoolMixUp*:HttpPool*"),
    conformance("a connection is handed on for its own origin", "http/pool.cpp",
                "first->key_ == p.first && ", "", "*Pool*"),
    conformance("a place that is free serves who waits", "http/pool.cpp",
                "  if (waiting_.empty()) return;\n", "  return;\n", "*Pool*:CancelExchange*"),
    conformance("an idle connection that the server has closed is not used", "http/pool.cpp",
                "(recent || !c->stale())", "true", "*Pool*:HttpExchange*"),
    conformance("what may not be sent twice is not", "http/exchange.cpp",
                "if (what == reuse::none || !may_send_again())", "if (what == reuse::none)", "*Pool*:HttpExchange*"),
    conformance("secrets stay behind for good", "http/exchange.cpp",
                "    crossed_ = true;\n", "", "*Redirect*"),
    conformance("what failed on this side is told at once", "http/exchange.cpp",
                "if (ours) throw_unsent(e);", "", "HttpFaults*epoll"),
    conformance("the guard is asked about each address", "http/dial.cpp",
                "if (guard && !guard->allows(at)) {", "if (false) {", "HttpConnect*:*Guard*"),
    conformance("the filter of one's own holds beside a guard", "http/dial.cpp",
                "if (own && !own->allows(at)) return false;", "", "HttpSockets*"),
    conformance("what has no effect beside a Unix socket is refused", "http/client.cpp",
                "    if (other)\n", "    if (false)\n", "HttpUnix*"),
    Mutant("secrets do not go to another origin", "http/redirect.cpp",
           "  if (plan.other_origin)\n", "  if (false)\n", "test_http", "*Redirect*"),
    Mutant("https does not become http", "http/redirect.cpp",
           "if (from.is_secure() && !to.is_secure() && !may_leave_https)", "if (false)", "test_http", "*Redirect*"),
    Mutant("a Secure cookie goes over https alone", "http/cookies.cpp",
           "(!e.c.secure || to.is_secure()) &&", "", "test_http", "*Cookie*"),
    Mutant("a cookie is set for its own domain", "http/cookies.cpp",
           "if (!c.host_only && !detail::domain_matches(host, c.domain)) return false;", "", "test_http", "*Cookie*"),
    Mutant("http hides no Secure cookie", "http/cookies.cpp",
           "if (!from.is_secure() && shadows_a_secure_one(c, host)) return false;", "", "test_http", "*Cookie*"),
    Mutant("a cookie keeps what its prefix says", "http/cookies.cpp",
           "if (!keeps_its_prefix(c, path_is_root)) return false;", "", "test_http", "*Cookie*"),
    conformance("6to4 is not the public internet", "http/guard.cpp",
                "  if (first >> 16 == 0x2002) return false;", "", "*Guard*"),
    conformance("a POST is not tried again", "http/resilience.cpp",
                "(call.idempotent() || j.never_reached)", "true", "HttpResilience*"),
    conformance("retries keep to their budget", "http/resilience.cpp",
                "if (again && s.tokens < budget_tokens / 2)", "if (false)", "HttpResilience*"),
    conformance("interim responses have an end", "http/exchange.cpp",
                "if (interim_++ == max_interim)", "if (false)", "HttpExchange*:HttpErrors*:*Interim*"),
    conformance("a body that is read whole has a limit", "http/response.cpp",
                "if (piece.size() > in_->limit - all.size())", "if (false)", "Http*"),
    # --- http: reading ---
    Mutant("a decoded body has a limit", "http/decode.cpp",
           "if (step.produced > limit_ - s.total)", "if (false)", "test_http", "*Decod*"),
    Mutant("a coding that breaks off is an error", "http/decode.cpp",
           "if (!s.d->ended())", "if (false)", "test_http", "*Decod*"),
    Mutant("a chunk's size has 16 digits at most", "http/chunked.cpp",
           "if (++digit_count_ > max_size_digits)", "if (false)", "test_http", "*Pars*:*Chunk*"),
    Mutant("a head has as many fields as its limit says", "http/head_scan.cpp",
           "if (fields.size() == limits_.fields)", "if (false)", "test_http", "*Pars*"),
    Mutant("Content-Length is said once", "http/framing.cpp",
           'if (!allow_repeated_length || value != length) fail("more than one Content-Length");', "",
           "test_http", "*Pars*"),
    Mutant("a body that ends before its length is an error", "http/parser.cpp",
           'truncated("the body ended " + std::to_string(left_) + " bytes before its Content-Length");\n      break;',
           "return end_message();", "test_http", "*Pars*"),
    conformance("a request's unread body is not the next request", "http/server.cpp",
                "if (keep_ && !body_ended_ && !co_await drain()) keep_ = false;", "", "*Server*"),
    conformance("an absolute target's host counts", "http/server.cpp",
                'if (!target.authority.empty()) request.head_.headers.set("Host", target.authority);', "",
                "ServerTargets*"),
    Mutant("user information names nobody here", "http/request_target.cpp",
           "if (authority.find('@') != std::string_view::npos)", "if (false)", "test_http", "RequestTarget*"),
    Mutant("a path is split before it is decoded", "http/router.cpp",
           "std::vector<std::string_view> segments = split(path);",
           "const std::string whole = percent_decode(path);\n  std::vector<std::string_view> segments = split(whole);",
           "test_http", "Router*"),
    Mutant("all that follows stands last", "http/router.cpp",
           "if (!r.segments.empty() && r.segments.back().what == kind::rest)", "if (false)", "test_http", "Router*"),
    conformance("an error is the client's by its origin", "http/server.cpp",
                "if (e == body_failure_)", "if (e)", "ServerBlame*"),
    conformance("a timeout of a server behind is 504", "http/server.cpp",
                "if (dynamic_cast<const timeout_error*>(&e) != nullptr) return 504;", "", "ServerBlame*"),
    conformance("a body that failed ends the connection", "http/server.cpp",
                "if (body_failure_ || (keep_", "if ((keep_", "ServerBlame*"),
    conformance("a status that cannot be sent is not sent", "http/server.cpp",
                "if (status < 200 || status > 999) {", "if (status < 100 || status > 999) {", "ServerBlame*"),
    conformance("a body that is too large is not asked for", "http/server.cpp",
                "if (!body_ended_ && parser_.content_length().value_or(0) > most) refuse_body();", "",
                "ServerBlame.NothingIsAskedFor*"),
    conformance("a write that does not progress ends", "http/write_watch.cpp",
                "    cut();\n  }\n}", "    start();\n  }\n}", "ServerStall*"),
    conformance("a write that progresses goes on", "http/write_watch.cpp",
                "  if (moves_ != seen_) {", "  if (false) {", "ServerStall*Slowly*:ServerStallSimulated*"),
    Mutant("a cookie's value says nothing else", "http/set_cookie_value.cpp",
           "if (!all_in(value_bytes, inner))", "if (false)", "test_http", "SetCookieValue*"),
    Mutant("what llhttp does not know is still compared", "http/llhttp_check.cpp",
           "    c.begin_again();\n    c.stands_in = true;\n    result = run_llhttp(parser, c, head);",
           "    return;", "test_http", "*Pars*"),
    conformance("a graceful stop cancels who does not end", "net/serve.cpp",
                "if (c.handler) c.handler->cancel();", ";", "GracefulStop*"),
    # --- patterns ---
    Mutant("a bulkhead's line has an end", "patterns/bulkhead.cpp",
           "if (b.waiting_ >= b.queue_)", "if (false)", "test_patterns", "Bulkhead*"),
    Mutant("the first of a rate limiter's line may leave", "patterns/rate_limiter.cpp",
           "  if (!was_first) return;\n  this_loop().timers().disarm(timer_);\n  serve(this_loop().now());",
           "  if (!was_first) return;\n  this_loop().timers().disarm(timer_);", "test_patterns", "RateLimiter*"),
    Mutant("who lost a hedge is cancelled", "patterns/hedge.cpp",
           "  this_loop().timers().disarm(*this);\n  cancel_running();\n}\n\nbool hedge_wait::begin",
           "  this_loop().timers().disarm(*this);\n}\n\nbool hedge_wait::begin", "test_patterns", "Hedge*"),
    Mutant("a half-open breaker lets so many probes through", "patterns/circuit_breaker.cpp",
           "if (now < oldest->lease_end)", "if (false)", "test_patterns", "CircuitBreaker*"),
    Mutant("what began before the breaker changed does not count", "patterns/circuit_breaker.cpp",
           "  if (!valid) {", "  if (false) {", "test_patterns", "CircuitBreaker*"),
    Mutant("nothing is tried again after a cancellation", "patterns/retry.cpp",
           "if (end == ending::cancelled) return decision::pass();", "", "test_patterns", "Retry*"),
    Mutant("no delay ends after the deadline", "patterns/retry.cpp",
           "if (comes_too_late(step.delay, c)) return decision::pass();", "", "test_patterns", "Retry*"),
)


class Bench:
    """The copy and its build."""

    def __init__(self, source: pathlib.Path, build: pathlib.Path):
        self.source, self.build = source, build

    def make(self, programs: set[str]) -> None:
        done = subprocess.run(["ninja", "-C", str(self.build), *(f"tests/{p}" for p in sorted(programs))],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"it does not compile:\n{done.stdout[-3000:]}")

    def failing(self, program: str, tests: str) -> str:
        """The first test that fails, crashes or hangs; empty for none. Raises when the filter names none."""
        command = [str(self.build / "tests" / program), f"--gtest_filter={tests}", "--gtest_fail_fast"]
        with tempfile.TemporaryFile("w+", errors="replace") as out:
            try:
                code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False,
                                      timeout=LONGEST_S, cwd=self.source).returncode
            except subprocess.TimeoutExpired:
                code = -1
            out.seek(0)
            said = out.read()
        if " 0 tests from 0 test suites ran" in said:
            raise RuntimeError(f"{program} has no test called {tests}")
        failed = re.findall(r"^\[  FAILED  \] (\S+)", said, re.M)
        begun = re.findall(r"^\[ RUN      \] (\S+)", said, re.M)  # of what crashes or hangs, the last
        return "" if code == 0 else (failed[:1] or begun[-1:] or ["the program"])[0].rstrip(",")


def broken(mutant: Mutant, text: str) -> str:
    if text.count(mutant.old) != 1:
        raise RuntimeError(f"{mutant.file} has {text.count(mutant.old)} times, not once: {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def finder(bench: Bench, mutant: Mutant) -> str:
    """The test that finds it; empty for none."""
    path = bench.source / mutant.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(broken(mutant, whole), encoding="utf-8")
    try:
        bench.make({mutant.program})
        return bench.failing(mutant.program, mutant.tests)
    finally:
        path.write_text(whole, encoding="utf-8")


def main() -> int:
    bench = Bench(*(pathlib.Path(a).resolve() for a in sys.argv[1:3]))
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    chosen = [m for m in MUTANTS if part in f"{m.file} {m.rule}"]
    bench.make({m.program for m in chosen})
    passed = failed = 0
    for program, tests in sorted({(m.program, m.tests) for m in chosen}):
        if test := bench.failing(program, tests):
            print(f"FAILED    {test}, without a mutant", flush=True)
            failed += 1
    for mutant in chosen:
        begun = time.monotonic()
        try:
            test = finder(bench, mutant)
            says = "found     " if test else "SURVIVED  "
        except RuntimeError as error:
            test, says = "", f"FAILED    {error}\n          "
        passed, failed = passed + bool(test), failed + (not test)
        print(f"{says}{mutant.file}: {mutant.rule}{' — by ' if test else ''}{test} "
              f"({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
