// What a client sets for all of its requests, and a request for itself. Internal.
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::http {

class tracer;

namespace detail {

inline constexpr rondo::detail::nanoseconds no_limit = rondo::detail::nanoseconds::zero();

// How long each phase of an exchange may take; zero: no limit.
class phase_limits {
 public:
  // Throws std::invalid_argument for a phase that has no time of its own, and for a negative time.
  void set(phase p, rondo::detail::nanoseconds d);
  // nullopt: not set.
  [[nodiscard]] std::optional<rondo::detail::nanoseconds> get(phase p) const noexcept {
    const rondo::detail::nanoseconds d = times_[static_cast<std::size_t>(p)];
    return d == unset ? std::nullopt : std::optional(d);
  }

 private:
  static constexpr rondo::detail::nanoseconds unset{-1};
  std::array<rondo::detail::nanoseconds, phase_count> times_ = [] {
    std::array<rondo::detail::nanoseconds, phase_count> all{};
    all.fill(unset);
    return all;
  }();
};

// Of phase::total, unless somebody says otherwise.
inline constexpr rondo::detail::nanoseconds default_total_time = std::chrono::seconds(300);

struct credentials {
  std::string username;
  std::string password;
};

struct settings {
  phase_limits limits;
  std::optional<int> redirects;
  std::optional<bool> insecure_redirects;
  std::optional<bool> decode;
  std::optional<bool> jar;
  std::optional<bool> raise;
  std::optional<bool> expect_continue;
  std::optional<std::uint64_t> max_body;
  std::optional<std::uint64_t> max_decoded;
  std::optional<credentials> digest;
  std::shared_ptr<http::tracer> trace;  // null: not set
};

}  // namespace detail
}  // namespace rondo::http
