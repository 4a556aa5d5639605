"""Mutants: the library with one rule broken. Each must be found by the tests named with it; one that is not found says
that the rule has no test (DeMillo, Lipton and Sayward: Hints on Test Data Selection, 1978).

usage: mutants.py COPY [PART]     of those whose text contains PART

COPY is a copy of the sources that may be changed, with a configured build in its folder `build`, where each source is
compiled by itself. A mutant is compiled and linked in a small program: the tests that may find it, and what they use
of the library. So it takes seconds, and a header's a minute. The last line is `N passed, M failed`.
"""

import dataclasses
import fnmatch
import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

CASE = re.compile(r"^[A-Z_]+\(\s*(\w+),\s*(\w+)\)", re.M)  # TEST(suite, name) and its like
REACTORS = ("", "/epoll", "/io_uring", "/simulated")  # what a case's name may end in


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
    conformance("a multishot goes on while the kernel says `more`", "runtime/reactor/reactor_uring.cpp",
                "const bool last = (flags & IORING_CQE_F_MORE) == 0;", "const bool last = true;",
                "Streams*io_uring:Serve.*io_uring"),
    conformance("a file's read that a signal interrupts goes on", "net/file.cpp",
                "    if (r != -EINTR) co_return r;  // a signal", "    co_return r;  // a signal",
                "HttpFaults*ThreeStreams/io_uring"),
    conformance("who closes a listener ends it for himself alone", "runtime/reactor/reactor_uring.cpp",
                "    else if (!accepting)\n      kernel_reactor::shutdown",
                "    else\n      kernel_reactor::shutdown", "Handover*io_uring"),
    conformance("what was taken from a listener's queue is served at a stop", "net/serve.hpp",
                "      held = co_await detail::accept_what_was_taken(s, g, listener, handler);\n", "",
                "Handover*io_uring"),
    conformance("a duplicate may have the number of one before", "runtime/reactor/reactor_epoll.cpp",
                "if (r == -EEXIST) r = counted(", "if (r == -EEXIST && r == 0) r = counted(", "Handover*epoll"),
    conformance("a cancellation that found nothing is tried again", "runtime/reactor/reactor_uring.cpp",
                "if (result != -ENOENT || ending_) return;", "return;", "Unix*io_uring:Cancel*io_uring"),
    Mutant("the kernel has buffers to receive into", "runtime/reactor/uring_buffers.cpp",
           "  io_uring_buf_ring_advance(ring_, 1);", "", "test_counts", "*"),
    conformance("a short transfer proves nothing where it may stop short", "runtime/reactor/reactor_epoll.cpp",
                "else if (s.drains_short && !s.hung_up &&", "else if (!s.hung_up &&", "Unix*epoll:Stream*epoll"),
    conformance("a signal is no error", "runtime/reactor/reactor_epoll.cpp",
                "if (r != -EINTR) return r;", "return r;", "HttpFaults*epoll"),
    conformance("the loop sleeps when it can be woken", "runtime/reactor/reactor_uring.cpp",
                "if (!wake_armed_) arm_wake();\n    const bool sleep = deadline > look_once && "
                "!something_completed() && unsubmitted_.empty() &&\n                       "
                "unsubmitted_cancels_.empty() && wake_armed_ &&",
                "const bool sleep = deadline > look_once && !something_completed() && unsubmitted_.empty() && "
                "unsubmitted_cancels_.empty() &&",
                "Remote*io_uring"),
    Mutant("a ring that is polled does not defer", "runtime/reactor/uring_setup.cpp",
           "    if (use == ring_use::polled && (s.flags & IORING_SETUP_DEFER_TASKRUN) != 0) continue;\n", "",
           "test_runtime", "*EmbeddedLoop*io_uring"),
    Mutant("an embedded loop that is idle leaves its host asleep", "runtime/loop.cpp",
           "embedded ? detail::reactor::look_once", "embedded ? detail::time_point::min()", "test_runtime",
           "*EmbeddedLoop*epoll"),
    Mutant("a visit to an embedded loop ends between two steps", "runtime/loop.cpp",
           "    if (embedded && detail::steady::now() >= over) break;", "    (void)over;", "test_runtime",
           "*EmbeddedLoop*"),
    Mutant("what an embedded loop has left is done without a poll", "runtime/embedded_loop.cpp",
           "if (unfinished_ || !loop_.ready_.empty()", "if (!loop_.ready_.empty()", "test_runtime",
           "*EmbeddedLoop*"),
    # --- seeing inside ---
    Mutant("nothing is put into words when nobody listens", "runtime/core/loop_core.cpp",
           "  if (!is_logged(log_level::error)) return;\n", "", "test_runtime", "Log*"),
    Mutant("what a sink logs itself does not come back to it", "runtime/log.cpp",
           "  if (inside_a_log_sink) {", "  if (false) {", "test_runtime", "Log*"),
    Mutant("a label's value says nothing else", "runtime/metrics.cpp",
           "    if (c == '\\\\' || c == '\"') out += '\\\\';\n    out += c;\n  }\n  out += '\"';",
           "    out += c;\n  }\n  out += '\"';", "test_runtime", "Metrics*"),
    Mutant("a trace's file is whole after each run", "runtime/core/run_trace.cpp",
           "  put(tail);\n", "", "test_runtime", "RunTrace*"),
    Mutant("a cancelled task's track says so", "runtime/core/run_trace.cpp",
           'j.stopped() ? "cancelled"', 'false ? "cancelled"', "test_runtime", "RunTrace*"),
    conformance("a client tells the server of its trace", "http/client/request_head.cpp",
                '  if (!r.traceparent.empty() && !sent("traceparent"))', "  if (false)", "Traces*"),
    conformance("a request's own traceparent is left alone", "http/client/request_head.cpp",
                '!r.traceparent.empty() && !sent("traceparent")', "!r.traceparent.empty()", "Traces*"),
    conformance("a traced handler's children are in its trace", "http/trace_requests.cpp",
                "co_await with_trace(mine.trace(), rest(r));", "co_await rest(r);", "Traces*"),
    conformance("an exchange that is given up is counted so", "http/client/exchange.cpp",
                "  if (told_ || !context_.is_traced()) return;", "  return;", "ClientMetrics*"),
    # --- pool ---
    Mutant("what comes back to a pool goes to who waits", "runtime/pool.cpp",
           "      if (wait* first = line_.pop_front()) {\n        first->granted_ = pool_place(*this, std::move(item));",
           "      if (wait* first = nullptr) {\n        first->granted_ = pool_place(*this, std::move(item));",
           "test_runtime", "Pool*:Schedules.Pool"),
    Mutant("a place that is left empty goes to the next in line", "runtime/pool.cpp",
           "first->granted_ = pool_place(*this, nullptr);\n    first->wake();", "first->wake();",
           "test_runtime", "Pool*:Schedules.Pool"),
    Mutant("what a pool keeps goes with its loop", "runtime/pool.cpp",
           "  drop_kept();  // they belong to a loop that ends", "", "test_runtime", "Pool*"),
    Mutant("what a cancelled task was using is not lent again", "runtime/pool.hpp",
           "end_lease(!is_unwinding() && ", "end_lease(", "test_runtime", "Pool*"),
    Mutant("what was not used is not lost with its task", "runtime/pool.hpp",
           "!used_                    ? true", "!used_                    ? in_order", "test_runtime", "Pool*"),
    # --- seeing inside ---
    conformance("a loop tells 64 tasks a turn at most", "runtime/inside/listing.hpp", "tasks_a_slice = 64;",
                "tasks_a_slice = 65;", "Inspect.Many*"),
    conformance("a watched await is noted", "runtime/core/job.cpp", "this_thread.watcher->awaits(j, w);", "",
                "Inspect.AHang*"),
    conformance("who wakes has given", "runtime/inside/step_watch.cpp",
                "records_->woken(woken, record_, goes_on, loop_.now());", "", "Inspect.WhoGave*"),
    conformance("the inspect socket is its owner's", "runtime/inside/inspect_server.cpp", "::fchmod(fd, 0600)",
                "::fchmod(fd, 0666)", "Inspect.TheSocket*"),
    conformance("a watched await draws on the budget", "runtime/core/job.cpp",
                "--this_thread.watched_budget;\n    return false;", "return false;", "Inspect.TheOrder*"),
    Mutant("the tree names every await", "runtime/inspect.cpp", "return ++n <= most_depth;", "return false;",
           "test_runtime", "TaskTree.NamesEvery*"),
    # --- the tools for tests ---
    Mutant("the wait that is reached is cancelled", "testing/parts/canceller.cpp",
           "if (!scope_ || &j == driver_ || seen_++ != k_) return;", "if (!scope_ || &j == driver_ || seen_++ >= k_) return;",
           "test_net", "TestTools*"),
    Mutant("a frame that is kept is named", "testing/accounts.cpp",
           "if (is.frames != frames)", "if (is.frames < frames)", "test_net", "TestTools*"),
    Mutant("a descriptor that is kept is named", "testing/accounts.cpp",
           "if (is.descriptors != descriptors)", "if (false)", "test_net", "TestTools*"),
    Mutant("an exception that nobody awaits fails the scenario", "testing/cancel_at_every_wait.hpp",
           "if (unawaited) std::rethrow_exception", "if (false) std::rethrow_exception", "test_net", "TestTools*"),
    Mutant("the bytes of a script are compared", "testing/script.cpp",
           "if (std::string_view(received_).substr(0, n) != std::string_view(bytes).substr(0, n))", "if (false)",
           "test_net", "Script*"),
    Mutant("more than was expected is not the end", "testing/script.cpp",
           "if (received_.empty() && !co_await receive()) co_return;", "co_return;", "test_net", "Script*"),
    Mutant("the seed of the environment is run alone", "testing/parts/seed_runner.cpp",
           "    run_seed(*one, once);\n    return;", "    run_seed(*one, once);", "test_net", "TestTools*"),
    Mutant("what is in quarantine is overwritten", "runtime/core/frame_pool.cpp",
           "    std::memset(block, poison, size);\n", "", "test_net", "TestTools*"),
    # --- waiting lines ---
    Mutant("who keeps a broadcast item keeps none of the later ones", "runtime/broadcast.hpp",
           "std::exchange(i->next, nullptr)", "i->next", "test_runtime", "Broadcast*"),
    Mutant("the room that a subscriber makes belongs to the sender that waited", "runtime/broadcast.hpp",
           "if (made_room) room_was_made();", "if (made_room) --full_;", "test_runtime", "Broadcast*"),
    Mutant("a subscriber that leaves holds nobody up", "runtime/broadcast.hpp",
           "if (s.policy == overflow::wait && s.full()) room_was_made();", "", "test_runtime", "Broadcast*"),
    Mutant("what a slow subscriber missed is counted", "runtime/broadcast.hpp",
           "    ++s.dropped;\n", "", "test_runtime", "Broadcast*"),
    # --- server-sent events ---
    Mutant("a LF behind a CR ends no second line", "http/wire/event_parser.cpp",
           "after_cr_ = input[end] == '\\r';", "after_cr_ = false;", "test_http", "Event*"),
    Mutant("an id with a NUL is ignored", "http/wire/event_parser.cpp",
           "if (value.find('\\0') == std::string_view::npos) id_ = value;", "id_ = value;", "test_http", "Event*"),
    Mutant("an id counts when its event has ended", "http/wire/event_parser.cpp",
           "    last_id_ = id_;\n    if (data_.empty()) {", "    if (!data_.empty()) last_id_ = id_;\n"
           "    if (data_.empty()) {", "test_http", "Event*"),
    Mutant("a byte order mark is none of a stream's text", "http/wire/event_parser.cpp",
           "    line.remove_prefix(byte_order_mark.size());", "    {}", "test_http", "Event*"),
    Mutant("a line has a limit", "http/wire/event_parser.cpp",
           "  if (part.size() > limits_.line_bytes - line_.size()) refuse_length(\"a line\", limits_.line_bytes);\n",
           "", "test_http", "Event*"),
    Mutant("a line end in an event's id is refused", "http/event.cpp",
           "  refuse_line_ends(\"id\", text);\n", "", "test_http", "Event*"),
    conformance("an event stream ends when its handler does", "http/server/event_stream.hpp",
                "      if (line_) line_->close();", "", "ServerEvents.*simulated"),
    conformance("a stop of the server is one of its event streams", "http/server/accepted_connection.cpp",
                "  if (events_) events_->stop();\n", "", "ServerEvents.AStopOf*simulated"),
    conformance("a silent event stream says something", "http/server/event_stream.cpp",
                '(void)sink_.line_.try_put(":\\n\\n");', "(void)0;", "ServerEvents*simulated:ServerEventsClock*"),
    conformance("a comment waits for silence", "http/server/event_stream.cpp",
                "rondo::detail::add(last_, quiet_) - now;", "rondo::detail::nanoseconds::zero();",
                "ServerEventsClock*"),
    conformance("an event stream is stored by nobody", "http/server_messages.cpp",
                '  r.headers_.set("Cache-Control", "no-store");\n', "", "ServerEvents.*simulated"),
    conformance("a fresh stream has nothing of the one that broke off", "http/event_source.cpp",
                "  parser_.begin_again();\n", "", "ClientEvents.NoNumber*simulated"),
    conformance("a source's first failure is thrown", "http/event_source.cpp",
                "|| too_many || opened_ == 0)", "|| too_many)", "ClientEvents.BeforeTheFirst*simulated"),
    conformance("a source says where it was", "http/event_source.cpp",
                'add("Last-Event-ID", id);', "(void)id;", "ClientEvents.*simulated"),
    conformance("a source waits as long as the server says", "http/event_source.cpp",
                "if (const auto said = parser_.retry()) base", "if (const auto said = parser_.retry(); false) base",
                "ClientEventsClock*"),
    conformance("a source waits no longer than its limit", "http/event_source.cpp",
                "base = std::clamp(base, rondo::detail::nanoseconds::zero(), options_.longest_delay_);", "",
                "ClientEventsClock*"),
    conformance("what is no event stream is an error", "http/event_source.cpp",
                "if (!is_event_stream(type)) {", "if (false) {", "ClientEvents.AnotherContentType*simulated"),
    conformance("a cancelled read that meets the end has not happened", "runtime/io.cpp",
                "(op.result < 0 || is_end_of_stream(op))", "op.result < 0", "CancelledRead.*"),
    Mutant("what is spawned too late is destroyed as cancelled", "runtime/task_group.hpp",
           "    const detail::destroys_cancelled frame;\n", "", "test_runtime", "TaskGroup.WhatIsSpawned*"),
    conformance("net::serve names a task when somebody asks", "net/serve.cpp",
                "  where->named->set_namer(&*where);\n", "", "Serve.NamesIts*"),
    # --- WebSockets ---
    conformance("a connection's task is named when somebody asks", "http/server/serving.cpp",
                "  task.set_namer(this);\n", "", "ServerUpgrade.TheTreeNames*"),
    conformance("who watches every step has names that last", "http/server/serving.cpp",
                "  if (core.wants_names()) core.set_name(task, task_name());\n", "", "ServerUpgrade.WhoWatches*"),
    conformance("who is cancelled as it leaves HTTP begins nothing else", "http/server/switched_connection.cpp",
                "if (there && rondo::detail::current_job().must_stop())", "if (false)",
                "UpgradeEnds.WhoIsCancelled*"),
    conformance("what a cancelled group does not run is destroyed as cancelled", "runtime/task_group.cpp",
                "    const destroys_cancelled its_frame;\n", "", "UpgradeEnds.WhoIsCancelled*OverTls*"),
    conformance("a stream of HTTP/2 whose protocol has failed is reset", "http/http2/tunnel.cpp",
                "if (is_unwinding() || std::uncaught_exceptions() > 0)", "if (false)",
                "UpgradeEnds.*AStreamOfHttp2*"),
    conformance("what a failed protocol held goes as when a call throws", "http/server/switched_connection.cpp",
                "      if (failure) std::rethrow_exception(failure);\n", "",
                "UpgradeEnds.WhatIsThrown*Tls*"),
    Mutant("a client's frame is masked", "http/websocket/engine.cpp",
           "if (in.frame.mask.has_value() != (side_ == side::server))", "if (false)", "test_http", "WebsocketEngine*"),
    Mutant("a message has a limit before its bytes are kept", "http/websocket/engine.cpp",
           "if (in.frame.length > most - std::min(most, in.message.size()))", "if (false)", "test_http", "WebsocketEngine*"),
    Mutant("what a frame announces gets room in steps", "http/websocket/engine.cpp",
           "in.frame.length - in.taken + n, most_ahead)", "in.frame.length - in.taken + n, std::size_t{1} << 30)",
           "test_http", "WebsocketEngine*"),
    Mutant("empty fragments count", "http/websocket/engine.cpp",
           "if (++in.fragments > limits_.fragments)", "if (false)", "test_http", "WebsocketEngine*"),
    Mutant("text is looked at as it comes", "http/websocket/engine.cpp",
           "if (in.text && !in.compressed && !in.utf8.take(piece))", "if (false)", "test_http", "WebsocketEngine*"),
    Mutant("a text ends with a whole character", "http/websocket/engine.cpp",
           "} else if (in.text && !in.utf8.at_a_border()) {", "} else if (false) {", "test_http", "WebsocketEngine*"),
    Mutant("inflating stops at the limit", "http/websocket/deflate_zlib.cpp",
           "if (out.size() - begun > most) return verdict::too_large;", "", "test_http", "WebsocketEngine*"),
    Mutant("what was taken back is forgotten by the compressor", "http/websocket/engine.cpp",
           "  if (deflate_) deflate_->forget();\n  return true;", "  return true;", "test_http", "WebsocketEngine*"),
    Mutant("pongs for a peer that does not read are few", "http/websocket/engine.cpp",
           "  if (o.pongs_unsent + pong_->size > most_pongs) return;\n", "", "test_http", "WebsocketEngine*"),
    Mutant("each ping is answered while there is room", "http/websocket/engine.cpp",
           "    put_pong();                         // the one before\n", "", "test_http", "WebsocketEngine*"),
    Mutant("a frame that was begun is not taken back", "http/websocket/engine.cpp",
           "if (begin < o.kept_to || begin < before_ + o.sent) return false;", "if (begin < o.kept_to) return false;",
           "test_http", "WebsocketEngine*"),
    Mutant("pages of other sites are refused", "http/websocket/handshake.cpp",
           "return from.host() == to.host() && from.port() == to.port();", "return true;", "test_http",
           "WebsocketHandshake*"),
    Mutant("the accept answers our key", "http/websocket/handshake.cpp",
           "*fields.get(\"Sec-WebSocket-Accept\") != websocket_accept(key))", "false)", "test_http", "WebsocketHandshake*"),
    conformance("a sender that is cancelled takes its frame back", "http/websocket/connection.cpp",
                "if (is_unwinding()) engine_.take_back(begin_);", "", "Websocket.ASendThat*"),
    conformance("what is left over goes beside the reading", "http/websocket/connection.cpp",
                "bool websocket_connection::has_unsent() const noexcept {\n",
                "bool websocket_connection::has_unsent() const noexcept {\n  if (reading_ != reader::nobody) return false;\n",
                "Websocket.APong*"),
    conformance("bytes of any kind are a sign of life", "http/websocket/connection.cpp",
                "  pinged_ = false;\n}", "}", "Websocket.APeerThatSendsAnything*simulated"),
    conformance("frames that came with the handshake are kept", "http/upgrade.hpp",
                "first_.substr(read_)}", "std::string()}", "WebsocketOpening.Frames*"),
    conformance("a framed message that has begun is not taken back", "http/websocket/engine.cpp",
                "  if (gone > 0) out().kept_to = end();\n", "", "FramedMessages.OneThatIsCancelled*"),
    conformance("a Close waits for the frame that is open", "http/websocket/engine.cpp",
                "  if (late_close_ != 0) append_close(std::exchange(late_close_, 0), {});\n", "",
                "Websocket.AServersLargeMessage*"),
    conformance("nothing of a message follows a Close", "http/websocket/connection.cpp",
                "      if (guard) check_writable();  // a Close may have come in between\n", "",
                "Websocket.AClientsLargeMessage*"),
    conformance("close takes over from a receive that is cancelled", "http/websocket/connection.cpp",
                "    if (connection_->others_) connection_->others_->reader_left.set();\n", "", "Websocket.CloseAndReceive*simulated:Websocket.ReceiveGoesOn*simulated"),
    conformance("what was begun of the end is gone on with", "http/websocket/connection.cpp",
                "    if (ended_ || engine_.close_came()) {\n", "    if (ended_) {\n",
                "WebsocketCarriers.AreUsedOn*"),
    conformance("one that cut its message writes no more", "http/websocket/connection.cpp",
                "  if (!broken_) co_await write_out();\n", "  co_await write_out();\n",
                "Websocket.OneThatCutItsMessage*"),
    conformance("a file sent to nobody raises no SIGPIPE", "runtime/reactor/pipe_signal.hpp",
                "  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);\n",
                "  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);\n", "SendFile.ToAPeer*"),
    # --- before the server ---
    conformance("the PROXY protocol counts from trusted addresses alone", "http/server/forwarding.cpp",
                "    if (!trusted.trusts(peer)) co_return true;\n", "", "Proxied.*simulated"),
    conformance("a connection from a proxy begins with its header", "http/server/forwarding.cpp",
                "  co_return false;\n}", "  co_return true;\n}", "Proxied.*simulated"),
    Mutant("what stands before an address that is not trusted is a claim", "http/server/forwarding.cpp",
           "    if (!trusted.trusts(peer)) return peer;\n", "", "test_http", "TrustedProxies*"),
    Mutant("a header of the PROXY protocol takes nothing of what follows", "http/wire/proxy_header.cpp",
           "if (so_far.ends_with('\\r')) return 1;", "", "test_http", "ProxyHeader*"),
    Mutant("a line of the PROXY protocol has 107 bytes at most", "http/wire/proxy_header.cpp",
           '  if (end + 1 > proxy_v1_bytes) refuse_proxy("a line of more than 107 bytes");\n', "", "test_http",
           "ProxyHeader*"),
    Mutant("a port has no zeros in front", "http/wire/proxy_header.cpp",
           " || zeros_in_front)", ")", "test_http", "ProxyHeader*"),
    Mutant("a checksum is checked", "http/wire/proxy_header.cpp",
           "if (crc32c(zeroed) != said)", "if (false)", "test_http", "ProxyHeader*"),
    Mutant("a network's last bits count", "net/network.cpp",
           "  return ((mine[whole] ^ its[whole]) & mask_of(bits_ % 8)) == 0;", "  return true;", "test_http", "Network*"),
    # --- what a caller may get wrong ---
    Mutant("a negative number of things is refused", "runtime/core/amount.hpp",
           "      if (n < 0) [[unlikely]]", "      if (false) [[unlikely]]", "test_runtime", "Amount.OfThings*"),
    Mutant("an interrupted program gives the exit code that shells give", "runtime/run.cpp",
           "return 128 + SIGINT;", "return 1;", "test_runtime", "RunMain*"),
    Mutant("the environment switches debugging on", "runtime/run.cpp",
           "options.debug_ || flag_in_environment(\"RONDO_DEBUG\").value_or(false) || slow;",
           "options.debug_ || slow;", "test_runtime", "Debugging*"),
    Mutant("a simulated run begins at the date that was asked for", "runtime/reactor/reactor_sim.cpp",
           "return world->start_ + (this_loop().now() - simulation_begin);",
           "return simulation_options().start_ + (this_loop().now() - simulation_begin);", "test_runtime",
           "Simulation*"),
    # --- tasks ---
    Mutant("the job that is taken apart is known", "runtime/core/job.cpp",
           "job* const before = std::exchange(this_thread.current, this);",
           "job* const before = std::exchange(this_thread.current, nullptr);", "test_runtime", "*AtTheEnd*"),
    Mutant("a frame that is being destroyed is no leaf", "runtime/core/job.cpp",
           "    leaf_ = p->parent;\n    if (p->holder) p->holder->release();\n    destroy_now(frame_of(*p));",
           "    promise_base* const outer = p->parent;\n    if (p->holder) p->holder->release();\n"
           "    destroy_now(frame_of(*p));\n    leaf_ = outer;",
           "test_runtime", "TaskTreeAtTheEnd*"),
    Mutant("only a job that runs may wait", "runtime/core/job.hpp",
           "if (!j || j->current_state() != job::state::running) [[unlikely]]", "if (!j) [[unlikely]]",
           "test_runtime", "EndingDeathTest*:MisuseDeathTest*"),
    Mutant("a child's arguments see what it saw", "runtime/task_group.cpp",
           "  frame_.reset();  // and the arguments in it",
           "  group_wait* const group = std::exchange(group_, nullptr);\n  frame_.reset();\n"
           "  group_ = group;  // and the arguments in it",
           "test_runtime", "TaskLocalAtTheEnd*"),
    Mutant("a deadline that has passed is still one", "runtime/scope.hpp",
           "return expired_ ? this_thread.now : never;", "return never;", "test_runtime", "RemainingTimeAtTheEnd*"),
    Mutant("a service that another begins at the loop's end is told to end", "runtime/loop.cpp",
           "|| !was_ended) return;\n    services_.cancel();\n", "|| !was_ended) return;\n", "test_runtime", "Run.*"),
    Mutant("a name given in a last step is reported", "runtime/loop.cpp",
           "goes_on ? name_of(j) : &last_name_", "goes_on ? name_of(j) : nullptr", "test_runtime", "Debugging*"),
    Mutant("a thread keeps only so many frames of others", "runtime/core/frame_pool.cpp",
           "  else\n    hand_over(c);", "", "test_runtime", "FramesBetweenThreads*"),
    Mutant("a thread that only released leaves its frames to others", "runtime/core/frame_pool.cpp",
           ".room = recycling ? 0 : -no_room", ".room = recycling ? most_foreign : -no_room", "test_runtime",
           "FramesBetweenThreads*:FramePool*"),
    Mutant("frames too large for the lists take no room there", "runtime/core/frame_pool.cpp",
           "  else\n    ++pool.room_at_rest;", "  else\n    --this_thread_frames.room;", "test_runtime", "FramesBetweenThreads*"),
    Mutant("a child of fork has a pool of its own", "runtime/core/thread_pool.cpp",
           "[] { p = std::construct_at(reinterpret_cast<thread_pool*>(place)); }", "nullptr", "test_runtime",
           "*Fork.AChild*"),
    conformance("a poll takes the direction of who has the number", "runtime/reactor/descriptors.hpp",
                "by_number ? held(op.target.fd) : find(op.target)", "find(op.target)", "Operations.APoll*simulated"),
    conformance("a poll sees what a multishot has brought", "runtime/reactor/uring_multishot.hpp",
                "op.kind() == operation_kind::accept ||\n         (op.kind() == operation_kind::poll && "
                "op.way() == direction::in);",
                "op.kind() == operation_kind::accept;", "Operations.APollSees*io_uring"),
    Mutant("a descriptor that is not ours is given back", "runtime/reactor/descriptors.hpp",
           "if (s.foreign && s.nobody_waits()) s = Slot{};", "", "test_runtime", "Poll*"),
    conformance("a peer that had gone before is told of", "runtime/reactor/reactor_epoll.cpp",
                "return op.way() != direction::gone || s.hung_up;", "return op.way() != direction::gone;", "Gone*epoll"),
    conformance("a watch that stays armed holds no connection open", "runtime/reactor/reactor_uring.cpp",
                "    if (!s.gone_armed) return;\n    s.gone_armed = false;", "    if (s.generation != 0) return;",
                "Gone*io_uring"),
    conformance("a watch is armed again for what its waiter asks", "runtime/reactor/reactor_uring.cpp",
                "if ((op.flags() & POLLRDHUP) == 0 || s.gone_sees_end) return;", "return;", "Gone*io_uring"),
    conformance("the end of a stream is not the whole of it", "runtime/reactor/reactor_uring.cpp",
                "(op->flags() | POLLERR | POLLHUP)) != 0", "(POLLRDHUP | POLLERR | POLLHUP)) != 0",
                "Gone*io_uring"),
    conformance("a closed file's number is not another's while it is sent", "net/parts/open_file.cpp",
                "if (attached.is_open() && sends == 0) {\n    attached.close();\n    fd = -1;\n  }\n  let_go();",
                "if (attached.is_open()) attached.close();\n  else if (fd >= 0) rondo::detail::close_unattached(fd);\n"
                "  fd = -1;", "SendFile*"),
    conformance("a send that is cancelled between pieces breaks the stream", "net/send_file.cpp",
                "if (gone_ > 0 && is_unwinding())", "if (false)", "SendFile*"),
    conformance("io_uring's sockets block again after a sendfile", "runtime/reactor/reactor_uring.cpp",
                "    counted(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));\n", "", "SendFile*io_uring"),
    conformance("a name is opened below its folder", "net/root_directory.cpp",
                "RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS", "RESOLVE_NO_MAGICLINKS", "RootDirectory*:StaticFiles*"),
    conformance("hidden files are hidden", "http/server/static_files.cpp",
                "segment.starts_with('.') && !dot_files", "false", "StaticFiles*"),
    conformance("a decoded slash separates nothing", "http/server/static_files.cpp",
                "segment.find('/') != std::string::npos || ", "", "StaticFiles*"),
    conformance("a file that shrinks ends its connection", "http/server/server_connection.cpp",
                "      throw_file_shrank();  // what was said", "      co_return;  // what was said", "StaticFiles*"),
    Mutant("If-Range wants a strong tag", "http/server/conditions.cpp",
           "return rest.empty() && current.tag && strongly_equal(*tag, *current.tag);",
           "return rest.empty() && current.tag && weakly_equal(*tag, *current.tag);", "test_http", "Selection*"),
    Mutant("the tag counts before the date", "http/server/conditions.cpp",
           "} else if (reads && modified) {", "}\n  if (reads && modified) {", "test_http", "Selection*"),
    Mutant("at most so many ranges", "http/server/ranges.cpp",
           "if (choice.parts.size() > most_ranges) return {};", "", "test_http", "Selection*"),
    Mutant("ranges that touch are one", "http/server/ranges.cpp",
           "if (next.first > last.first + last.size)", "if (next.first >= last.first + last.size)", "test_http",
           "Selection*"),
    conformance("a close ends the watch", "net/memory_stream.cpp",
                "    serve(direction::out);\n    serve(direction::gone);", "    serve(direction::out);", "Gone*"),
    Mutant("a group is left when its last child has ended", "runtime/task_group.cpp",
           "  if (running_ > 0) return;\n  if (body_running_) {", "  if (closed_) return;\n  if (body_running_) {",
           "test_runtime", "TaskGroup*"),
    Mutant("a body's frames outlive the children", "runtime/task_group.cpp",
           "  if (running_ == 0) return false;", "  return false;", "test_runtime", "GroupBody*"),
    Mutant("what a group has made goes, the latest first", "runtime/task_group.cpp",
           "  if (newest_) destroy_objects();", "", "test_runtime", "GroupMake*"),
    Mutant("a body that waits long is reported", "runtime/task_group.cpp",
           "  this_core().timers().arm(*this, patience_of_body);", "", "test_runtime", "GroupBody*"),
    Mutant("a condition in a body takes its lock when the frames go", "runtime/condition.hpp",
           "if (j.may_be_kept()) {", "if (false) {", "test_runtime", "GroupBody*"),
    Mutant("a finally begins though it was cancelled before", "runtime/core/job.cpp",
           "root.parent == &enters_to_clean_up ? step::resume : step::start", "step::start", "test_runtime",
           "Cleanup*"),
    Mutant("a group that is being cancelled runs the cleanup of a finally", "runtime/task_group.hpp",
           "if (state_.cancelling() && !t.cleans_up()) {", "if (state_.cancelling()) {", "test_runtime", "Cleanup*"),
    Mutant("a scope begins for a cleanup though its budget is spent", "runtime/core/job.cpp",
           "  if (w.must_begin())\n", "  if (false)\n", "test_runtime", "Cleanup*"),
    Mutant("gather under a cancellation runs the cleanups it was given", "patterns/parts/branches.cpp",
           "if (stop && !must_begin()) {", "if (stop) {", "test_runtime", "Cleanup*"),
    Mutant("a shield that ends delivers the cancellation", "runtime/scope.hpp",
           "if (parent_->must_stop() && !body_.failed())", "if (false)", "test_runtime", "Shield*"),
    Mutant("a cancellation wins over a deadline of the same turn", "runtime/scope.cpp",
           "    parent_->retry(*this);", "    parent_->wake();", "test_runtime", "Deadline*"),
    Mutant("the first error cancels the others", "runtime/task_group.cpp",
           "    cancel_all();\n  } else if", "  } else if", "test_runtime", "TaskGroup*"),
    Mutant("a scope that was cancelled stays so", "runtime/scope.cpp",
           "  cancelled_ = true;\n", "", "test_runtime", "*Scope*"),
    Mutant("a task that is cancelled before it starts does not start", "runtime/core/job.cpp",
           "    step_ = step::stop;", "    ;", "test_runtime", "Job*:*Scope*:TaskGroup*"),
    Mutant("what ended in time is no timeout", "runtime/scope.cpp",
           "  this_core().timers().disarm(*this);\n  scope_wait::on_end(child);", "  scope_wait::on_end(child);",
           "test_runtime", "*Scope*:Timeout*"),
    # --- net ---
    conformance("a short write is gone on with", "net/stream.cpp",
                "  return !next_pieces();\n}", "  return true;\n}", "WritePieces*"),
    Mutant("who lost the race is cancelled", "net/connect/happy_eyeballs.cpp", "    others.cancel();\n", "",
           "test_net", "HappyEyeballs*"),
    Mutant("a filter decides on each address", "net/connect/happy_eyeballs.cpp",
           "if (!options.filter_ || options.filter_->allows(to)) return true;", "return true;",
           "test_net", "HappyEyeballs*"),
    Mutant("the end of the transport is not the end of TLS", "net/tls/tls_engine.cpp",
           "  if (ended_) return;\n  fail(", "  ended_ = true;\n  if (ended_) return;\n  fail(", "test_net", "Tls*"),
    Mutant("the certificate is the host's", "net/tls/tls_engine.cpp",
           "if (X509_VERIFY_PARAM_set1_host(rules, peer_.c_str(), 0) != 1) throw std::bad_alloc();", "",
           "test_net", "*Certificate*"),
    Mutant("what needs no server is answered without a lookup", "net/resolver.cpp",
           "own = localhost_addresses(host); !own.empty())", "own = localhost_addresses(host); false)",
           "test_net", "Resolver*"),
    conformance("a name is asked for once, for both families", "net/resolver.cpp",
                "  hints.ai_socktype = SOCK_STREAM;\n",
                "  hints.ai_socktype = SOCK_STREAM;\n  hints.ai_flags = AI_ADDRCONFIG;\n", "Resolve*"),
    conformance("the family that the machine lacks is left out", "net/resolver.cpp",
                "  leave_out_unconfigured(a.addresses);\n", "", "Resolve*"),
    conformance("a path with a NUL byte opens nothing", "net/file.cpp",
                "  detail::refuse_nul(path, \"open\");\n", "", "File*"),
    conformance("a pipe is read when it is ready", "net/parts/open_file.cpp",
                "flows_ = S_ISFIFO(s.st_mode) ||", "flows_ =", "File*"),
    conformance("the end of a file is where a read finds it", "net/file.cpp",
                "    if (n == 0) {\n      text.resize(have);",
                "    if (n == 0 || have >= f->status.size) {\n      text.resize(have);", "File*"),
    conformance("an offset that no file has is an error", "net/file.cpp",
                "if (call.offset() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) co_return -EINVAL;", "",
                "File*io_uring"),
    Mutant("a path of a Unix socket holds no NUL byte", "net/endpoint.cpp",
           "if (path.front() != '@' && detail::holds_nul(path))", "if (false)", "test_net", "Endpoint*"),
    Mutant("an abstract name holds any byte", "net/endpoint.cpp",
           "if (path.front() != '@' && detail::holds_nul(path))", "if (detail::holds_nul(path))",
           "test_net", "Endpoint*"),
    Mutant("a certificate's path holds no NUL byte", "net/tls_context.cpp",
           "if (holds_nul(path)) refuse_settings(", "if (false) refuse_settings(", "test_net", "TlsContext*"),
    Mutant("a silent client costs no handshake", "net/tls/tls_engine.cpp",
           "if (role_ == role::server && input_.empty() && !greeted_) return false;", "", "test_net",
           "TlsMemory*"),
    Mutant("who waits holds no whole record", "net/tls/tls_engine.cpp",
           "much_came_ ? buffer_bytes : waiting_bytes", "buffer_bytes", "test_net", "TlsMemory*"),
    Mutant("no TLS below 1.2", "net/tls_context.cpp",
           "if (v < tls_version::tls_1_2)\n", "if (false)\n", "test_net", "TlsContext*"),
    conformance("TLS is no older than was asked for", "net/tls_context.cpp",
                "SSL_CTX_set_min_proto_version(c, on_the_wire(o.min_version_))",
                "SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION)", "Tls*"),
    Mutant("of errors alike the first is told", "net/connect/happy_eyeballs.cpp",
           "telling(why) > telling(error)", "telling(why) >= telling(error)", "test_net", "HappyEyeballs*"),
    # --- http: the client ---
    conformance("a connection with half an answer is not used again", "http/client/pool.cpp",
                "  conn.reset();\n  p->returned(*place_, nullptr);", "  p->returned(*place_, std::move(conn));",
                "PoolMixUp*:Pool.*"),
    conformance("a connection is handed on for its own origin", "http/client/pool.cpp",
                "first->key_ == p.first && ", "", "Pool.*:PoolMixUp*"),
    conformance("a place that is free serves who waits", "http/client/pool.cpp",
                "  if (waiting_.empty()) return;\n", "  return;\n", "Pool.*:CancelExchange*"),
    conformance("what came before a request does not answer it", "http/client/exchange.cpp",
                "    while (l.conn && l.conn->stale()) l.replace();\n", "", "HttpUnasked*:Pool.*"),
    conformance("what the ring holds is taken before a connection is used", "runtime/reactor/reactor_uring.cpp",
                "if (s->multishot != multishot_state::none) take_what_came();", "", "HttpUnasked*io_uring"),
    conformance("what the kernel holds back is taken before a connection is used", "runtime/reactor/reactor_uring.cpp",
                "    if (kernel_wants_us()) {\n      entering();\n      io_uring_get_events", "    if (false) {\n"
                "      entering();\n      io_uring_get_events", "HttpUnasked*io_uring"),
    conformance("an announced end is kept to", "http/client/pool.cpp",
                "std::min(rondo::detail::add(c->since, limits_.idle), c->announced_end())",
                "rondo::detail::add(c->since, limits_.idle)", "HttpKeepAlive*"),
    conformance("a connection that is due earlier is closed in time", "http/client/pool.cpp",
                "if (c->until < watch_->due) watch_->look_again.set();", "", "HttpKeepAlive*"),
    conformance("a connection takes as many requests as was said", "http/client/client_connection.hpp",
                "parser_.idle() &&\n           requests_left_ > 0;", "parser_.idle();", "HttpKeepAlive*"),
    conformance("another protocol is not read on", "http/client/client_connection.cpp",
                "    if (may_switch_) return;\n", "    return;\n", "HttpError*"),
    conformance("an alert after the handshake is told", "http/client/round_trip.cpp",
                "throw tls_error(e.what(), e.code());\n    } catch (const std::system_error& e) {",
                "throw no_answer{e.code(), \"lost\"};\n    } catch (const std::system_error& e) {", "Https*"),
    conformance("no coding is asked for with a range", "http/client/request_head.cpp",
                'sent("Range") || sent("If-Range")', "false", "HttpFields*"),
    conformance("a part of a coded body is not decoded", "http/client/exchange.cpp",
                " && head.status != 206", "", "HttpFields*"),
    conformance("TE is named in Connection", "http/client/request_head.cpp",
                '    field("Connection", "TE");', "", "HttpFields*"),
    conformance("a client's cookies go beside the jar's", "http/client/request_head.cpp",
                'if (common_cookie) add(*common.get("Cookie"));', "", "HttpFields*"),
    conformance("what is for a proxy stays out of its tunnel", "http/client/request_head.cpp",
                "secret.empty() && !r.way.tunnel", "secret.empty()", "HttpFields*"),
    conformance("a host of one's own stays at its origin", "http/client/exchange.cpp",
                "    request_.host_.clear();\n", "", "HttpFields*"),
    conformance("a named secret of a request's stays behind", "http/client/exchange.cpp",
                "    for (const std::string& name : state_.options.secret_headers_) "
                "request_.headers_.remove(name);\n", "", "HttpFields*"),
    conformance("a named secret of a client's stays behind", "http/client/request_head.cpp",
                "!(r.left_behind && stays_behind(name, *r.left_behind))",
                "!(r.left_behind && is_secret(name))", "HttpFields*"),
    conformance("a date that has passed is no reason to wait", "patterns/retry_after.cpp",
                "if (*until <= floor<seconds>(now)) return", "if (false) return", "HttpResilience*"),
    conformance("a rejection says what the last failure was", "http/resilience.cpp",
                "if (!last_text_.empty()) text", "if (false) text", "HttpResilience*"),
    conformance("what may not be sent twice is not", "http/client/exchange.cpp",
                "if (what == reuse::none || !may_send_again())", "if (what == reuse::none)", "Pool.*"),
    conformance("secrets stay behind for good", "http/client/exchange.cpp",
                "    crossed_ = true;\n", "", "HttpRedirect*"),
    conformance("what failed on this side is told at once", "http/client/round_trip.cpp",
                "if (ours) throw_unsent(e);", "", "HttpFaults*epoll"),
    conformance("the guard is asked about each address", "http/client/dial.cpp",
                "if (guard && !guard->allows(at)) {", "if (false) {", "HttpConnect*:*Guard*"),
    conformance("the filter of one's own holds beside a guard", "http/client/dial.cpp",
                "if (own && !own->allows(at)) return false;", "", "HttpSockets*"),
    conformance("what has no effect beside a Unix socket is refused", "http/client.cpp",
                "    if (other)\n", "    if (false)\n", "HttpUnix*"),
    conformance("requests wait for what another agrees on", "http/client/pool.cpp",
                "return wait_for_it ? found::must_wait", "return wait_for_it && false ? found::must_wait", "Http2Agreed*"),
    conformance("a dial that failed holds nobody up", "http/client/pool.cpp",
                "if (s.connections.empty()) s.waited = true;", "", "Http2AgreedClocks*"),
    conformance("nobody waits for an agreement for longer than a second", "http/client/pool.cpp",
                "          at->second.shared->waited = true;\n", "", "Http2Agreed*simulated"),
    conformance("a shared connection has so many places", "http/client/pool.cpp",
                "if (c->number <= w.newer_than_ || c->places() <= 0) continue;",
                "if (c->number <= w.newer_than_) continue;", "Http2Client*"),
    conformance("a place that is back serves who waits", "http/client/pool.cpp",
                "  serve_places(c);\n  if (c.streams() == 0", "  if (c.streams() == 0", "Http2Client*"),
    conformance("a request that was not begun is sent again", "http/client/exchange.cpp",
                "if (e.unprocessed && !answered", "if (false && !answered", "Http2ClientReports*"),
    conformance("… a few times only", "http/client/exchange.cpp",
                "unprocessed++ < most_unprocessed", "true", "Http2ClientReports*"),
    conformance("a misdirected request goes to a fresh connection", "http/client/exchange.cpp",
                "          what = reuse::none;\n          context_", "          context_", "Http2ClientReports*"),
    conformance("what is agreed on is spoken", "http/client/dial.cpp",
                "if (!http_1 && !http_2)", "if (false)", "Http2Agreed*"),
    conformance("a server that is silent is given up", "http/client/http2_link.cpp",
                "if (heard_at_ >= asked_at) continue;", "continue;", "Http2ClientReports*simulated"),
    conformance("a server that answers is not", "http/client/http2_link.cpp",
                "if (heard_at_ >= asked_at) continue;", "", "Http2ClientReports*simulated"),
    # --- WebSockets over HTTP/2 ---
    conformance("an extended CONNECT waits for the server's word", "http/client/http2_link.cpp",
                "while (!s.settings_came() && !s.is_lost()) {", "while (false) {", "Http2Websocket*"),
    conformance("without it HTTP/1.1 is spoken", "http/client/exchange.cpp",
                "if (!co_await context_.within(phase::connect, l.stream->takes_extended_connect())) l.drop();",
                "(void)co_await context_.within(phase::connect, l.stream->takes_extended_connect());", "Http2Websocket*"),
    conformance("2xx to a CONNECT means its protocol alone", "http/server/http2_exchange.cpp",
                "if (tunnel_ && (response.upgrade_ || response.status_ / 100 == 2))",
                "if (tunnel_ && response.upgrade_)", "Http2Websocket*"),
    conformance("a tunnel's stream that is reset cancels nobody", "http/server/http2_exchange.cpp",
                "  stream_->set_owner(nullptr);\n  if (stream_->closed()) return nullptr;\n",
                "  if (stream_->closed()) return nullptr;\n", "Http2Websocket*"),
    conformance("a stop waits for no pong of a client that has taken its leave", "http/server/serve_http2.cpp",
                "if (winding_down) winding_down->cancel();", "", "Http2ServerStop*"),
    conformance("what a tunnel leaves unsent has a limit", "http/server/http2_exchange.cpp",
                "      while (!stream_->all_sent() && !stream_->closed()) co_await wait_for_room();\n    } catch",
                "    } catch", "Http2Websocket*"),
    conformance("an extended CONNECT leaves its stream open", "http/client/round_trip.cpp",
                "c.send_head(head, no_body && head.protocol.empty());", "c.send_head(head, no_body);", "Http2Websocket*"),
    conformance("a WebSocket that is given up resets its stream", "http/parts/transport.hpp",
                "        s.abort();\n", "        s.close();\n", "Http2Websocket*"),
    conformance("one that cut its message waits for no answer", "http/websocket/connection.cpp",
                "    if (broken_ || ended_) co_return;  // nothing", "    if (ended_) co_return;  // nothing",
                "Http2Websocket*"),
    conformance("a handler that throws closes with 1011", "http/accept_websocket.cpp",
                "  if (failure) websocket_access::leave(websocket_, close_code::internal_error);\n", "",
                "Http2Websocket*1011*"),
    conformance("a closed one waits for no end of the stream", "http/client.cpp",
                "    if (tunnelled) connection->set_on_stream();\n", "", "Http2Websocket.AClosed*simulated"),
    Mutant("a stream's number is larger than all before it", "http/http2/session.cpp",
           "return f.type == NGHTTP2_HEADERS ? http2_code::protocol_error : http2_code::stream_closed;",
           "return std::nullopt;", "test_http", "Http2Session*"),
    Mutant("nothing comes behind END_STREAM", "http/http2/session.cpp",
           "case stream_history::fate::ended: return http2_code::stream_closed;",
           "case stream_history::fate::ended: break;", "test_http", "Http2Session*"),
    Mutant("continuations have an end", "http/http2/session.cpp",
           "if (++continuations_ > most_continuations) return", "if (false) return", "test_http", "Http2Session*"),
    Mutant("most of what comes is of use", "http/http2/session.cpp",
           "if (came_ / 8 > useful_ + most_useless) return", "if (false) return", "test_http", "Http2Session*"),
    Mutant("a peer resets so many streams", "http/http2/callbacks.cpp",
           "if (!stream->end_sent_ && !s.resets_.take(s.now_))", "if (false)", "test_http", "Http2Session*"),
    Mutant("… and not more for having been answered", "http/http2/callbacks.cpp",
           "if (!stream->end_sent_ && !s.resets_.take(s.now_))", "if (!s.resets_.take(s.now_))", "test_http",
           "Http2Session*"),
    Mutant("a peer makes us reset so many", "http/http2/callbacks.cpp",
           "if (!s.faults_.take(s.now_)) s.fail", "if (false) s.fail", "test_http", "Http2Session*"),
    Mutant("what we reset ourselves is no fault of the peer's", "http/http2/callbacks.cpp",
           "if (stream != nullptr && stream->reset_ours_) return 0;", "", "test_http", "Http2Session*"),
    Mutant("what is thrown away of a head has an end", "http/http2/callbacks.cpp",
           "if (size > s.settings_.head_bytes * patience_with_heads) {", "if (false) {", "test_http", "Http2Session*"),
    Mutant("what comes for a stream that we gave up gives its credit back", "http/http2/callbacks.cpp",
           "      s.give_credit(size);\n      return 0;\n", "      return 0;\n", "test_http", "Http2Session*"),
    Mutant("what is buffered has a cap", "http/http2/callbacks.cpp",
           "if (s.buffered_ <= s.settings_.buffered)", "if (true)", "test_http", "Http2Session*"),
    Mutant("what nobody will read gives its credit back", "http/http2/session.cpp",
           "if (s.held_ > 0) give_credit(std::exchange(s.held_, 0));", "", "test_http", "Http2Session*"),
    Mutant("an upload ends behind an early answer", "http/http2/callbacks.cpp",
           "if (stream->abandoned_ && !stream->in_ended_) stream->reset(http2_code::no_error);", "",
           "test_http", "Http2Session*"),
    Mutant("a place is free when the reset is on the socket", "http/http2/session.cpp",
           "  if (writing_) {\n    s.closed_at_", "  if (false) {\n    s.closed_at_", "test_http", "Http2Session*"),
    Mutant("secrets do not go to another origin", "http/client/redirect.cpp",
           "  if (plan.other_origin)\n", "  if (false)\n", "test_http", "*Redirect*"),
    Mutant("https does not become http", "http/client/redirect.cpp",
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
                "(call.idempotent() || means.never_reached)", "true", "HttpResilience*"),
    conformance("a 500 is not asked for again", "http/resilience.cpp",
                "means.passes && call.may_send_body_again()", "call.may_send_body_again()", "HttpResilience*"),
    conformance("retries keep to their budget", "http/resilience.cpp",
                ".budget(budget)},", "},", "HttpResilience*"),
    conformance("few requests are sent twice for being slow", "http/resilience.cpp",
                ".budget(std::make_shared<retry_budget>(retry_budget_options::share(0.1)))", "", "HttpHedge*"),
    conformance("an origin for which there is no room is asked all the same", "http/resilience.cpp",
                "if (!kept) not_kept = std::make_unique<origin_policies>(s.policies);",
                "if (!kept) throw rejected({.reason = rejection_reason::limit_exceeded});", "HttpResilience*"),
    conformance("interim responses have an end", "http/client/client_connection.cpp",
                "if (interim_++ == max_interim)", "if (false)", "HttpError*:*Interim*"),
    conformance("a body that is read whole has a limit", "http/response.cpp",
                "if (piece.size() > in.limit - all.size())", "if (false)", "HttpError*"),
    conformance("a read that failed is followed by no clean end", "http/response.cpp",
                "    if (in.ended) return std::span<const std::byte>();", "    return std::span<const std::byte>();",
                "HttpBodyRead*"),
    conformance("a body that has ended stays at its end", "http/response.cpp",
                "  in_->ended = true;\n", "", "HttpBodyRead*"),
    # --- http: reading ---
    Mutant("a decoded body has a limit", "http/wire/decode.cpp",
           "if (step.produced > limit_ - s.total)", "if (false)", "test_http", "*Decod*"),
    Mutant("a coding that breaks off is an error", "http/wire/decode.cpp",
           "if (!s.d->ended())", "if (false)", "test_http", "*Decod*"),
    Mutant("a chunk's size has 16 digits at most", "http/wire/chunked.cpp",
           "if (++digit_count_ > max_size_digits)", "if (false)", "test_http", "*Pars*:*Chunk*"),
    Mutant("white space stands around a chunk's extension", "http/wire/chunked.cpp",
           "if (c == ';' || is_ows(c)) {", "if (c == ';') {", "test_http", "Chunk*"),
    Mutant("white space stands around the equals sign of a chunk's extension", "http/wire/chunked.cpp",
           "    case at::extension_value:\n      if (is_ows(c)) break;\n", "    case at::extension_value:\n",
           "test_http", "Chunk*"),
    Mutant("no white space ends the line of a chunk's size", "http/wire/chunked.cpp",
           "if (at_ == at::after_name || at_ == at::after_space)", "if (false)", "test_http", "Chunk*"),
    Mutant("white space in a chunk's line is counted", "http/wire/chunked.cpp",
           "    count_extension_byte();\n    at_ = c == ';'", "    at_ = c == ';'", "test_http", "ParserLimits*"),
    Mutant("zeros behind gzip are passed over", "http/wire/decode_zlib.cpp",
           "if (any_ && (padded_ || in.front() != first_of_a_member))", "if (false)", "test_http", "*Decod*"),
    Mutant("behind zeros no member follows", "http/wire/decode_zlib.cpp",
           "    padded_ = true;\n", "", "test_http", "*Decod*"),
    Mutant("junk behind a frame is called so", "http/wire/decode_zstd.cpp",
           "if (between_ && any_ && !may_begin_a_frame(in.front()))", "if (false)", "test_http", "*Decod*"),
    Mutant("a step of decoding is bounded", "http/wire/decode.cpp",
           "    if (runs_left_ == 0) return false;\n", "", "test_http", "*Decod*"),
    conformance("the total time holds while a body is decoded", "http/response.cpp",
                "if (in.deadline != rondo::detail::never && this_loop().now() >= in.deadline)\n"
                "        throw timeout_error(",
                "if (false)\n        throw timeout_error(", "HttpCodingDeadline*"),
    conformance("others run while a body is decoded to nothing", "http/response.cpp",
                "      turn = !wants_input;\n", "      turn = false;\n      if (!wants_input) continue;\n",
                "HttpCoding.CanBe*"),
    conformance("a body that is read whole is decoded up to 64 MiB", "http/response.cpp",
                "std::uint64_t{64} << 20", "std::uint64_t{65} << 20", "HttpCoding*simulated"),
    conformance("a streamed body is decoded without a limit", "http/response.cpp",
                "in.max_decoded.value_or(no_end)", "in.max_decoded.value_or(most_decoded_whole)",
                "HttpCoding*simulated"),
    Mutant("a refused trailer of a response is a gateway's error", "http/wire/head_scan.cpp",
           "of_response_ ? 502 : answer_status", "kind_ == scan_kind::response ? 502 : answer_status",
           "test_http", "Chunk*"),
    Mutant("what cannot be read hides no challenge", "http/client/digest.cpp",
           "    } else {\n      skip_element(s);\n", "    } else {\n      return out;\n", "test_http", "Challenges*"),
    Mutant("a scheme stands at the beginning of an element", "http/client/digest.cpp",
           "} else if (!word.empty() && begins &&", "} else if (!word.empty() &&", "test_http", "Challenges*"),
    Mutant("a request carries so many cookies", "http/cookies.cpp",
           "kept == limits_.sent || ", "", "test_http", "*Cookie*"),
    Mutant("a request carries so many bytes of cookies", "http/cookies.cpp",
           " || bytes > most || more > most - bytes", "", "test_http", "*Cookie*"),
    Mutant("a domain has so many cookies", "http/cookies.cpp",
           "domains_[domain].size() > limits_.per_domain)", "false)", "test_http", "*Cookie*"),
    conformance("a path with a NUL opens nothing", "http/body.cpp",
                "if (path.find('\\0') == std::string::npos) return;", "return;", "HttpPaths*"),
    conformance("an unreadable part of no_proxy hides none of the rest", "http/proxy.cpp",
                "      report_once(std::string(v.name) + \" holds a part that is ignored: \" + e.what());",
                "      throw;", "HttpProxySettings*"),
    conformance("a report is made once", "http/proxy.cpp",
                "said.insert(sentence).second)", "(said.insert(sentence), true))", "HttpProxySettings*"),
    conformance("a proxy that cannot be used fails who needs it alone", "http/proxy.cpp",
                "    return unusable{v.name, std::string(v.value), std::string(why), e.position()};",
                "    throw;", "HttpProxy*simulated"),
    Mutant("a head has as many fields as its limit says", "http/wire/head_scan.cpp",
           "if (fields.size() == limits_.fields)", "if (false)", "test_http", "*Pars*"),
    Mutant("Content-Length is said once", "http/wire/framing.cpp",
           'if (!allow_repeated_length || value != length) fail("more than one Content-Length");', "",
           "test_http", "*Pars*"),
    Mutant("a body that ends before its length is an error", "http/wire/parser.cpp",
           'truncated("the body ended " + std::to_string(left_) + " bytes before its Content-Length");\n      break;',
           "return end_message();", "test_http", "*Pars*"),
    conformance("a request's unread body is not the next request", "http/server/server_connection.cpp",
                "if (keep_ && !body_ended_ && !co_await drain()) keep_ = false;", "", "Server.*"),
    conformance("an absolute target's host counts", "http/server/server_connection.cpp",
                'if (!target.authority.empty()) request.head_.headers.set("Host", target.authority);', "",
                "ServerTargets*"),
    Mutant("who is refused for user information is told so", "http/server/request_target.cpp",
           "if (authority.find('@') != std::string_view::npos)", "if (false)", "test_http", "RequestTarget*"),
    Mutant("a path is split before it is decoded", "http/server/router.cpp",
           "std::vector<std::string_view> segments = split(path);",
           "const std::string whole = percent_decode(path);\n  std::vector<std::string_view> segments = split(whole);",
           "test_http", "Router*"),
    Mutant("all that follows stands last", "http/server/router.cpp",
           "if (!r.segments.empty() && r.segments.back().what == kind::rest)", "if (false)", "test_http", "Router*"),
    conformance("an error is the client's by its origin", "http/server/server_exchange.cpp",
                "if (e == body_failure_)", "if (e)", "ServerBlame*"),
    conformance("a timeout of a server behind is 504", "http/server/server_exchange.cpp",
                "if (dynamic_cast<const timeout_error*>(&e) != nullptr) return 504;", "", "ServerBlame*"),
    conformance("a body that failed ends the connection", "http/server/server_connection.cpp",
                "if (body_failure_ || reading_ || (keep_", "if (reading_ || (keep_", "ServerBlame*"),
    conformance("a read of a body that was cancelled ends the connection", "http/server/server_connection.cpp",
                "if (body_failure_ || reading_ || (keep_", "if (body_failure_ || (keep_",
                "ServerRequests.AReadOfTheBody*"),
    conformance("a body's limit holds for who streams it", "http/server/server_connection.cpp",
                "if (body_taken_ > max_streamed_) refuse_body_of(max_streamed_);", "", "ServerRequests*Limit*"),
    conformance("a status that cannot be sent is not sent", "http/server/response_head.cpp",
                "if (status < 200 || status > 999) {", "if (status < 100 || status > 999) {", "ServerBlame*"),
    conformance("a body that is too large is not asked for", "http/server/server_exchange.cpp",
                "if (!body_ended_ && body_length().value_or(0) > most) refuse_body_of(most);", "",
                "ServerBlame.NothingIsAskedFor*"),
    # --- the life of a server's connection ---
    conformance("a write that does not progress ends", "http/server/connection_clock.cpp",
                "if (static_cast<double>(moved) < least) cut();", "", "ServerStall*:ServerClocks*"),
    conformance("what a client acknowledges is progress", "http/server/connection_clock.cpp",
                "moved_.front() = std::max(taken_, acknowledged_since);", "moved_.front() = 0;",
                "ServerStall*Slowly*:ServerClocks*LeastRate*"),
    conformance("a read whose time is over ends", "http/server/connection_clock.cpp",
                "  w->cancel(*reader_);", "  expired_ = false;", "ServerClocks*"),
    conformance("a head has one time, however it comes", "http/server/server_connection.cpp",
                "if (!co_await read(until)) co_return refused(408",
                "if (!co_await read(rondo::detail::add(connection_clock::now(), options().header_timeout_)))\n"
                "      co_return refused(408", "ServerClocks*"),
    conformance("only waiting counts against a body's rate", "http/server/server_connection.cpp",
                "body_waited_ += connection_clock::now() - begun;",
                "body_waited_ += connection_clock::now() - begun + std::chrono::seconds(30);", "ServerClocks*"),
    conformance("a stop gives a connection at rest a second", "http/server/accepted_connection.cpp",
                "if (!serving_.stopping()) return add(now, options().idle_timeout_);",
                "return add(now, options().idle_timeout_);", "ServerStop*"),
    conformance("an answer after the stop closes", "http/server/server_connection.cpp",
                "expects_continue_) ||\n      server().stopping())", "expects_continue_))", "ServerStop*"),
    conformance("what waits to be accepted is accepted before the listener closes", "http/server.cpp",
                "    detail::held_connections held = co_await detail::accept_what_waits(s, listener, secure);\n",
                "    detail::held_connections held;\n", "ServerStop.Nobody*"),
    conformance("a full server that stops holds who has a connection until there is room", "http/server.cpp",
                "    held.push_back(std::move(stream));", "", "ServerStop.AFull*:ServerStop.Held*"),
    conformance("what was taken for a full server is served at a stop", "net/serve.hpp",
                "      held.push_back(std::move(next).value());", "      continue;", "Handover.AFull*io_uring"),
    conformance("a stop's second word ends the wait of those that are held", "http/server/serving.cpp",
                "while (!has_room() && !watch_->grace_is_over()) {", "while (!has_room()) {", "ServerStop.Held*"),
    conformance("the grace ends", "http/server/serving.cpp", "  cancel_all();\n  if (co_await", "  if (co_await",
                "ServerStop*"),
    conformance("what is held goes out when a handler rests", "http/server/server_connection.cpp",
                "if (writing_ || !holds()) return;", "return;", "ServerPipelining*"),
    conformance("answers are not held without end", "http/server/server_connection.cpp",
                "else if (held_.size() - gone_ > most_held)", "else if (false)", "ServerPipelining.AnswersDoNot*"),
    conformance("what was answered goes before a failure closes", "http/server/server_connection.cpp",
                "if (failed && self.holds() && !self.lost_) (void)co_await as_result(self.flush());", "",
                "ServerPipelining*"),
    conformance("a client that has gone takes its handler along", "http/server/server_connection.cpp",
                "if (!clock().is_reading()) connection_.watch_peer();", "", "ServerGone*"),
    conformance("who reads a body sees its end himself", "http/server/server_connection.cpp",
                "if (!clock().is_reading()) connection_.watch_peer();", "connection_.watch_peer();",
                "ServerGone.ABody*"),
    conformance("another protocol is for those who ask for it", "http/server/server_connection.cpp",
                "version_ == http::version::http_1_1 && parser_.upgrade() &&", "true &&", "ServerUpgrade*"),
    # --- the server's application side ---
    conformance("a group's links are inside of the server's", "http/server/routing.cpp",
                "if (g == everything) return chains_.back();", "return chains_.back();", "Middleware*"),
    conformance("a group's links see what it does not answer", "http/server/routing.cpp",
                "const group in = r.match_.nearest ? routes_[*r.match_.nearest].in : everything;",
                "const group in = everything;", "Middleware*NoRoute*"),
    conformance("no redirect leads to another site", "http/server/routing.cpp",
                "if (path.size() < 2 || path[1] == '/' || path[1] == '\\\\') return {};",
                "if (path.size() < 2) return {};", "Middleware*Slash*"),
    conformance("a cancelled request has its line", "http/access_log.cpp",
                "int status = 499;  // until there is an answer", "int status = 200;", "AccessLog*"),
    conformance("no client writes a line of the log", "http/access_log.cpp",
                "if (byte >= 0x20 && byte < 0x7f && c != '\"' && c != '\\\\') {", "if (true) {", "AccessLog*"),
    conformance("a part cannot be compressed", "http/compress.cpp", "status != 205 && status != 206 &&",
                "status != 205 &&", "Compress*"),
    conformance("a cache knows of compression", "http/compress.cpp",
                'fields.add("Vary", "Accept-Encoding");', ";", "Compress*"),
    conformance("what was asked to be flushed is", "http/compress.cpp",
                "flushed ? detail::flush::pieces : detail::flush::none", "detail::flush::none", "Compress*"),
    conformance("an origin is allowed as a whole", "http/cors.cpp",
                "std::ranges::find(origins_, asks) != origins_.end()", "!origins_.empty()", "Cors*"),
    conformance("a cache keeps origins apart", "http/cors.cpp",
                '  vary_by(answer, "Origin");', "", "Cors*"),
    conformance("a secret is compared to its end", "http/server_auth.cpp",
                "unsigned difference = secret.size() == given.size() ? 0 : 1;", "unsigned difference = 0;",
                "ServerAuth*"),
    conformance("two Authorization fields are none", "http/server_auth.cpp",
                'if (r.headers().count("Authorization") != 1) return std::nullopt;',
                'if (r.headers().count("Authorization") == 0) return std::nullopt;', "ServerAuth*"),
    conformance("a body is refused before it is asked for", "http/request_limits.cpp", "if (size > most_)",
                "if (false)", "RequestLimits*"),
    conformance("one customer of IPv6 is one client", "http/rate_limit.cpp",
                "whole.substr(0, of_a_customer)", "whole", "RateLimit*"),
    conformance("who asks at random makes no series", "runtime/metrics.cpp",
                "if (count_.load(std::memory_order_relaxed) >= most_) break;", "if (false) break;",
                "ServerMetrics*"),
    Mutant("a part has a limit", "http/wire/multipart_scan.cpp", "if (part_size_ > limits_.part_bytes)",
           "if (false)", "test_http", "MultipartScan*"),
    Mutant("a body has as many parts as its limit says", "http/wire/multipart_scan.cpp",
           "if (++parts_ > limits_.parts)", "if (false)", "test_http", "MultipartScan*"),
    Mutant("a boundary's beginning is not given as data", "http/wire/multipart_scan.cpp",
           "text.size() - std::min(text.size(), delimiter_.size() - 1);", "text.size();", "test_http",
           "MultipartScan*"),
    conformance("a client's file name is no path", "http/wire/multipart_scan.cpp",
                "part_.filename = last_segment_of(p.text());", "part_.filename = p.text();", "ServerRequests*"),
    conformance("a spooled part leaves no name", "http/multipart_reader.cpp",
                "~unlinked() { ::unlink(path_.c_str()); }", "~unlinked() {}", "ServerRequests*epoll"),
    Mutant("the most specific range says the weight", "http/server/negotiation.cpp",
           "if (close < 0 || close < closest) return;", "if (close < 0) return;", "test_http", "Accept*"),
    Mutant("a cookie's value says nothing else", "http/set_cookie_value.cpp",
           "if (!all_in(value_bytes, inner))", "if (false)", "test_http", "SetCookieValue*"),
    Mutant("what llhttp does not know is still compared", "http/wire/llhttp_check.cpp",
           "    c.begin_again();\n    c.stands_in = true;\n    result = run_llhttp(parser, c, head);",
           "    return;", "test_http", "*Pars*"),
    conformance("a graceful stop cancels who does not end", "net/serve.cpp",
                "if (c.handler) c.handler->cancel();", ";", "GracefulStop*"),
    # --- processes ---
    conformance("a process inherits no descriptor", "net/process/launch.cpp",
                "  close_others(c);\n  return true;", "  return true;", "Process.InheritsNoDescriptor*"),
    conformance("a process begins with no signal blocked", "net/process/launch.cpp",
                "  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, mask_size);", "  (void)none;",
                "Process.BeginsWithCleanSignals*"),
    conformance("what is left of a group that was stopped is killed", "net/process/starter.cpp",
                "    if (own_group_ && was_asked()) ::kill(-pid_, SIGKILL);\n", "", "Process.ThatLeadsAGroup*"),
    conformance("a process whose object goes is ended", "net/process/starter.cpp",
                "  if (child_ && !child_->has_ended()) child_->abandon();\n", "",
                "Process.ThatNobodyHoldsIsEndedWhileOthersRun*"),
    conformance("a process that does not listen is killed", "net/process/child.cpp",
                "  if (!c->has_ended()) c->send(SIGKILL);\n", "", "Process.ThatDoesNotListen*simulated"),
    conformance("a signal that is handled ends no simulated program", "net/process/simulated_child.cpp",
                "signal != SIGKILL && (self_.handled_ & bit(signal)) != 0", "false",
                "Process.ThatDoesNotListen*simulated"),
    conformance("a program writes as much as it may, and no more", "net/run_process.cpp",
                "if (n > run.options.max_output_ - to.size())", "if (n > run.options.max_output_ - to.size() + 1)",
                "Process.ThatSaysTooMuch*"),
    conformance("a pipe that nobody reads is no signal", "net/parts/ready_wait.cpp",
                "rondo::detail::without_pipe_signal(size, [&] { return ::write(fd, bytes, size); })",
                "::write(fd, bytes, size)", "PipeStream.ThatNobodyReads*"),
    conformance("a write that went in part breaks the stream", "net/parts/pipe_end.cpp",
                "    written.begun();\n", "", "Process.WritingThatIsCancelled*"),
    conformance("a SOCKS proxy chooses what it was offered", "net/parts/socks_client.cpp",
                "if (method != by_password || !login_)", "if (!login_)", "Socks.NamesWhat*"),
    conformance("a SOCKS proxy reads no requests", "http/proxy.hpp",
                " || kind_for(target) != proxy_kind::http;", ";", "HttpSocks.Carries*"),
    # --- patterns ---
    Mutant("a bulkhead's line has an end", "patterns/bulkhead.cpp",
           "if (b.waiting_ >= b.queue_)", "if (false)", "test_patterns", "Bulkhead*"),
    Mutant("the first of a rate limiter's line may leave", "patterns/rate_limiter.cpp",
           "  if (!was_first) return;\n  detail::this_core().timers().disarm(timer_);\n  serve(this_loop().now());",
           "  if (!was_first) return;\n  detail::this_core().timers().disarm(timer_);", "test_patterns", "RateLimiter*"),
    Mutant("who lost a hedge is cancelled", "patterns/hedge.cpp",
           "  this_core().timers().disarm(*this);\n  cancel_running();\n}\n\nbool hedge_wait::begin",
           "  this_core().timers().disarm(*this);\n}\n\nbool hedge_wait::begin", "test_patterns", "Hedge*"),
    Mutant("a half-open breaker lets so many probes through", "patterns/circuit_breaker.cpp",
           "if (now < oldest->lease_end)", "if (false)", "test_patterns", "CircuitBreaker*"),
    Mutant("what began before the breaker changed does not count", "patterns/circuit_breaker.cpp",
           "  if (!valid) {", "  if (false) {", "test_patterns", "CircuitBreaker*"),
    Mutant("nothing is tried again after a cancellation", "patterns/verdict.cpp",
           "  if (j.how == ending::cancelled) return j;\n", "", "test_patterns", "Retry*"),
    Mutant("a callee that a refused call did not reach has not failed", "patterns/verdict.cpp",
           "(is_failure && is_failure(j.why.reason))", "j.how == ending::rejected", "test_patterns", "Rejection*:CircuitBreaker*"),
    Mutant("the end of a failed attempt is gone before the delay", "patterns/parts/stack_call.hpp",
           "        result_ = outcome<T>();  // it may", "  // it may", "test_patterns", "Retry*"),
    Mutant("a hedge for slow calls leaves failures alone", "patterns/hedge.hpp",
           "wanted = wanted || self.after_failures_;", "wanted = true;", "test_patterns", "Hedge*"),
    Mutant("a hedge for slow calls begins none when the first has failed", "patterns/hedge.hpp",
           "self.after_failures_ || calls.any_running();", "true;", "test_patterns", "Hedge*"),
    Mutant("looking for a policy makes none", "patterns/keyed.hpp",
           "handle(this, &found->second) : handle();", "handle(this, &found->second) : get(key);", "test_patterns",
           "Keyed*"),
    Mutant("no delay ends after the deadline", "patterns/retry.cpp",
           "if (comes_too_late(step.delay, c)) return decision::pass();", "", "test_patterns", "Retry*"),
    Mutant("what cancelled calls had reserved goes back together", "patterns/shared_rate_limiter.cpp",
           "while (next != behind_others_.end()) {", "while (false) {",
           "test_patterns", "SharedRateLimiter*"),
    Mutant("a retry that never began spends no budget", "patterns/retry.hpp",
           "if (booked_ != detail::never) settings_.budget->not_made(booked_);", "", "test_patterns",
           "RetryLimits*"),
    Mutant("a retry that began is spent", "patterns/retry.hpp",
           "void goes_again() noexcept { booked_ = detail::never; }", "void goes_again() noexcept {}",
           "test_patterns", "RetryLimits*"),
)


