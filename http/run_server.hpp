// Servers for a whole program: a loop on each of several threads, one stop for all of them, and the
// signals that ask for it.
//
//   rondo::task<> app(http::stop_handle stop) {  // one of these a loop
//     http::server s;
//     s.route("GET", "/", hello);
//     co_await s.serve(net::tcp_listener::bind(at, net::listen_options().reuse_port(true)), stop);
//   }
//   int main() { return http::run_server(app); }
//
// Each loop has a server and a listener of its own, all on one port (SO_REUSEPORT, socket(7)): the
// kernel spreads the connections by their addresses. Behind one listener that all loops share, the
// loops that are woken first would take most of them.
#pragma once

#include <rondo/http/stop_handle.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/run_on_threads.hpp>
#include <rondo/runtime/task.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace rondo::http {

namespace detail {

// What the threads of one run_server share.
class server_team {
 public:
  explicit server_team(std::size_t threads);
  const stop_handle& stop() const noexcept { return stop_; }
  // The main task of thread `i`: `main`, and on the first thread beside it the signals, which are
  // watched until all have ended. The first SIGINT or SIGTERM asks for the stop, the second ends
  // its grace, and a third finds its old disposition, which ends the process.
  task<> lead(std::size_t i, task<> main) const;

 private:
  stop_handle stop_;
  stop_handle all_ended_;
  std::shared_ptr<std::atomic<std::size_t>> left_;
};

// As many as the process may use, at least one.
std::size_t usable_processors() noexcept;

}  // namespace detail

// Runs app(stop) on a loop on each of `threads` threads, the first of them the calling one, and
// returns when all have ended. When one fails, the others are cancelled and its exception is
// thrown. Throws as run_on_threads.
template <class App>
void serve_on_threads(rondo::detail::amount threads, App app, stop_handle stop = {},
                      const run_options& options = {}) {
  static_assert(std::is_same_v<std::invoke_result_t<App&, stop_handle>, task<>>,
                "serve_on_threads wants a callable (http::stop_handle) -> task<>");
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): it is no coroutine
  run_on_threads(
      threads, [app = std::move(app), stop](std::size_t) mutable { return app(stop); }, options);
}

// The same for a main(): the stop comes from SIGINT and SIGTERM. The first signal asks for it, a
// second one ends its grace, a third ends the process. Returns the exit code, 0 after a stop; what
// went wrong is logged, as "bind 0.0.0.0:80: Permission denied". `threads`: by default, as many
// as the process may use processors.
template <class App>
int run_server(App app, rondo::detail::amount threads = detail::usable_processors(),
               run_options options = {}) {
  static_assert(std::is_same_v<std::invoke_result_t<App&, stop_handle>, task<>>,
                "run_server wants a callable (http::stop_handle) -> task<>");
  try {
    const detail::server_team team(threads);
    options.handle_sigint(false);
    run_on_threads(
        threads,
        [app = std::move(app), team](std::size_t i) mutable {
          return team.lead(i, app(team.stop()));
        },
        options);
    return 0;
  } catch (...) {
    return rondo::detail::failed_main(std::current_exception());
  }
}

}  // namespace rondo::http
