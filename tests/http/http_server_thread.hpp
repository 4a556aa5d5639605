// A server on a thread of its own, plain or over TLS, which has the routes of served_requests.hpp,
// echoes POST /echo, streams GET /much without end, never answers GET /wait, and tells at GET
// /memory how many bytes the program holds (held.hpp), and how many its frame pool keeps beside:
// what fails on the test's thread does not fail on its own.
#pragma once

#include "http/http_support.hpp"
#include "http/served_requests.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"
#include "support/held.hpp"

#include <rondo/http.hpp>

#include <exception>
#include <functional>
#include <future>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rondo_test {

enum class server_scheme { http, https };

// What is called on its thread: before it is stopped by GET /stop, and when it has ended.
struct server_thread_hooks {
  std::function<void()> at_stop = [] {};
  std::function<void()> at_end = [] {};
};

class http_server_thread {
 public:
  http_server_thread(rondo::reactor_kind kind, server_scheme scheme,
                     std::vector<std::string> protocols = {}, server_thread_hooks hooks = {})
      : scheme_(scheme), protocols_(std::move(protocols)), hooks_(std::move(hooks)) {
    folder_.write("large", pattern(served_file_size));
    std::promise<endpoint> listening;
    auto where = listening.get_future();
    thread_ = std::thread([this, kind, &listening] {
      take_frames_one_by_one();
      // A client that leaves in the middle is no failure of the server's.
      const auto options =
          rondo::run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
      try {
        rondo::run(serve(listening), options);
      } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): as a test may want it
      }
      hooks_.at_end();
    });
    origin_ = (secure() ? "https://" : "http://") + where.get().to_string();
  }
  http_server_thread(const http_server_thread&) = delete;
  http_server_thread& operator=(const http_server_thread&) = delete;
  ~http_server_thread() {
    if (!thread_.joinable()) return;
    remote_->post([this] { stop_.cancel(); });
    thread_.join();
  }
  // Until it has ended by itself, which GET /stop makes it do.
  void join() { thread_.join(); }

  const std::string& origin() const { return origin_; }
  const temporary_folder& folder() const { return folder_; }
  // Runs fn() on its thread, between two steps of its tasks, and gives what that gives.
  template <class Fn>
  auto on_its_thread(Fn fn) {
    std::promise<decltype(fn())> done;
    auto result = done.get_future();
    remote_->post([&] { done.set_value(fn()); });
    return result.get();
  }

 private:
  bool secure() const { return scheme_ == server_scheme::https; }
  rondo::task<> serve(std::promise<endpoint>& listening) {
    // Whoever is left lingering by a fault is not waited for.
    http::server server(
        http::server_options().linger(std::chrono::milliseconds(100), std::chrono::seconds(1)));
    add_served_routes(server, folder_.path(), [this] {
      hooks_.at_stop();
      graceful_.stop();
    });
    server.route("POST", "/echo",
                 [](http::server_request& r) -> rondo::task<http::server_response> {
                   co_return http::server_response::bytes(co_await r.text());
                 });
    server.route("GET", "/wait", [](http::server_request&) -> rondo::task<http::server_response> {
      rondo::event never;
      co_await never.wait();
      co_return http::server_response();
    });
    server.route("GET", "/much", [](http::server_request&) -> rondo::task<http::server_response> {
      co_return http::server_response::stream(http::make_body(
          []() -> rondo::task<std::optional<std::string>> { co_return std::string(16'000, 'm'); }));
    });
    server.route("GET", "/memory", [](http::server_request&) -> rondo::task<http::server_response> {
      co_return http::server_response::text(std::to_string(held_bytes()) + ' ' +
                                            std::to_string(kept_bytes()));
    });
    tcp_listener listener = listen_here();
    remote_.emplace(rondo::this_loop().remote());
    listening.set_value(listener.local_endpoint());
    if (secure())
      (void)co_await stop_.run(server.serve(
          std::move(listener), tls_context::server(server_as("ip").alpn(protocols_)), graceful_));
    else
      (void)co_await stop_.run(server.serve(std::move(listener), graceful_));
  }

  server_scheme scheme_;
  std::vector<std::string> protocols_;
  server_thread_hooks hooks_;
  http::stop_handle graceful_;
  temporary_folder folder_;
  rondo::cancel_scope stop_;
  std::optional<rondo::loop_remote> remote_;
  std::string origin_;
  std::thread thread_;
};

}  // namespace rondo_test
