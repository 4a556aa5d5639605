#include <rondo/net/tls/tls_sessions.hpp>

#include <openssl/ssl.h>

#include <utility>

namespace rondo::net::detail {
namespace {

// Both the session and the certificate that was verified for it must still hold.
bool holds(const SSL_SESSION* s, std::int64_t now) {
  if (!SSL_SESSION_is_resumable(s)) return false;
  X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(s));
  std::time_t when = now;
  return !peer || X509_cmp_time(X509_get0_notAfter(peer), &when) > 0;
}

}  // namespace

void ssl_session_free::operator()(ssl_session_st* s) const noexcept { SSL_SESSION_free(s); }

ssl_session_ptr tls_sessions::take(const std::string& name, std::int64_t now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  std::list<ssl_session_ptr>& list = found->second->sessions;
  ssl_session_ptr taken;
  while (!taken && !list.empty()) {
    ssl_session_ptr latest = std::move(list.back());
    list.pop_back();
    if (holds(latest.get(), now)) taken = std::move(latest);
  }
  if (list.empty()) {
    entries_.erase(found->second);
    by_name_.erase(found);
  }
  return taken;
}

void tls_sessions::keep(const std::string& name, ssl_session_ptr session) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    entries_.push_back({name, {}});
    by_name_[name] = std::prev(entries_.end());
  } else {
    entries_.splice(entries_.end(), entries_, found->second);
  }
  std::list<ssl_session_ptr>& list = entries_.back().sessions;
  list.push_back(std::move(session));
  if (list.size() > most_a_name) list.pop_front();
  if (entries_.size() > most_names) {
    by_name_.erase(entries_.front().name);
    entries_.pop_front();
  }
}

}  // namespace rondo::net::detail
