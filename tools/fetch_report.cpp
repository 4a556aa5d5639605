#include "fetch_report.hpp"

#include <rondo/http/errors.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <stdexcept>

namespace rondo::tools {
namespace {

using ordered_json = nlohmann::ordered_json;

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

// What peers send may be no UTF-8: bad bytes become U+FFFD.
void print_line(const ordered_json& j) {
  std::printf("%s\n", j.dump(-1, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

ordered_json timings_of(const fetch_tracer& t) {
  ordered_json j;
  for (std::size_t i = 0; i < part_names.size(); ++i)
    j[std::string(part_names[i])] = seconds(t.spent(static_cast<part>(i)));
  return j;
}

}  // namespace

failure failure_of(const std::exception_ptr& error) {
  const auto of = [](int code, const char* kind, const http::error& e) {
    return failure{code, kind, std::string(to_string(e.phase())), e.what()};
  };
  try {
    std::rethrow_exception(error);
  } catch (const http::url_error& e) {
    return of(3, "url", e);
  } catch (const http::connect_error& e) {
    return of(4, "connect", e);
  } catch (const http::timeout_error& e) {
    return of(5, "timeout", e);
  } catch (const http::protocol_error& e) {
    return of(6, "protocol", e);
  } catch (const http::body_error& e) {
    return of(6, "body", e);
  } catch (const http::tls_error& e) {
    return of(7, "tls", e);
  } catch (const http::too_many_redirects& e) {
    return of(8, "redirect", e);
  } catch (const http::redirect_error& e) {
    return of(8, "redirect", e);
  } catch (const std::exception& e) {
    return {9, "other", "", e.what()};
  } catch (...) {
    return {9, "other", "", "unknown error"};
  }
}

void print_row(const fetched& f) {
  std::printf("%d  %9llu B  %7.3f s  %s%s%s\n", f.status, static_cast<unsigned long long>(f.bytes),
              seconds(f.took), f.url.c_str(), f.redirects > 0 ? " -> " : "",
              f.redirects > 0 ? f.final.c_str() : "");
}

void print_json(const fetched& f) {
  ordered_json j{{"url", f.url},
                 {"final_url", f.final},
                 {"status", f.status},
                 {"version", f.version},
                 {"bytes", f.bytes},
                 {"redirects", f.redirects},
                 {"seconds", seconds(f.took)}};
  ordered_json fields = ordered_json::array();
  for (const auto& [name, value] : f.headers)
    fields.push_back(ordered_json::array({std::string(name), std::string(value)}));
  j["headers"] = std::move(fields);
  if (f.trace) j["timings"] = timings_of(*f.trace);
  print_line(j);
}

void print_json(const std::string& url, const failure& f) {
  print_line(
      {{"url", url}, {"error", {{"kind", f.kind}, {"phase", f.phase}, {"message", f.message}}}});
}

void print_timings(const fetch_tracer& t, std::chrono::nanoseconds total) {
  for (std::size_t i = 0; i < part_names.size(); ++i)
    std::printf("    %-8s %9.3f ms\n", std::string(part_names[i]).c_str(),
                seconds(t.spent(static_cast<part>(i))) * 1e3);
  std::printf("    %-8s %9.3f ms\n", "total", seconds(total) * 1e3);
}

}  // namespace rondo::tools
