#include <rondo/http/server/http2_serving.hpp>
#include <rondo/http/server/serve_http2.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace rondo::http::detail {
namespace {

http2_settings settings_of(const server_options& o) noexcept {
  http2_settings s;
  s.extended_connect = true;  // any handler may answer with an upgrade
  s.head_bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(o.limits_.head_bytes, std::uint32_t{1} << 24));
  s.fields =
      static_cast<std::uint32_t>(std::min<std::size_t>(o.limits_.fields, std::uint32_t{1} << 16));
  return s;
}

}  // namespace

bool serves_http2() noexcept { return true; }

task<> serve_http2(accepted_connection& c, std::string first) {
  http2_serving serving(c);
  co_await serving.run(std::move(first));
}

http2_serving::http2_serving(accepted_connection& c)
    : http2_connection(http2_role::server, c.stream(), settings_of(c.options())),
      connection_(c),
      begun_(connection_clock::now()),
      idle_since_(begun_),
      stop_at_(begun_) {
  c.becomes(accepted_connection::state::busy);
  c.listen_for_stop(this);
  stop_due_ = c.server().stopping();
}

http2_serving::~http2_serving() { connection_.listen_for_stop(nullptr); }

void http2_serving::hear_of_stop() noexcept {
  stop_due_ = true;
  stop_at_ = connection_clock::now();
  exchanges_.for_each([](http2_exchange& e) noexcept { e.hear_of_stop(); });
  session().changed.set();
}

task<> http2_serving::run(std::string first) {
  const bool taken = take(net::bytes_of(first));
  std::string().swap(first);
  if (!taken) co_return;
  look_at_clocks();
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([this](task_group& g) -> task<> {
    group_ = &g;
    auto reader = g.spawn(read());
    auto writer = g.spawn(write());
    co_await manage();
    reader.cancel();
    writer.cancel();
  });
  if (!session().is_lost()) co_await linger();
}

// Starts handlers, until the session is over.
task<> http2_serving::manage() {
  http2_session& s = session();
  std::optional<join_handle<void>> winding_down;
  for (;;) {
    s.changed.clear();
    start_handlers();
    if (s.is_lost() || s.finished()) {
      if (winding_down) winding_down->cancel();  // no pong comes any more
      co_return;
    }
    if (stop_due_ && !std::exchange(stopping_, true)) {
      if (s.settings_came()) winding_down = group_->spawn(wind_down());
    }
    if (const bool idle = is_idle(); idle != was_idle_) {
      was_idle_ = idle;
      idle_since_ = connection_clock::now();
    }
    connection_.clock().hasten(read_due());
    co_await s.changed.wait();
  }
}

void http2_serving::start_handlers() {
  http2_session& s = session();
  while (running_ < most_running) {
    http2_stream_ref stream = s.accept();
    if (!stream) break;
    if (stream->closed()) continue;
    if (!connection_.take_request()) stop_due_ = true;
    try {
      group_->spawn(answer(running_place(*this), std::move(stream)));
    } catch (const std::bad_alloc&) {
      rondo::detail::report_unhandled(std::current_exception());
    }
  }
  if (s.arrived() > most_waiting) s.fail(http2_code::enhance_your_calm);
}

task<> http2_serving::answer(running_place place, http2_stream_ref stream) {
  try {
    http2_exchange e(place.serving(), std::move(stream));
    co_await e.answer();
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

task<> http2_serving::wind_down() {
  http2_session& s = session();
  try {
    s.announce_shutdown();
    s.ping();
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): try_for keeps it
    co_await try_for(serving::last_request_time, [&s]() -> task<> {
      const std::uint64_t before = s.pongs();
      while (s.pongs() == before && !s.failed() && !s.is_lost()) co_await s.pong_came.wait();
    }());
    s.shut_down();
  } catch (const std::bad_alloc&) {
    s.lose();
  }
}

task<> http2_serving::read() {
  const auto ends = connection_.stream().other() != nullptr ? connection_clock::ends::stream
                                                            : connection_clock::ends::operation;
  for (;;) {
    bool more = false;
    {
      const connection_clock::reading mine(connection_.clock(), read_due(), ends);
      reading_ = &mine;
      struct forget {
        const connection_clock::reading*& pointer;
        ~forget() { pointer = nullptr; }
      } const at_end{reading_};
      more = co_await read_some();
    }
    if (!more) break;
    look_at_clocks();
    if (session().finished()) break;
  }
  session().changed.set();
}

bool http2_serving::is_idle() noexcept {
  return running_ == 0 && !session().has_arrived() && session().places() == 0;
}

rondo::detail::time_point http2_serving::read_due() noexcept {
  using rondo::detail::add;
  http2_session& s = session();
  if (!s.settings_came()) {
    if (connection_.server().stopping()) return add(stop_at_, serving::last_request_time);
    const rondo::detail::time_point due = add(begun_, preface_time);
    return preface_seen_ ? std::min(due, add(preface_at_, first_settings_time)) : due;
  }
  rondo::detail::time_point due = rondo::detail::never;
  if (!s.settings_acknowledged()) due = add(begun_, acknowledgement_time + preface_time);
  if (head_seen_) due = std::min(due, add(head_since_, options().header_timeout_));
  if (was_idle_ && is_idle()) due = std::min(due, add(idle_since_, options().idle_timeout_));
  return due;
}

void http2_serving::look_at_clocks() noexcept {
  http2_session& s = session();
  const rondo::detail::time_point now = connection_clock::now();
  if (s.preface_came() && !std::exchange(preface_seen_, true)) preface_at_ = now;
  if (s.head_under_way() != head_seen_) {
    head_seen_ = !head_seen_;
    head_since_ = now;
  }
  if (now < read_due()) return;
  if (!s.settings_came()) {
    // It may be none of HTTP/2's.
    if (connection_.server().stopping() || !s.preface_came())
      s.lose();
    else
      s.fail(http2_code::settings_timeout);
  } else if (!s.settings_acknowledged() &&
             now >= rondo::detail::add(begun_, acknowledgement_time + preface_time)) {
    s.fail(http2_code::settings_timeout);
  } else if (head_seen_ && now >= rondo::detail::add(head_since_, options().header_timeout_)) {
    s.fail(http2_code::enhance_your_calm);
  } else {
    try {
      s.shut_down();
      idle_since_ = now;
    } catch (const std::bad_alloc&) {
      s.lose();
    }
  }
}

// What the client still sends must not turn our close into a reset that eats what we said last.
task<> http2_serving::linger() {
  connection_.becomes(accepted_connection::state::lingering);
  connection_.listen_for_stop(nullptr);
  const outcome<void> told = co_await as_result(connection_.stream().with(
      [](auto& stream) { return rondo::detail::to_task(stream.shutdown_write()); }));
  if (told.has_error()) co_return;
  using rondo::detail::add;
  rondo::detail::time_point end = add(connection_clock::now(), options().linger_all_);
  const read_buffer room = make_read_buffer();
  const auto ends = connection_.stream().other() != nullptr ? connection_clock::ends::stream
                                                            : connection_clock::ends::operation;
  for (;;) {
    if (connection_.server().stopping()) end = std::min(end, connection_.rest_ends());
    const connection_clock::reading mine(
        connection_.clock(), std::min(end, add(connection_clock::now(), options().linger_gap_)),
        ends);
    const outcome<std::size_t> n =
        co_await as_result(connection_.stream().with([&room](auto& stream) {
          return rondo::detail::to_task(stream.read_some(std::span(room.get(), read_buffer_bytes)));
        }));
    if (!n.has_value() || n.value() == 0) co_return;
  }
}

}  // namespace rondo::http::detail
