// What can go wrong in TLS: one hierarchy under net::tls_error, which is a std::system_error with a
// code of tls_errc.
//
//   try { … }
//   catch (const net::tls_certificate_error& e) { log(e.reason()); }   // "certificate has expired"
//   catch (const net::tls_error& e) { log(e.what()); }
//
// Errors of the transport below (ECONNRESET, io_errc::closed, …) pass as they are.
#pragma once

#include <rondo/version.hpp>

#include <string>
#include <system_error>

namespace rondo::net {

enum class tls_errc {
  not_available = 1,    // Rondo was built without TLS
  configuration,        // a file, key, name or setting that cannot be used
  certificate_refused,  // the peer's certificate
  alert,                // the peer ended the connection and said why
  protocol,             // the peer broke the protocol, or the two have nothing in common
  truncated,            // the transport ended without close_notify
  handshake_timeout,
};

const std::error_category& tls_category() noexcept;
inline std::error_code make_error_code(tls_errc e) noexcept {
  return {static_cast<int>(e), tls_category()};
}

class tls_error : public std::system_error {
 public:
  tls_error(tls_errc code, const std::string& what);
};

// A context or a stream cannot be made as asked; names the file or the setting.
class tls_config_error : public tls_error {
 public:
  explicit tls_config_error(const std::string& what) : tls_error(tls_errc::configuration, what) {}
};

// The peer's certificate was refused.
class tls_certificate_error : public tls_error {
 public:
  // `result` is OpenSSL's X509_V_ERR_…; `depth` counts from the peer's own certificate, 0.
  tls_certificate_error(long result, std::string reason, int depth, const std::string& what)
      : tls_error(tls_errc::certificate_refused, what),
        result_(result),
        depth_(depth),
        reason_(std::move(reason)) {}
  long result() const noexcept { return result_; }
  int depth() const noexcept { return depth_; }
  const std::string& reason() const noexcept { return reason_; }

 private:
  long result_;
  int depth_;
  std::string reason_;
};

// The peer sent a fatal alert (RFC 8446, section 6).
class tls_alert : public tls_error {
 public:
  tls_alert(int number, std::string name, const std::string& what)
      : tls_error(tls_errc::alert, what), number_(number), name_(std::move(name)) {}
  int number() const noexcept { return number_; }
  const std::string& name() const noexcept { return name_; }

 private:
  int number_;
  std::string name_;
};

// The transport ended before the peer said that it was done: what came may be only a part of what
// was sent.
class tls_truncated : public tls_error {
 public:
  explicit tls_truncated(const std::string& what) : tls_error(tls_errc::truncated, what) {}
};

// The handshake was not done in time (handshake_timeout).
class tls_handshake_timeout : public tls_error {
 public:
  explicit tls_handshake_timeout(const std::string& what)
      : tls_error(tls_errc::handshake_timeout, what) {}
};

}  // namespace rondo::net

template <>
struct std::is_error_code_enum<rondo::net::tls_errc> : std::true_type {};
