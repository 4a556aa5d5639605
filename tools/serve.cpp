#include "serve.hpp"

#include "httpbin.hpp"
#include "save_file.hpp"
#include "self_signed.hpp"

#include <rondo/http.hpp>
#include <rondo/version.hpp>

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

namespace rondo::tools {
namespace {

// A line each, at once: whoever reads a pipe sees it as it happens.
void print_access(const http::access_event& e) {
  std::puts(http::access_line(e).c_str());
  std::fflush(stdout);
}

net::tls_context tls_of(const serve_options& o, const net::endpoint& at) {
  net::tls_server_options tls;
  tls.alpn(rondo::features().http2 ? std::vector<std::string>{"h2", "http/1.1"}
                                   : std::vector<std::string>{"http/1.1"});
  if (o.cert != "auto") {
    tls.certificate_file(o.cert, o.key.empty() ? o.cert : o.key);
  } else {
    std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};
    if (!at.is_unix()) names.push_back(at.ip().to_string());
    self_signed own = make_self_signed(names);
    if (!o.save_cert.empty()) save_file(o.save_cert, own.certificate);
    tls.certificate_pem(std::move(own.certificate), std::move(own.key));
  }
  return net::tls_context::server(tls);
}

// What the threads share.
class serving {
 public:
  explicit serving(const serve_options& o) : options_(o), at_(net::endpoint::parse(o.at)) {
    if (o.threads > 1 && at_.is_unix())
      throw std::invalid_argument("serve: a Unix socket is served by one thread");
    if (!o.save_cert.empty() && o.cert != "auto")
      throw std::invalid_argument("serve: --save-cert is for --cert auto");
    if (!o.cert.empty()) tls_ = tls_of(o, at_);
    if (o.metrics) metrics_ = std::make_shared<http::server_metrics>();
  }

  task<> run(const http::stop_handle& stop) {
    if (at_.is_unix()) {
      const auto replaced = net::unix_listen_options().replace_stale(true);
      return serve_on(net::unix_listener::bind(at_, replaced), stop);
    }
    return serve_on(bind(), stop);
  }

 private:
  // Where port 0 was asked for, the first takes one, and the others that one.
  net::tcp_listener bind() {
    const std::lock_guard lock(mutex_);
    auto listener =
        net::tcp_listener::bind(at_, net::listen_options().reuse_port(options_.threads > 1));
    at_ = listener.local_endpoint();
    return listener;
  }

  template <class Listener>
  task<> serve_on(Listener listener, http::stop_handle stop) {
    http::server s(http::server_options().max_connections(options_.connections));
    if (options_.access_log) s.use(http::access_log(&print_access));
    if (metrics_) {
      s.use(http::measure(metrics_));
      s.route("GET", "/metrics", http::metrics_page(metrics_));
      s.route("GET", "/livez", http::alive_page());
    }
    if (options_.files.empty())
      add_httpbin_routes(s);
    else
      s.files("/", options_.files, http::file_options().listing(true).precompressed(true));
    tell(listener.local_endpoint());
    if (tls_)
      co_await s.serve(std::move(listener), *tls_, std::move(stop));
    else
      co_await s.serve(std::move(listener), std::move(stop));
  }

  void tell(const net::endpoint& at) {
    const std::lock_guard lock(mutex_);
    if (std::exchange(told_, true)) return;
    std::printf("serving %s%s%s on %s\n", tls_ ? "https" : "http", at.is_unix() ? " at " : "://",
                at.to_string().c_str(), std::string(rondo::this_loop().reactor_name()).c_str());
    std::fflush(stdout);
  }

  const serve_options& options_;
  std::mutex mutex_;
  net::endpoint at_;
  bool told_ = false;
  std::optional<net::tls_context> tls_;
  std::shared_ptr<http::server_metrics> metrics_;
};

}  // namespace

int serve(const serve_options& options) {
  serving all(options);
  return http::run_server([&all](const http::stop_handle& stop) { return all.run(stop); },
                          options.threads);
}

}  // namespace rondo::tools