class Failure(Exception):
    pass


def cases_of(source: pathlib.Path) -> list[str]:
    return [".".join(case) for case in CASE.findall(source.read_text(encoding="utf-8"))]


def is_named(case: str, tests: str) -> bool:
    return any(fnmatch.fnmatchcase(case + reactor, one) for reactor in REACTORS for one in tests.split(":"))


def output_of(command: list[str], where: pathlib.Path) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=where)
    if done.returncode != 0:
        raise Failure(f"it does not compile:\n{done.stdout[-3000:]}")
    return done.stdout


@dataclasses.dataclass(frozen=True)
class Small:
    """A small program."""

    name: str
    objects: list[str]
    link: list[str]
    longest_s: float = 300  # a mutant may hang: that is found too


class Bench:
    """A copy and its build."""

    def __init__(self, copy: str):
        self.source = pathlib.Path(copy).resolve()
        self.build = self.source / "build"
        self.objects: dict[str, dict[str, str]] = {}  # of each target: the sources by their objects
        for one in json.loads((self.build / "compile_commands.json").read_text(encoding="utf-8")):
            target = one["output"].partition(".p/")[0]
            self.objects.setdefault(target, {})[one["output"]] = one["file"]

    def make(self, *targets: str) -> None:
        jobs = os.environ.get("RONDO_JOBS") or str(os.cpu_count())
        output_of(["ninja", "-j", jobs, *targets], self.build)

    @functools.cache
    def small(self, program: str, tests: str) -> Small:
        """The program that has these tests, without a mutant: they pass."""
        link = shlex.split(output_of(["ninja", "-t", "commands", f"tests/{program}"], self.build).splitlines()[-1])
        all_of_it = self.objects[f"tests/{program}"]
        # A source without any test is of use to all of them.
        chosen = [o for o, source in all_of_it.items() if not (cases := cases_of(self.build / source))
                  or any(is_named(case, tests) for case in cases)]
        link = [word for word in link if word not in all_of_it or word in chosen]
        link[link.index("-o") + 1] = f"small/{program}"  # some tests read the program's name
        (self.build / "small").mkdir(exist_ok=True)
        archives = [word for word in link if word.startswith("tests/lib")]
        self.make("librondo.a", *archives, *chosen)

        # Of the library only what the linker takes; the rest need not be compiled again when a header changes.
        taken = re.findall(r"^librondo\.a\((\S+)\)", output_of([*link, "-Wl,--trace"], self.build), re.M)
        of_library = [o for objects in self.objects.values() for o in objects
                      if o.startswith("librondo_") and o.rpartition("/")[2] in taken]
        at = link.index("librondo.a")
        link[at:at] = of_library
        is_whole = Small(program, [*archives, *chosen, *of_library], link)
        begun = time.monotonic()
        if test := self.failing(is_whole, tests):
            raise Failure(f"{test}, without a mutant")
        return dataclasses.replace(is_whole, longest_s=10 + 5 * (time.monotonic() - begun))

    def failing(self, small: Small, tests: str) -> str:
        """The first test that fails, crashes or hangs; empty for none."""
        self.make(*small.objects)
        output_of(small.link, self.build)
        command = [str(self.build / "small" / small.name), f"--gtest_filter={tests}", "--gtest_fail_fast"]
        with tempfile.TemporaryFile("w+", errors="replace") as out:
            try:
                code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False,
                                      timeout=small.longest_s, cwd=self.source).returncode
            except subprocess.TimeoutExpired:
                code = -1
            out.seek(0)
            said = out.read()
        if " 0 tests from 0 test suites ran" in said:
            raise Failure(f"no test is called {tests}")
        failed = re.findall(r"^\[  FAILED  \] (\S+)", said, re.M)
        begun = re.findall(r"^\[ RUN      \] (\S+)", said, re.M)  # of what crashes or hangs, the last
        return "" if code == 0 else (failed[:1] or begun[-1:] or ["the program"])[0].rstrip(",")


