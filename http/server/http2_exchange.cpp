#include <rondo/http/http2/tunnel.hpp>
#include <rondo/http/server/http2_serving.hpp>
#include <rondo/http/server/request_target.hpp>
#include <rondo/http/server/response_head.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace rondo::http::detail {

http2_exchange::http2_exchange(http2_serving& s, http2_stream_ref stream)
    : server_exchange(s.connection()),
      serving_(s),
      record_(static_cast<rondo::detail::child_record&>(rondo::detail::current_job())),
      stream_(std::move(stream)) {
  stream_->set_owner(this);
  s.exchanges().push_back(*this);
}

http2_exchange::~http2_exchange() {
  unlink();
  if (stream_) stream_->set_owner(nullptr);
}

void http2_exchange::throw_lost() {
  lost_ = true;
  throw std::system_error(std::make_error_code(std::errc::connection_reset), "http2 stream");
}

// --- the request's body ---

task<std::span<const std::byte>> http2_exchange::next_chunk() {
  if (body_ended_) co_return std::span<const std::byte>();
  try {
    if (std::exchange(expects_continue_, false) && !stream_->in_ended()) {
      http2_head go_on;
      go_on.status = 100;
      stream_->send_head(go_on, false);
    }
    for (;;) {
      if (stream_->unread() > 0) {
        lent_ = stream_->take_body();
        body_came_ += lent_.size();
        body_taken_ += lent_.size();
        if (body_taken_ > max_streamed_) refuse_body_of(max_streamed_);
        co_return std::as_bytes(std::span(lent_));
      }
      if (stream_->in_ended()) break;
      if (stream_->closed())
        throw body_error(body_error::reason::truncated, "the client has ended its stream");
      const rondo::detail::time_point begun = connection_clock::now();
      stream_->incoming.clear();
      if (!co_await try_for(body_due(begun) - begun, stream_->incoming.wait())) {
        const bool silent = connection_clock::now() - begun >= options().body_timeout_;
        throw timeout_error(phase::body, silent ? "the client sent no more of its body"
                                                : "the client sends its body too slowly");
      }
      body_waited_ += connection_clock::now() - begun;
    }
  } catch (const http::error&) {
    body_failure_ = std::current_exception();
    throw;
  }
  body_ended_ = true;
  co_return std::span<const std::byte>();
}

task<> http2_exchange::send_early_hints(http::headers fields) {
  stream_->send_head(http2_response_head(103, fields), false);
  co_return;
}

// --- the answer ---

// To what is being handled.
server_response http2_exchange::answer_to_thrown() {
  try {
    throw;
  } catch (const http::error& e) {
    return blame(e);
  } catch (...) {
    if (lost_) throw;
    rondo::detail::report_unhandled(std::current_exception());
    return failed(500);
  }
}

// As write_response_head() of HTTP/1.1, without what is a connection's there.
const http2_head& http2_exchange::head_of(const server_response& response) {
  http2_head& h = serving_.answer_head();
  h.status = response.status_;
  http2_fields(h.fields, response.headers_);
  h.fields.remove("content-length");
  h.fields.set("date", http_date_now());
  if (response.status_ != 204 && response.status_ != 304 && (!response.source_ || response.size_))
    h.fields.add("content-length", std::to_string(response.size_.value_or(response.body_.size())));
  return h;
}

task<> http2_exchange::wait_for_room() {
  if (stream_->closed()) throw_lost();
  const std::uint64_t moved = stream_->moved();
  stream_->outgoing.clear();
  const bool in_time = co_await try_for(options().write_timeout_, stream_->outgoing.wait());
  if (!in_time && stream_->moved() == moved) {
    stream_->reset(http2_code::cancel);
    throw_lost();
  }
}

task<> http2_exchange::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t n = stream_->write(std::as_bytes(std::span(bytes)));
    bytes.remove_prefix(n);
    if (n == 0) co_await wait_for_room();
  }
}

task<> http2_exchange::send_body(server_response& response) {
  std::uint64_t left = response.size_.value_or(0);
  while (std::optional<std::string> piece = co_await response.source_->next()) {
    if (response.size_) {
      if (piece->size() > left) throw std::length_error("a response's body is longer than it said");
      left -= piece->size();
    }
    co_await send(*piece);
  }
  if (left > 0) throw std::length_error("a response's body is shorter than it said");
  stream_->end(http2_fields(response.source_->trailers()));
}

bool http2_exchange::may_switch(const server_request& request,
                                const server_response& response) const noexcept {
  return tunnel_ && response.upgrade_ &&
         request.headers().has_token("Upgrade", response.headers_.get("Upgrade").value_or(""));
}

