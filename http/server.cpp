#include <rondo/http/server.hpp>
#include <rondo/http/server/serve_connection.hpp>
#include <rondo/http/server/serving.hpp>
#include <rondo/http/server/static_files.hpp>
#include <rondo/net/options.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/runtime/as_result.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace rondo::http {

namespace detail {

// The client's clock shall end a second before ours, so that it does not send a request into the
// moment in which we close. An end that is nearer is not told.
server_state::server_state(server_options o) : options(std::move(o)) {
  using std::chrono::seconds;
  kept = "Connection: keep-alive\r\n";
  const seconds told = std::chrono::floor<seconds>(options.idle_timeout_) - seconds(1);
  if (told > seconds::zero())
    kept += "Keep-Alive: timeout=" + std::to_string(told.count()) + "\r\n";
}

namespace {

// A connection for which there is no memory is closed, and the others are served.
void start(serving& s, plain_stream stream, const net::tls_reloadable* tls) {
  std::optional<serving::place> place = s.admit(stream);
  if (!place) return;
  try {
    s.spawn_connection(tls != nullptr
                           ? serve_secure(std::move(*place), std::move(stream), tls->get())
                           : serve_plain(std::move(*place), std::move(stream)));
  } catch (const std::bad_alloc&) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

template <class Listener>
task<> accept_all(serving& s, Listener& l, const net::tls_reloadable* tls) {
  for (;;) {
    co_await s.wait_for_room();
    auto next = co_await as_result(l.accept());
    if (next.has_value()) {
      start(s, std::move(next).value(), tls);
      continue;
    }
    if (!next.code()) {  // no error of the system's: there was no memory for it
      co_await s.rest();
      continue;
    }
    switch (net::detail::judge_accept(next.code())) {
      case net::detail::accept_verdict::again: break;
      case net::detail::accept_verdict::rest: co_await s.rest(); break;
      case net::detail::accept_verdict::fatal: std::rethrow_exception(next.error());
    }
  }
}

// Connections for which a server that stops has no room yet.
using held_connections = std::vector<plain_stream>;

void start_or_hold(serving& s, plain_stream stream, const net::tls_reloadable* tls,
                   held_connections& held) {
  if (held.empty() && s.has_room()) {
    start(s, std::move(stream), tls);
    return;
  }
  try {
    held.push_back(std::move(stream));
  } catch (const std::bad_alloc&) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

// What has its connection already: until none comes for a moment, which on io_uring is a look into
// the kernel. Under a flood it ends with as many as a listener's queue holds. Gives those for which
// there is no room: with the listener in whose queue they wait they would be reset.
template <class Listener>
task<held_connections> accept_what_waits(serving& s, Listener& l, const net::tls_reloadable* tls) {
  constexpr int most = 4096;
  constexpr std::chrono::milliseconds moment{1};
  held_connections held;
  for (std::size_t taken = net::detail::leave_connections(l); taken > 0; --taken) {
    auto next = co_await as_result(l.accept());  // without a clock: it is there
    if (!next.has_value()) co_return held;
    start_or_hold(s, std::move(next).value(), tls, held);
  }
  for (int n = 0; n < most; ++n) {
    auto next = co_await try_for(moment, as_result(l.accept()));
    if (!next || !next->has_value()) break;
    start_or_hold(s, std::move(*next).value(), tls, held);
  }
  co_return held;
}

// Each when another has ended; what is left when the grace is over is closed.
task<> start_held(serving& s, held_connections held, const net::tls_reloadable* tls) {
  for (plain_stream& stream : held) {
    if (!co_await s.wait_for_room_in_grace()) co_return;
    start(s, std::move(stream), tls);
  }
}

}  // namespace
}  // namespace detail

server_options& server_options::trust(trusted_proxies proxies) {
  trusted_ = std::make_shared<const trusted_proxies>(std::move(proxies));
  return *this;
}

task<> server::serve(net::tcp_listener listener, stop_handle stop) {
  return serve_on(std::move(listener), std::nullopt, std::move(stop));
}
task<> server::serve(net::unix_listener listener, stop_handle stop) {
  return serve_on(std::move(listener), std::nullopt, std::move(stop));
}
task<> server::serve(net::tcp_listener listener, net::tls_reloadable tls, stop_handle stop) {
  return serve_on(std::move(listener), std::move(tls), std::move(stop));
}
task<> server::serve(net::unix_listener listener, net::tls_reloadable tls, stop_handle stop) {
  return serve_on(std::move(listener), std::move(tls), std::move(stop));
}

task<> server::serve_stream(net::any_stream stream, stop_handle stop) {
  state_.routing.compose();
  detail::serving s(state_, std::move(stop));
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    s.use(g);
    s.spawn_connection(detail::serve_other(s.admit_uncounted(), std::move(stream)));
    (void)co_await s.accepting().run(s.wait_for_all());
    if (s.stopping()) co_await s.wind_down(detail::start_held(s, {}, nullptr));
  });
}

namespace {

// The kernel ends a connection whose peer acknowledges nothing for as long as we would wait for it
// (tcp(7), TCP_USER_TIMEOUT); what a listener accepts inherits it.
void give_up_with_us([[maybe_unused]] net::unix_listener& l,
                     [[maybe_unused]] const server_options& o) noexcept {}
void give_up_with_us(net::tcp_listener& l, const server_options& o) noexcept {
  constexpr rondo::detail::nanoseconds longest = std::chrono::hours(24);  // in an int of ms
  try {
    l.set(net::options::user_timeout(std::min(o.write_timeout_, longest)));
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): our own clock is there
  }
}

// A listener's place, in words, for who looks inside.
template <class Listener>
std::string place_of(const Listener& l) {
  try {
    return l.local_endpoint().to_string();
  } catch (const std::system_error&) {
    return {};
  }
}

}  // namespace

template <class Listener>
task<> server::serve_on(Listener listener, std::optional<net::tls_reloadable> tls,
                        stop_handle stop) {
  state_.routing.compose();
  detail::serving s(state_, std::move(stop));
  const net::tls_reloadable* const secure = tls ? &*tls : nullptr;
  give_up_with_us(listener, state_.options);
  if (rondo::detail::this_core().watch()) s.show(place_of(listener));
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    s.use(g);
    const outcome<void> ended = co_await s.accepting().run(detail::accept_all(s, listener, secure));
    if (ended.has_error()) std::rethrow_exception(ended.error());
    detail::held_connections held = co_await detail::accept_what_waits(s, listener, secure);
    listener.close();
    co_await s.wind_down(detail::start_held(s, std::move(held), secure));
  });
}

route_group& route_group::files(std::string_view prefix, const std::string& folder,
                                file_options options) {
  net::root_directory root = net::root_directory::open_now(folder);
  std::string whole = routing_->prefix_of(group_);
  whole += prefix;
  return route("GET", std::string(prefix) + "{path...}",
               detail::static_files(whole, std::move(root), std::move(options)));
}

server& server::files(std::string_view prefix, const std::string& folder, file_options options) {
  everything().files(prefix, folder, std::move(options));
  return *this;
}

}  // namespace rondo::http
