#include "fetch.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <chrono>
#include <cstdio>

namespace rondo::tools {
namespace {

struct row {
  int status = 0;
  std::size_t bytes = 0;
  std::chrono::nanoseconds took{};
};

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

task<row> fetch_one(http::client c, std::string url) {
  const auto begun = std::chrono::steady_clock::now();
  row r;
  http::response response = co_await c.get(std::move(url));
  r.status = response.status();
  for (;;) {
    const std::size_t n = (co_await response.next_chunk()).size();
    if (n == 0) break;
    r.bytes += n;
  }
  r.took = std::chrono::steady_clock::now() - begun;
  co_return r;
}

// The one place where a failure becomes a row.
std::string reason(const outcome<row>& o) {
  try {
    std::rethrow_exception(o.error());
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown error";
  }
}

}  // namespace

task<int> fetch(fetch_options options) {
  http::client c(http::client_options()
                     .max_connections(options.limit)
                     .total_timeout(std::chrono::duration<double>(options.timeout_s)));
  const auto begun = std::chrono::steady_clock::now();
  std::vector<task<row>> work;
  std::vector<std::string> names;
  for (int i = 0; i < options.repeat; ++i)
    for (const std::string& url : options.urls) {
      work.push_back(fetch_one(c, url));
      names.push_back(url);
    }
  const std::vector<outcome<row>> rows = co_await gather(return_exceptions, std::move(work));
  const auto took = std::chrono::steady_clock::now() - begun;

  std::size_t failed = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].has_value()) {
      ++failed;
      std::fprintf(stderr, "error  %s\n", reason(rows[i]).c_str());
      continue;
    }
    const row& r = rows[i].value();
    bytes += r.bytes;
    if (r.status >= 400) ++failed;
    if (!options.quiet)
      std::printf("%d  %9zu B  %7.3f s  %s\n", r.status, r.bytes, seconds(r.took),
                  names[i].c_str());
  }
  std::printf("%zu URLs, %zu failed, %zu bytes in %.3f s\n", rows.size(), failed, bytes,
              seconds(took));
  co_return failed == 0 ? 0 : 1;
}

}  // namespace rondo::tools
