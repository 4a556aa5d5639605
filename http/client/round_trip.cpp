#include <rondo/http/client/round_trip.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/http/wire/chunked.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/scope.hpp>

#include <type_traits>

namespace rondo::http::detail {
namespace {

// Bodies up to this size go out in one write with the head, and the response is awaited afterwards.
// Larger ones could fill every buffer on the way while the server waits for us to read: we read
// while we write.
constexpr std::size_t joined_body = 16 * 1024;
// How long a server that was asked (Expect) may keep silent before the body goes without its word.
constexpr auto expect_patience = std::chrono::seconds(1);

constexpr const char* lost = "the connection was lost before the answer";

}  // namespace

void round_trip::throw_failure(const no_answer& e) const {
  if (unsent_) throw_unsent(*unsent_);
  throw connect_error(e.code, e.what, context_.current_phase());
}

bool round_trip::may_send_body_again() const noexcept {
  const auto* streamed = std::get_if<request::stream_body>(&request_.body_);
  return !streamed || streamed->factory || !body_taken_;
}

bool round_trip::goes_at_once() const noexcept {
  const auto* whole = std::get_if<std::string>(&request_.body_);
  const bool streamed = std::holds_alternative<request::stream_body>(request_.body_);
  return !streamed && !asks_first() && !(whole && whole->size() > joined_body);
}

task<> round_trip::run(client_connection& c, std::string& head) {
  context_.enter(phase::write);
  unsent_.reset();
  return goes_at_once() ? send_at_once(c, head) : send_head_first(c, head);
}

task<> round_trip::run(client_stream& c, const http2_head& head) {
  context_.enter(phase::write);
  unsent_.reset();
  if (!goes_at_once()) return send_head_first(c, head);
  send_at_once(c, head);
  return await_head_in_time(c);
}

task<> round_trip::send_at_once(client_connection& c, std::string& head) {
  const std::size_t head_size = head.size();
  if (const auto* whole = std::get_if<std::string>(&request_.body_)) head += *whole;
  try {
    co_await write(c, head);
  } catch (const write_failure& e) {
    c.half_sent = true;
    keep_failure(e);
  }
  context_.trace(trace_point::head_sent, std::string_view(head).substr(0, head_size));
  context_.trace(trace_point::sent);
  co_await await_head_in_time(c);
}

// A stream takes a head and this much of a body without a wait.
void round_trip::send_at_once(client_stream& c, const http2_head& head) {
  const auto* whole = std::get_if<std::string>(&request_.body_);
  const bool no_body = !whole || whole->empty();
  c.send_head(head, no_body && head.protocol.empty());  // what is asked for goes on both ways
  if (!no_body) c.send_rest(*whole);
  trace_head(head);
  context_.trace(trace_point::sent);
}

template <class Carrier>
task<bool> round_trip::await_go_ahead(Carrier& c) {
  context_.enter(phase::first_byte);
  const auto came = co_await try_for(expect_patience, await_head(c, awaited::go_ahead));
  if (came != awaited::final_head) co_return true;
  if (c.status() == 417) throw expectation_failed();
  co_return false;
}

// The head goes alone, and before anything is read: what comes before it would answer nobody.
task<> round_trip::send_head_first(client_connection& c, const std::string& head) {
  c.half_sent = true;  // until the body has gone
  if (!expects_) open_body();
  try {
    co_await write(c, head);
  } catch (const write_failure& e) {
    keep_failure(e);
  }
  context_.trace(trace_point::head_sent, head);
  if (unsent_) {
    co_await await_head_in_time(c);
    co_return;
  }
  if (expects_) {
    if (!co_await await_go_ahead(c)) co_return;
    open_body();
  }
  co_await run_duplex(c);
}

task<> round_trip::send_head_first(client_stream& c, const http2_head& head) {
  if (!expects_) open_body();
  c.send_head(head, false);
  trace_head(head);
  if (expects_) {
    if (!co_await await_go_ahead(c)) co_return;
    open_body();
  }
  co_await run_duplex(c);
}

void round_trip::trace_head(const http2_head& head) const {
  if (!context_.is_traced()) return;
  std::string text = ":method: " + head.method + "\r\n:scheme: " + head.scheme +
                     "\r\n:authority: " + head.authority + "\r\n:path: " + head.path + "\r\n";
  if (!head.protocol.empty()) text += ":protocol: " + head.protocol + "\r\n";
  text += head.fields.wire();
  text += "\r\n";
  context_.trace(trace_point::head_sent, text);
}

template <class Carrier>
task<> round_trip::await_head_in_time(Carrier& c) {
  context_.enter(phase::first_byte);
  if (context_.limit(phase::first_byte) == no_limit)
    co_await await_head(c, awaited::final_head);
  else
    co_await context_.within(phase::first_byte, await_head(c, awaited::final_head));
}

// Both ways at once. An answer that is no success ends the upload, as RFC 9112, section 9.5 wants.
// Beside a success it goes on: who has said 200 may be reading still, and half a body must not pass
// for the whole.
template <class Carrier>
task<> round_trip::run_duplex(Carrier& c) {
  context_.enter(phase::write);
  shared_ = std::make_shared<upload>();
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reading = g.spawn(read_side(c));
    if (uploads_) c.sending = shared_;
    upload_ = (uploads_ ? *uploads_ : g).spawn(write_side(c));
    co_await shared_->moved.wait();
    if (!shared_->answered) {
      context_.enter(phase::first_byte);
      const auto read =
          co_await context_.within(phase::first_byte, rondo::detail::to_task(reading.join()));
      if (!read.has_value()) co_return;  // its error ends the group
    }
    if (c.status() >= 300)
      co_await stop_upload();
    else if (!upload_->done())
      context_.enter(phase::write);
  });
}

