#include "fetch.hpp"

#include "fetch_report.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace rondo::tools {
namespace {

using std::chrono::steady_clock;

constexpr auto progress_every = std::chrono::milliseconds(500);

struct close_file {
  void operator()(std::FILE* f) const noexcept {
    if (f != stdout) std::fclose(f);
  }
};
using output_file = std::unique_ptr<std::FILE, close_file>;

output_file open_output(const std::string& name) {
  if (name.empty()) return nullptr;
  if (name == "-") return output_file(stdout);
  output_file f(std::fopen(name.c_str(), "wbe"));
  if (!f) throw std::system_error(errno, std::system_category(), name);
  return f;
}

http::request make_request(const fetch_options& o, const std::string& url) {
  const bool has_body = o.has_data || !o.form.empty();
  http::request r(o.method.empty() ? (has_body ? "POST" : "GET") : o.method, url);
  if (o.has_data && o.data.starts_with('@'))
    r.file(o.data.substr(1));
  else if (o.has_data)
    r.body(o.data);
  if (o.json_body) r.header("Content-Type", "application/json");
  if (!o.form.empty()) {
    http::multipart parts;
    for (const std::string& field : o.form) {
      auto [name, value] = split(field, '=', "--form wants name=value or name=@path");
      if (value.starts_with('@'))
        parts.path(name, value.substr(1));
      else
        parts.field(name, value);
    }
    r.multipart(std::move(parts));
  }
  add_fields(r, o);
  r.decode(!o.raw);
  return r;
}

// Says how far a download is, now and then, and at its end.
class progress_line {
 public:
  progress_line(bool on, const http::response& r) : on_(on) {
    // What is counted is the body without its codings.
    if (r.headers().contains("content-encoding")) return;
    if (const auto length = r.headers().get("content-length")) total_ = mib_of(*length);
  }
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line() {
    if (!on_) return;
    say(steady_clock::now());
    std::fputc('\n', stderr);
  }
  void at(std::uint64_t bytes) {
    bytes_ = bytes;
    if (!on_) return;
    const auto now = steady_clock::now();
    if (now - last_ < progress_every) return;
    say(now);
    last_ = now;
  }

 private:
  static std::string mib_of(std::string_view length) {
    std::uint64_t bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), bytes);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), " of %.1f", static_cast<double>(bytes) / (1 << 20));
    return text.data();
  }
  void say(steady_clock::time_point now) const {
    const double mib = static_cast<double>(bytes_) / (1 << 20);
    const double took = std::chrono::duration<double>(now - begun_).count();
    std::fprintf(stderr, "\r%.1f%s MiB, %.1f MiB/s ", mib, total_.c_str(),
                 took > 0 ? mib / took : 0.0);
  }

  bool on_;
  std::uint64_t bytes_ = 0;
  std::string total_;  // " of 3.5", when it is known
  steady_clock::time_point begun_ = steady_clock::now();
  steady_clock::time_point last_ = begun_;
};

task<fetched> fetch_one(http::client c, const fetch_options& o, std::string url, std::FILE* out) {
  const auto begun = steady_clock::now();
  fetched f;
  f.url = url;
  http::request r = make_request(o, url);
  if (o.verbose || o.timings || o.json) {
    auto trace = std::make_shared<fetch_tracer>(o.verbose);
    f.trace = trace;
    r.trace(trace);
  }
  http::response response = co_await c.send(std::move(r));
  f.status = response.status();
  f.version = to_string(response.version());
  f.final = response.url().redacted();
  f.headers = response.headers();
  f.redirects = response.history().size();
  {
    progress_line progress(o.progress, response);
    for (;;) {
      const std::span<const std::byte> piece = co_await response.next_chunk();
      if (piece.empty()) break;
      f.bytes += piece.size();
      if (out && std::fwrite(piece.data(), 1, piece.size(), out) != piece.size())
        throw std::system_error(errno, std::system_category(), "writing the output");
      progress.at(f.bytes);
    }
  }
  f.took = steady_clock::now() - begun;
  co_return f;
}

http::client make_client(const fetch_options& o) {
  http::client_options c = client_options_of(o);
  c.max_connections(o.limit)
      .total_timeout(std::chrono::duration<double>(o.timeout_s))
      .follow(o.follow);
  if (o.http2) c.http2(http::http2::prior_knowledge);
  if (o.http1) c.http2(http::http2::never);
  return http::client(std::move(c));
}

}  // namespace

void check_fetch(const fetch_options& o) {
  if (!o.output.empty() && (o.urls.size() > 1 || o.repeat > 1))
    throw std::invalid_argument("--output is for one URL, fetched once");
  if (o.has_data && !o.form.empty())
    throw std::invalid_argument("--data and --form are two bodies: give one");
}

task<int> fetch(fetch_options options) {
  check_fetch(options);
  const http::client c = make_client(options);
  const output_file out = open_output(options.output);
  const auto begun = steady_clock::now();
  std::vector<task<fetched>> work;
  std::vector<std::string> names;
  for (int i = 0; i < options.repeat; ++i)
    for (const std::string& url : options.urls) {
      work.push_back(fetch_one(c, options, url, out.get()));
      names.push_back(url);
    }
  const std::vector<outcome<fetched>> rows = co_await gather(return_exceptions, std::move(work));
  const auto took = steady_clock::now() - begun;

  int code = 0;
  std::size_t failed = 0;
  std::uint64_t bytes = 0;
  const bool rows_wanted = !options.quiet && options.output != "-";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].has_value()) {
      const failure why = failure_of(rows[i].error());
      ++failed;
      if (code == 0) code = why.code;
      std::fprintf(stderr, "error  %s\n", why.message.c_str());
      if (options.json) print_json(names[i], why);
      continue;
    }
    const fetched& f = rows[i].value();
    bytes += f.bytes;
    if (f.status >= 400) {
      ++failed;
      if (code == 0) code = 1;
    }
    if (options.json)
      print_json(f);
    else if (rows_wanted)
      print_row(f);
    if (options.timings && !options.json && f.trace) print_timings(*f.trace, f.took);
  }
  if (!options.json && options.output != "-")
    std::printf("%zu URLs, %zu failed, %llu bytes in %.3f s\n", rows.size(), failed,
                static_cast<unsigned long long>(bytes),
                std::chrono::duration<double>(took).count());
  co_return code;
}

}  // namespace rondo::tools
