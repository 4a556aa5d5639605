// What `rondo fetch` sees of one exchange: where the time went, and what was said.
#pragma once

#include <rondo/http/tracer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace rondo::tools {

// The parts of an exchange, redirects added up.
enum class part : std::uint8_t { queue, resolve, connect, tls, send, wait, body };
inline constexpr std::array<std::string_view, 7> part_names{"queue", "resolve", "connect", "tls",
                                                            "send",  "wait",    "body"};

class fetch_tracer final : public http::tracer {
 public:
  // `verbose`: prints both sides' heads to stderr, and the frames of HTTP/2.
  explicit fetch_tracer(bool verbose) noexcept : verbose_(verbose) {}
  void on(const http::trace_event& e) override;

  [[nodiscard]] std::chrono::nanoseconds spent(part p) const noexcept {
    return spent_[static_cast<std::size_t>(p)];
  }

 private:
  using time = std::chrono::steady_clock::time_point;
  void end(part p, time at) noexcept {
    spent_[static_cast<std::size_t>(p)] += at - since_;
    since_ = at;
  }
  void say(const http::trace_event& e) const;

  bool verbose_;
  time since_{};  // the latest point
  std::array<std::chrono::nanoseconds, part_names.size()> spent_{};
};

}  // namespace rondo::tools