task<> round_trip::stop_upload() {
  upload_->cancel();
  static_cast<void>(co_await upload_->join());
  upload_.reset();
  shared_.reset();
}

template <class Carrier>
task<> round_trip::read_side(Carrier& c) {
  co_await await_head(c, awaited::final_head);
  shared_->answered = true;
  shared_->moved.set();
}

template <class Carrier>
task<> round_trip::write_side(Carrier& c) {
  try {
    co_await write_body(c);
    c.body_sent();
  } catch (const write_failure& e) {
    keep_failure(e);
  }
  context_.trace(trace_point::sent);
  c.sending.reset();
  shared_->moved.set();
  if (shared_->rest) shared_->rest.finish();
}

// Reads to the head of the final response, or to a 100 when that will do. May be called again after
// it was cancelled: what had come is not lost.
template <class Carrier>
task<round_trip::awaited> round_trip::await_head(Carrier& c, awaited at_least) {
  for (;;) {
    parse_step step{};
    try {
      step = co_await c.next_event();
    } catch (const stream_lost& e) {
      throw no_answer{e.code(), e.what(), e.unprocessed()};
    } catch (const net::tls_truncated& e) {
      throw no_answer{e.code(), lost};
    } catch (const net::tls_error& e) {  // the server has said why: no use in trying again
      throw tls_error(e.what(), e.code());
    } catch (const std::system_error& e) {
      throw no_answer{e.code(), lost};
    }
    if (step.event == parse_event::need_more)
      throw no_answer{std::make_error_code(std::errc::connection_reset), closed_silently};
    if (step.event != parse_event::head) continue;  // the end of an interim response
    const int status = c.status();
    if (status >= 200 || status == 101) {
      context_.trace_at(c.first_byte_at, trace_point::first_byte);
      co_return awaited::final_head;
    }
    context_.trace(trace_point::interim, {}, static_cast<std::uint64_t>(status));
    if (status == 100 && at_least == awaited::go_ahead) co_return awaited::go_ahead;
  }
}

