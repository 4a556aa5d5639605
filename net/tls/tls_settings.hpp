// What a tls_context holds. Internal.
#pragma once

#include <rondo/net/tls/tls_sessions.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct ssl_ctx_st;

namespace rondo::net::detail {

struct ssl_ctx_free {
  void operator()(ssl_ctx_st* c) const noexcept;
};
using ssl_ctx_ptr = std::unique_ptr<ssl_ctx_st, ssl_ctx_free>;

// Lines for a program that decrypts captures, from any thread.
class key_log {
 public:
  // Throws tls_config_error.
  explicit key_log(const std::string& path);
  void write(const char* line) const noexcept;

 private:
  struct file_close {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  std::unique_ptr<std::FILE, file_close> file_;
  mutable std::mutex mutex_;
};

struct tls_settings {
  bool client = false;
  bool insecure = false;
  bool resumption = false;
  bool revocation = false;  // lists of revoked certificates are there
  std::uint64_t id = 0;
  // A client has one; a server has one for each certificate, the first of which is for names that
  // none matches.
  std::vector<ssl_ctx_ptr> contexts;
  std::vector<unsigned char> alpn;  // as it travels: length, name, length, name, …
  rondo::detail::nanoseconds handshake_timeout{};
  std::chrono::system_clock::time_point (*clock)() noexcept = nullptr;
  std::unique_ptr<key_log> log;
  mutable tls_sessions sessions;  // of a client
};

// What one context offers in place of what its settings say (ALPN).
struct tls_protocols {
  std::uint64_t id = 0;             // among those of settings
  std::vector<unsigned char> wire;  // as it travels
};

// The time by which certificates are valid or not, in seconds since 1970; by the settings' clock.
std::int64_t verification_time(const tls_settings& s) noexcept;

// Makes a new SSL_CTX call back into engines and settings (tls_engine.cpp).
void install_hooks(ssl_ctx_st* context, const tls_settings& s);

// What OpenSSL last complained of, in words; empties its list.
std::string openssl_reason();

}  // namespace rondo::net::detail
