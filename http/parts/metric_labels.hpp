// The labels by which HTTP counts, under OpenTelemetry's names (semantic conventions 1.23).
#pragma once

#include <rondo/http/errors.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// "_OTHER" for what RFC 9110 and RFC 5789 do not name, as the conventions have it.
class method_label {
 public:
  static constexpr std::string_view label = "http_request_method";
  static constexpr std::size_t count = 10;
  explicit method_label(std::string_view method) noexcept
      : at_(static_cast<std::size_t>(std::ranges::find(names, method) - names.begin())) {
    at_ = std::min(at_, count - 1);
  }
  std::size_t index() const noexcept { return at_; }
  std::string_view text() const noexcept { return names[at_]; }

 private:
  static constexpr std::array<std::string_view, count> names{
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"};
  std::size_t at_;
};

// Of three digits; 0 for none.
class status_label {
 public:
  static constexpr std::string_view label = "http_response_status_code";
  static constexpr std::size_t count = 1000;
  explicit status_label(int status)
      : status_(status < 0 || status >= static_cast<int>(count) ? 0 : status) {}
  std::size_t index() const noexcept { return static_cast<std::size_t>(status_); }
  std::string text() const { return status_ == 0 ? std::string() : std::to_string(status_); }

 private:
  int status_;
};

}  // namespace rondo::http::detail
