// A server on a thread of its own, plain or over TLS, which answers GET /hello, echoes POST /echo,
// streams GET /much without end, never answers GET /wait, tells at GET /memory how many bytes the
// program has from malloc, and serves the files of its folder under /files/: what fails on the
// test's thread does not fail on its own.
#pragma once

#include "http/http_support.hpp"
#include "net/tls_support.hpp"
#include "support/child_process.hpp"

#include <rondo/http.hpp>

#include <malloc.h>

#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rondo_test {

enum class server_scheme { http, https };

class http_server_thread {
 public:
  http_server_thread(rondo::reactor_kind kind, server_scheme scheme,
                     std::vector<std::string> protocols = {})
      : scheme_(scheme), protocols_(std::move(protocols)) {
    std::promise<endpoint> listening;
    auto where = listening.get_future();
    thread_ = std::thread([this, kind, &listening] {
      // A client that leaves in the middle is no failure of the server's.
      const auto options =
          rondo::run_options().reactor(kind).on_unhandled([](const std::exception_ptr&) {});
      rondo::run(serve(listening), options);
    });
    origin_ = (secure() ? "https://" : "http://") + where.get().to_string();
  }
  http_server_thread(const http_server_thread&) = delete;
  http_server_thread& operator=(const http_server_thread&) = delete;
  ~http_server_thread() {
    remote_->post([this] { stop_.cancel(); });
    thread_.join();
  }

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
    http::server server;
    server.route("GET", "/hello", [](http::server_request&) -> rondo::task<http::server_response> {
      co_return http::server_response::text("hello\n");
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
      co_return http::server_response::text(std::to_string(::mallinfo2().uordblks));
    });
    server.files("/files/", folder_.path());
    tcp_listener listener = listen_here();
    remote_.emplace(rondo::this_loop().remote());
    listening.set_value(listener.local_endpoint());
    if (secure())
      (void)co_await stop_.run(
          server.serve(std::move(listener), tls_context::server(server_as("ip").alpn(protocols_))));
    else
      (void)co_await stop_.run(server.serve(std::move(listener)));
  }

  server_scheme scheme_;
  std::vector<std::string> protocols_;
  temporary_folder folder_;
  rondo::cancel_scope stop_;
  std::optional<rondo::loop_remote> remote_;
  std::string origin_;
  std::thread thread_;
};

}  // namespace rondo_test
