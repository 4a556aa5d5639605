// What `rondo load` has found, as text and as JSON.
#include "json.hpp"
#include "load.hpp"

#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace rondo::tools {
namespace {

// NOLINTNEXTLINE(cert-dcl50-cpp): the compiler checks the arguments as it does printf's
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  char line[512];
  const int n = std::vsnprintf(line, sizeof line, pattern, arguments);
  va_end(arguments);
  return {line, std::min(static_cast<std::size_t>(n), sizeof line - 1)};
}

unsigned long long number(std::uint64_t n) { return n; }
double milliseconds(std::uint64_t ns) { return static_cast<double>(ns) * 1e-6; }
double microseconds_each(double s, std::uint64_t n) {
  return n == 0 ? 0 : s * 1e6 / static_cast<double>(n);
}

constexpr double percentiles[] = {50, 75, 90, 99, 99.9, 99.99};

}  // namespace

std::string as_text(const load_options& options, const load_report& report) {
  const histogram& h = report.latency_ns;
  std::string out = format("%llu requests in %.2f s over %zu connections", number(report.completed),
                           report.seconds, options.connections);
  if (options.http2) out += format(" of HTTP/2, %zu at once on each", options.streams);
  out += format(": %.0f/s, %llu body bytes\n", report.rate(), number(report.body_bytes));
  out += options.rate > 0
             ? format("open loop at %g/s, latency from the planned start; %llu unfinished\n",
                      options.rate, number(report.unfinished()))
             : "closed loop\n";
  out += format("latency ms  min %.3f  mean %.3f", milliseconds(h.min()), h.mean() * 1e-6);
  for (const double p : percentiles) out += format("  p%g %.3f", p, milliseconds(h.percentile(p)));
  out += format("  max %.3f\n", milliseconds(h.max()));
  out += format("CPU µs a request  user %.2f  system %.2f\n",
                microseconds_each(report.user_cpu_s, report.completed),
                microseconds_each(report.system_cpu_s, report.completed));
  for (const auto& [status, n] : report.statuses)
    if (status < 200 || status >= 300) out += format("status %d: %llu\n", status, number(n));
  if (report.failed > 0)
    out += format("%llu failed, the first: ", number(report.failed)) + report.first_error + '\n';
  return out;
}

std::string as_json(const load_options& options, const load_report& report) {
  const histogram& h = report.latency_ns;
  std::string out = "{\"urls\": [";
  for (const std::string& url : options.urls)
    out += (&url == options.urls.data() ? "" : ", ") + json_string(url);
  out += ']';
  out += format(", \"connections\": %zu, \"streams\": %zu, \"rate_asked\": %g, \"seconds\": %.6f",
                options.connections, options.streams, options.rate, report.seconds);
  out += format(", \"requests\": %llu, \"failed\": %llu, \"unfinished\": %llu, \"rate\": %.1f",
                number(report.completed), number(report.failed), number(report.unfinished()),
                report.rate());
  out += format(", \"body_bytes\": %llu, \"user_cpu_s\": %.6f, \"system_cpu_s\": %.6f",
                number(report.body_bytes), report.user_cpu_s, report.system_cpu_s);
  out += format(", \"system_calls\": %llu", number(report.system_calls));
  out += ", \"first_error\": " + json_string(report.first_error) + ", \"statuses\": {";
  const char* comma = "";
  for (const auto& [status, n] : report.statuses) {
    out += format("%s\"%d\": %llu", comma, status, number(n));
    comma = ", ";
  }
  out += format("}, \"latency_ns\": {\"min\": %llu, \"mean\": %.0f, \"max\": %llu", number(h.min()),
                h.mean(), number(h.max()));
  for (const double p : percentiles) out += format(", \"p%g\": %llu", p, number(h.percentile(p)));
  out += "}, \"histogram_ns\": [";
  comma = "";
  h.for_each([&](std::uint64_t last, std::uint64_t count) {
    out += format("%s[%llu, %llu]", comma, number(last), number(count));
    comma = ", ";
  });
  return out + "]}";
}

std::string as_hdr(const load_report& report) {
  const histogram& h = report.latency_ns;
  const auto total = static_cast<double>(h.count());
  std::string out = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  std::uint64_t seen = 0;
  double squares = 0;
  h.for_each([&](std::uint64_t last, std::uint64_t count) {
    seen += count;
    const double away = static_cast<double>(last) - h.mean();
    squares += away * away * static_cast<double>(count);
    const double part = static_cast<double>(seen) / total;
    out += format("%12.6f %14.12f %10llu", milliseconds(last), part, number(seen));
    out += seen < h.count() ? format(" %14.2f\n", 1 / (1 - part)) : "\n";
  });
  const double deviation = total > 0 ? std::sqrt(squares / total) : 0;
  out +=
      format("#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", h.mean() * 1e-6, deviation * 1e-6);
  out += format("#[Max     = %12.6f, Total count    = %12llu]\n", milliseconds(h.max()),
                number(h.count()));
  return out + "#[Buckets =           58, SubBuckets     =          128]\n";
}

}  // namespace rondo::tools