// Null: the stream has been closed. Nothing of the request and its answer stays.
std::unique_ptr<upgrade_handler> http2_exchange::begin_switch(server_request& request,
                                                              server_response& response) {
  stream_->set_owner(nullptr);
  if (stream_->closed()) return nullptr;
  http2_head h = http2_response_head(200, response.headers_);
  h.fields.set("date", http_date_now());
  stream_->send_head(h, false);
  std::unique_ptr<upgrade_handler> to = std::move(response.upgrade_);
  response = server_response();
  request.head_ = {};
  request.values_.clear();
  return to;
}

// What becomes of the stream from here on its protocol hears, as it would of a connection; nobody
// is cancelled for it. What is written when that closes it goes within write_timeout.
task<> http2_exchange::switch_protocols(std::unique_ptr<upgrade_handler> to) {
  const auto shared = std::make_shared<http2_tunnel::shared>(std::move(stream_));
  std::exception_ptr failure;
  try {  // a protocol that is no coroutine throws at the call
    task<> begun =
        to->call(upgraded_stream(net::any_stream(http2_tunnel(shared, remote())), std::string()));
    protocol_ = std::move(to);
    co_await std::move(begun);
  } catch (...) {
    failure = std::current_exception();
  }
  if (protocol_) {
    if (task<> next = protocol_->follow(failure))
      failure = (co_await as_result(std::move(next))).error();
    protocol_.reset();
  }
  if (shared->closed) {
    stream_ = std::move(shared->stream);
    try {
      while (!stream_->all_sent() && !stream_->closed()) co_await wait_for_room();
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it has been reset
    }
  }
  if (failure) std::rethrow_exception(failure);
}

task<> http2_exchange::answer() {
  if (stream_->closed()) co_return;  // before anybody could hear of it
  server_request request(*this);
  http2_head& head = stream_->head();
  server_response response;
  const char* problem = stream_->head_too_large() ? nullptr : head.problem_of_request();
  if (stream_->head_too_large()) {
    response = server_response::text("the request's head is larger than is taken\n", 431);
  } else if (problem != nullptr) {
    response = server_response::text(std::string(problem) + '\n', 400);
  } else {
    tunnel_ = !head.protocol.empty();
    request.head_ = std::move(head).take_request();
    body_ended_ = tunnel_ || (stream_->in_ended() && stream_->unread() == 0);
    length_ = content_length_of(request.head_.headers);
    expects_continue_ = request.head_.headers.has_token("Expect", "100-continue");
    const request_target target = read_target(request.method(), request.target());
    request.path_begin_ = target.path_begin;
    request.path_size_ = target.path_size;
    http::next& chain = state().routing.find(request, target.whole_server);
    try {  // a handler that is no coroutine throws at the call
      response = co_await chain(request);
    } catch (...) {
      response = answer_to_thrown();
    }
    if (may_switch(request, response)) {
      if (auto to = begin_switch(request, response)) co_await switch_protocols(std::move(to));
      co_return;
    }
    // To a CONNECT 2xx says that the protocol is spoken (RFC 9110, section 9.3.6).
    if (tunnel_ && (response.upgrade_ || response.status_ / 100 == 2))
      response = server_response::text("no such protocol here\n", 501);
    else if (response.upgrade_)
      response = server_response::text(
          "this is for those who ask for " +
              std::string(response.headers_.get("Upgrade").value_or("")) + '\n',
          426);
  }
  const bool head_only = request.method() == "HEAD";
  check_response(response, head_only);
  const bool streams = response.source_ != nullptr && !head_only;
  const bool has_body = streams || (!head_only && !response.body_.empty());
  stream_->send_head(head_of(response), !has_body);
  try {
    if (streams && response.events_) {
      struct listed {
        event_stream*& place;
        ~listed() { place = nullptr; }
      } const mine{events_};
      events_ = response.events_.get();
      if (server().stopping()) events_->stop();
      co_await response.events_->run_beside(send_body(response));
    } else if (streams) {
      co_await send_body(response);
    } else if (has_body) {
      co_await send(response.body_);
      stream_->end();
    }
    // The writer is next, and sends most answers whole: those need no clock.
    if (!stream_->all_sent() && !stream_->closed()) co_await yield_now();
    while (!stream_->all_sent() && !stream_->closed()) co_await wait_for_room();
  } catch (...) {
    // The client's own body, passed on as the response: what is wrong with it is the client's.
    const bool of_the_client = std::current_exception() == body_failure_;
    const bool of_the_stream = lost_;
    stream_->reset(of_the_client ? http2_code::cancel : http2_code::internal_error);
    if (!of_the_client && !of_the_stream) throw;
  }
}

}  // namespace rondo::http::detail
