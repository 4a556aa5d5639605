// A client's earlier TLS sessions, by the name that was verified. Internal.
//
// It belongs to one context, and a context never changes: whom to trust, revocation and the
// client's certificate are the same for every session in it, so the name is all that tells two
// verifications apart. Protocols (ALPN) are agreed on anew in each handshake (RFC 7301, section
// 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

struct ssl_session_st;

namespace rondo::net::detail {

struct ssl_session_free {
  void operator()(ssl_session_st* s) const noexcept;
};
using ssl_session_ptr = std::unique_ptr<ssl_session_st, ssl_session_free>;

class tls_sessions {
 public:
  // The latest for that name whose certificate is still valid at `now`, taken out: a ticket is used
  // once (RFC 8446, appendix C.4).
  ssl_session_ptr take(const std::string& name, std::int64_t now);
  // Throws std::bad_alloc.
  void keep(const std::string& name, ssl_session_ptr session);

  static constexpr std::size_t most_names = 1'000;
  static constexpr std::size_t most_a_name = 4;

 private:
  struct entry {
    std::string name;
    std::list<ssl_session_ptr> sessions;  // the oldest first
  };

  std::mutex mutex_;
  std::list<entry> entries_;  // the name used last is last
  std::unordered_map<std::string, std::list<entry>::iterator> by_name_;
};

}  // namespace rondo::net::detail
