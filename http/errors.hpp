// Errors of the HTTP layer: one hierarchy under rondo::http::error.
//
//     try { auto r = co_await client.get("https://example.org/"); r.raise_for_status(); }
//     catch (const rondo::http::timeout_error& e) { log(to_string(e.phase()), e.url()); }
//     catch (const rondo::http::error& e) { log(e.what()); }
//
// The part that fails often knows less than the part that called it: a parser has no URL. The
// caller adds what it knows and lets the same object travel on, so that its type is kept:
//
//     try { … } catch (http::error& e) { e.add_context(url, http::phase::read); throw; }
//
// A URL kept here never shows its userinfo. A cancellation is none of these.
#pragma once

#include <rondo/runtime/core/failure.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::http {

// The part of an exchange that was under way.
enum class phase : std::uint8_t {
  none,        // not known yet
  url,         // reading a URL
  pool,        // waiting for a free connection
  resolve,     // looking the name up
  connect,     // opening the transport
  proxy,       // talking to a proxy on the way
  tls,         // the TLS handshake
  write,       // sending the request
  first_byte,  // waiting for the response to begin
  read,        // reading a message's head, or waiting between two reads
  body,        // reading or decoding a body
  redirect,    // following a redirect
  total,       // the request as a whole
};

inline constexpr std::size_t phase_count = static_cast<std::size_t>(phase::total) + 1;

[[nodiscard]] std::string_view to_string(phase p) noexcept;

// `url` with whatever stands between "//" and the "@" of its authority replaced by "***".
[[nodiscard]] std::string redact_userinfo(std::string_view url);

class error : public virtual rondo::detail::failure {
 public:
  explicit error(const std::string& message, http::phase p = http::phase::none,
                 std::string_view url = {});
  // Copied, never moved from: an error must stay readable.
  error(const error&) = default;
  error& operator=(const error&) = default;
  ~error() override = default;

  // One sentence: the message, then the phase and the URL when they are known.
  [[nodiscard]] const char* what() const noexcept override;
  [[nodiscard]] std::string_view message() const noexcept;

  // Empty when it is not known; "***" in place of any userinfo.
  [[nodiscard]] std::string_view url() const noexcept;
  [[nodiscard]] http::phase phase() const noexcept { return phase_; }

  // Fills in the URL and the phase where they are not known yet; what is known stays. Copies made
  // earlier keep what they had. Not for an error that another thread may be reading.
  void add_context(std::string_view url, http::phase p = http::phase::none);

 private:
  struct context;
  void describe(std::string message, std::string redacted_url);

  // Shared and never changed, so that copying an error cannot throw.
  std::shared_ptr<const context> context_;
  http::phase phase_;
};

// No transport could be opened. The code is that of the most telling attempt.
class connect_error : public error {
 public:
  explicit connect_error(std::error_code code, std::string_view detail = {},
                         http::phase p = http::phase::connect);
  [[nodiscard]] std::error_code code() const noexcept { return code_; }

 private:
  std::error_code code_;
};

// The handshake failed, or the peer could not be verified.
class tls_error : public error {
 public:
  explicit tls_error(const std::string& message, std::error_code code = {});
  [[nodiscard]] std::error_code code() const noexcept { return code_; }

 private:
  std::error_code code_;
};

// The time set for a phase, or for the whole (phase::total), ran out.
class timeout_error : public error {
 public:
  explicit timeout_error(http::phase p, std::string_view detail = {});
};

// What arrived is not HTTP as RFC 9110 and 9112 have it, or passes one of our limits.
class protocol_error : public error {
 public:
  explicit protocol_error(const std::string& message, int answer_status = 400);

  // What a server answers to such a request: 400, 413, 414, 431, 501 or 505. For a response, 502:
  // what a gateway would answer.
  [[nodiscard]] int answer_status() const noexcept { return answer_status_; }

 private:
  int answer_status_;
};

// A body that is not whole, too large, or cannot be decoded.
class body_error : public error {
 public:
  enum class reason : std::uint8_t {
    truncated,
    too_large,
    bad_coding,
    not_repeatable,
    malformed,    // not what its Content-Type says
    unsupported,  // of a Content-Type that is not taken
  };

  body_error(reason why, const std::string& message);
  [[nodiscard]] reason why() const noexcept { return why_; }
  // 413 for too_large, 415 for bad_coding and unsupported, else 400.
  [[nodiscard]] int answer_status() const noexcept;

 private:
  reason why_;
};

// There were more redirects than client_options::follow allows.
class too_many_redirects : public error {
 public:
  explicit too_many_redirects(int limit);
  [[nodiscard]] int limit() const noexcept { return limit_; }

 private:
  int limit_;
};

// A redirect that is not followed: where it points is no http or https URL, is told more than once,
// or would leave https without leave.
class redirect_error : public error {
 public:
  explicit redirect_error(const std::string& message)
      // NOLINTNEXTLINE(bugprone-throw-keyword-missing): the base is made, nothing is thrown
      : error(message, http::phase::redirect) {}
};

// raise_for_status() met a status of 400 or above.
class status_error : public error {
 public:
  explicit status_error(int status, std::string_view reason = {});
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

// A text that is no http, https, ws or wss URL. `position` is the offset in the text, in bytes.
class url_error : public error {
 public:
  url_error(const std::string& message, std::string_view text, std::size_t position);
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  std::size_t position_;
};

}  // namespace rondo::http