// The server may have answered before it closed: its answer counts for more than our failure. What
// fails on this side leaves the connection open, and nobody answers half a request.
void round_trip::keep_failure(const write_failure& e) {
  const bool over = e.code == std::errc::broken_pipe || e.code == std::errc::connection_reset ||
                    e.code == std::errc::timed_out || e.code == std::errc::host_unreachable ||
                    e.code == std::errc::network_unreachable;
  const bool ours = e.code.category() == std::system_category() && !over;
  if (ours) throw_unsent(e);
  unsent_ = e;
}

void round_trip::throw_unsent(const write_failure& e) {
  throw connect_error(e.code, "the request could not be sent", phase::write);
}

// What is not the connection's (no memory) passes as it is: no answer can be waited for then.
template <class T>
void round_trip::throw_failure_of(const outcome<T>& written) {
  if (!written.code()) std::rethrow_exception(written.error());
  throw write_failure{written.code()};
}

task<> round_trip::write(client_connection& c, std::string_view text) {
  return c.stream().with([this, text](auto& stream) { return write_to(stream, text); });
}

template <class Stream>
task<> round_trip::write_to(Stream& stream, std::string_view text) {
  std::span<const std::byte> left = net::bytes_of(text);
  const rondo::detail::nanoseconds d = context_.limit(phase::write);
  if (d == no_limit) {
    const outcome<void> written = co_await as_result(stream.write_all(left));
    if (!written.has_value()) throw_failure_of(written);
    co_return;
  }
  while (!left.empty()) {
    const auto written = co_await try_for(d, as_result(stream.write_some(left)));
    if (!written) throw timeout_error(phase::write);
    if (!written->has_value()) throw_failure_of(*written);
    left = left.subspan(written->value());
  }
}

void round_trip::open_body() {
  auto* streamed = std::get_if<request::stream_body>(&request_.body_);
  if (!streamed) return;
  if (streamed->factory)
    streamed->source = streamed->factory->open();
  else if (body_taken_)
    throw body_error(body_error::reason::not_repeatable, "a streamed body can be sent once");
  body_taken_ = true;
}

task<> round_trip::write(client_stream& c, std::string_view text) {
  const rondo::detail::nanoseconds d = context_.limit(phase::write);
  while (!text.empty()) {
    outcome<std::size_t> written;
    if (d == no_limit) {
      written = co_await as_result(c.write_some(text));
    } else {
      auto in_time = co_await try_for(d, as_result(c.write_some(text)));
      if (!in_time) throw timeout_error(phase::write);
      written = std::move(*in_time);
    }
    if (!written.has_value()) throw_failure_of(written);
    text.remove_prefix(written.value());
  }
}

template <class Carrier>
task<> round_trip::write_body(Carrier& c) {
  constexpr bool chunks = std::is_same_v<Carrier, client_connection>;
  if (const auto* whole = std::get_if<std::string>(&request_.body_)) {
    co_await write(c, *whole);
    if constexpr (!chunks) c.finish({});
    co_return;
  }
  auto& body = std::get<request::stream_body>(request_.body_);
  std::uint64_t sent = 0;
  std::string framed;
  while (const std::optional<std::string> piece = co_await body.source->next()) {
    if (piece->empty()) continue;  // an empty chunk would end the body
    sent += piece->size();
    if (body.size && sent > *body.size)
      throw body_error(body_error::reason::too_large, "the request's body is longer than it said");
    if constexpr (chunks) {
      if (!body.size) {
        framed.clear();
        write_chunk(framed, *piece);
        co_await write(c, framed);
        continue;
      }
    }
    co_await write(c, *piece);
  }
  if (body.size && sent < *body.size)
    throw body_error(body_error::reason::truncated, "the request's body is shorter than it said");
  if constexpr (chunks) {
    if (body.size) co_return;
    framed.clear();
    write_last_chunk(framed, body.source->trailers());
    co_await write(c, framed);
  } else {
    c.finish(body.source->trailers());
  }
}

}  // namespace rondo::http::detail