def broken(mutant: Mutant, text: str) -> str:
    if text.count(mutant.old) != 1:
        raise Failure(f"{mutant.file} has {text.count(mutant.old)} times, not once: {mutant.old!r}")
    return text.replace(mutant.old, mutant.new)


def finder(bench: Bench, mutant: Mutant) -> str:
    """The test that finds it; empty for none."""
    small = bench.small(mutant.program, mutant.tests)
    path = bench.source / mutant.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(broken(mutant, whole), encoding="utf-8")
    try:
        return bench.failing(small, mutant.tests)
    finally:
        path.write_text(whole, encoding="utf-8")


def verdict(bench: Bench, mutant: Mutant) -> tuple[bool, str]:
    """Whether it is found, and the line that says so."""
    begun = time.monotonic()
    try:
        test = finder(bench, mutant)
        says = "found     " if test else "SURVIVED  "
    except Failure as error:
        test, says = "", f"FAILED    {error}\n          "
    return bool(test), (f"{says}{mutant.file}: {mutant.rule}{' — by ' if test else ''}{test} "
                        f"({time.monotonic() - begun:.0f} s)")


def main() -> int:
    copy, part = sys.argv[1], " ".join(sys.argv[2:])
    chosen = [m for m in MUTANTS if part in f"{m.file} {m.rule}"]
    bench = Bench(copy)
    passed = 0
    # Those of a file one after the other, so that it alone is compiled again; the headers, which take longest, last.
    for mutant in sorted(chosen, key=lambda m: (m.file.endswith(".hpp"), m.file)):
        is_found, line = verdict(bench, mutant)
        print(line, flush=True)
        passed += is_found
    print(f"{passed} passed, {len(chosen) - passed} failed")
    return 0 if passed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
