#include "load.hpp"

#include <rondo/http.hpp>
#include <rondo/net/file.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rondo::tools {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;
using time_point = std::chrono::steady_clock::time_point;

nanoseconds from_seconds(double s) { return std::chrono::ceil<nanoseconds>(duration<double>(s)); }

// The loop reads its clock once a turn; a latency wants the moment itself. Virtual time has no
// other.
time_point now() {
  return detail::this_core().simulated() ? this_loop().now() : std::chrono::steady_clock::now();
}

struct cpu {
  double user = 0;
  double system = 0;

  static cpu used() {
    rusage r{};
    getrusage(RUSAGE_SELF, &r);
    const auto s = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return {s(r.ru_utime), s(r.ru_stime)};
  }
};

// One run: what its connections share.
class generator {
 public:
  explicit generator(const load_options& o)
      : options_(o),
        method_(!o.method.empty() ? o.method
                : o.data.empty()  ? "GET"
                                  : "POST"),
        clients_(make_clients(o)) {
    urls_.reserve(o.urls.size());
    for (const std::string& url : o.urls) urls_.push_back(http::url::parse(url));
    fields_.reserve(o.headers.size());
    for (const std::string& h : o.headers) {
      const std::size_t colon = h.find(':');
      if (colon == std::string::npos)
        throw std::invalid_argument("load: --header wants \"Name: value\": " + h);
      fields_.emplace_back(h.substr(0, colon), h.substr(colon + 1));
    }
    (void)next_request();  // throws for what cannot be sent
  }

  task<load_report> run() {
    if (options_.warm_up_s > 0) {
      co_await phase(options_.warm_up_s, 0);
      report_ = {};
    }
    const cpu cpu_before = cpu::used();
    const std::uint64_t calls_before = this_loop().stats().system_calls;
    co_await phase(options_.duration_s, options_.requests);
    const cpu cpu_after = cpu::used();
    report_.user_cpu_s = cpu_after.user - cpu_before.user;
    report_.system_cpu_s = cpu_after.system - cpu_before.system;
    report_.system_calls = this_loop().stats().system_calls - calls_before;
    co_return std::move(report_);
  }

 private:
  static http::client_options settings(const load_options& o) {
    http::client_options c;
    c.max_connections(o.connections).total_timeout(duration<double>(o.timeout_s));
    if (!o.unix_socket.empty()) c.unix_socket(o.unix_socket);
    c.http2(o.http2 ? http::http2::prior_knowledge : http::http2::never);
    return c;
  }
  // Of HTTP/2 a client would use as few connections as it can: so each has a client of its own.
  static std::vector<http::client> make_clients(const load_options& o) {
    std::vector<http::client> all;
    for (std::size_t i = 0; i < (o.http2 ? o.connections : 1); ++i)
      all.emplace_back(o.http2 ? settings(o).max_connections(1) : settings(o));
    return all;
  }

  http::request next_request() {
    http::request r(method_, urls_[turn_++ % urls_.size()]);
    for (const auto& [name, value] : fields_) r.header(name, value);
    if (!options_.data.empty()) r.body(options_.data);
    return r;
  }

  // Every connection asks until the time is over. What a closed loop has under way then is dropped;
  // what an open one has planned may still end, for as long as one request may take.
  task<> phase(double for_s, std::uint64_t limit) {
    const nanoseconds time = from_seconds(for_s);
    begun_ = now();
    limit_ = limit > 0 ? limit : UINT64_MAX;
    if (options_.rate > 0) {
      limit_ = std::min(limit_, static_cast<std::uint64_t>(options_.rate * for_s));
      report_.planned = limit_;
      co_await try_for(time + from_seconds(options_.timeout_s), all_connections());
    } else {
      co_await try_for(time, all_connections());
    }
    report_.seconds = duration<double>(now() - begun_).count();
  }

  task<> all_connections() {
    return with_task_group([this](task_group& group) { return connect_all(group); });
  }
  task<> connect_all(task_group& group) {
    auto line = options_.live ? std::optional(group.spawn(show_progress())) : std::nullopt;
    std::vector<join_handle<void>> askers;
    const std::size_t n = options_.connections * options_.streams;
    askers.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      http::client& c = clients_[i % clients_.size()];
      askers.push_back(group.spawn(options_.rate > 0 ? ask_as_planned(c) : ask_in_turn(c)));
    }
    for (join_handle<void>& a : askers) co_await a;
    if (line) line->cancel();
  }

  task<> ask_in_turn(http::client& c) {
    for (time_point asked = now(); report_.started < limit_;) asked = co_await ask(c, asked);
  }

  task<> ask_as_planned(http::client& c) {
    while (report_.started < limit_) {
      const auto n = static_cast<double>(report_.started++);
      const time_point planned = begun_ + from_seconds(n / options_.rate);
      if (planned > now()) co_await sleep_until(planned);
      co_await ask(c, planned);
    }
  }

  // A request and its whole answer; the latency counts from `since`. Gives the moment of the end.
  task<time_point> ask(http::client& c, time_point since) {
    if (options_.rate == 0) ++report_.started;
    try {
      http::response r = co_await c.send(next_request());
      for (;;) {
        const std::size_t n = (co_await r.next_chunk()).size();
        if (n == 0) break;
        report_.body_bytes += n;
      }
      ++report_.completed;
      ++report_.statuses[r.status()];
      const time_point end = now();
      report_.latency_ns.record(static_cast<std::uint64_t>((end - since).count()));
      co_return end;
    } catch (const http::error& e) {
      if (report_.failed++ == 0) report_.first_error = e.what();
    }
    co_return now();
  }

  task<> show_progress() {
    for (std::uint64_t before = 0;; before = report_.completed) {
      co_await sleep_for(std::chrono::seconds(1));
      const histogram& h = report_.latency_ns;
      std::fprintf(stderr, "\r%4.0f s  %9llu/s  p50 %.3f ms  p99 %.3f ms  %llu failed\x1b[K",
                   duration<double>(now() - begun_).count(),
                   static_cast<unsigned long long>(report_.completed - before),
                   static_cast<double>(h.percentile(50)) * 1e-6,
                   static_cast<double>(h.percentile(99)) * 1e-6,
                   static_cast<unsigned long long>(report_.failed));
    }
  }

  const load_options& options_;
  std::string method_;
  std::vector<http::url> urls_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::size_t turn_ = 0;
  std::vector<http::client> clients_;
  load_report report_;
  time_point begun_{};
  std::uint64_t limit_ = 0;
};

void refuse(bool wrong, const char* why) {
  if (wrong) throw std::invalid_argument(why);
}

}  // namespace

task<load_report> load(load_options options) {
  refuse(options.urls.empty(), "load: a URL is needed");
  refuse(options.connections == 0, "load: at least one connection is needed");
  refuse(options.streams == 0, "load: at least one request at a time is needed");
  refuse(options.streams > 1 && !options.http2,
         "load: several requests at once on a connection want --http2");
  refuse(!(options.duration_s > 0), "load: the duration must be above 0 s");
  refuse(!(options.warm_up_s >= 0), "load: the warm-up cannot be negative");
  refuse(!(options.timeout_s > 0), "load: the timeout must be above 0 s");
  refuse(!(options.rate >= 0), "load: the rate cannot be negative");
  if (options.data.starts_with('@')) options.data = co_await net::read_file(options.data.substr(1));
  generator g(options);
  load_report report = co_await g.run();
  if (options.live) std::fprintf(stderr, "\r\x1b[K");
  co_return report;
}

}  // namespace rondo::tools
