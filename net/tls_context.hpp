// What TLS streams are made with: whom to trust, who one is, which protocols. Immutable, cheap to
// copy, shared by any number of streams and threads.
//
//   tls_context trusting = tls_context::client();  // the system's certificates
//   tls_context ours = tls_context::client(tls_client_options().ca_file("our-ca.pem"));
//   tls_context serving =
//       tls_context::server(tls_server_options().certificate_file("chain.pem", "key.pem"));
//
// What cannot be chosen: TLS 1.2 or newer (min_version may ask for 1.3); ephemeral elliptic curves
// and authenticated encryption only; keys worth 112 bits (RSA of 2048 bits) and no SHA-1 or MD5
// signatures in any certificate of a chain; no compression, no renegotiation, no early data. A name
// is matched against the certificate's subjectAltName alone, never against the subject's CN, and a
// wildcard stands for one whole label (RFC 9525).
#pragma once

#include <rondo/net/tls_error.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rondo::net {

// The first two are here to be refused by name (RFC 8996).
enum class tls_version : std::uint8_t { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

namespace detail {

struct tls_settings;
struct tls_protocols;

// Text in PEM, or the file that holds it.
struct pem_source {
  std::string text;
  std::string path;  // empty: the text counts
};
struct tls_certificate {
  pem_source chain;
  pem_source key;
};

inline constexpr rondo::detail::nanoseconds tls_handshake_limit = std::chrono::seconds(30);

// What both ends can be told. Every setter returns the object itself.
template <class Self>
class tls_options {
 public:
  // ALPN (RFC 7301), in the order of preference: "http/1.1", … A server that shares none of what a
  // client offers refuses it.
  Self& alpn(std::vector<std::string> protocols) {
    alpn_ = std::move(protocols);
    return self();
  }
  // For a handshake. 30 s; zero: no limit.
  template <class Rep, class Period>
  Self& handshake_timeout(std::chrono::duration<Rep, Period> d) {
    handshake_timeout_ = rondo::detail::saturate(d);
    return self();
  }
  // The oldest version to speak: tls_1_2, or tls_1_3 to refuse peers that have nothing newer than
  // 1.2. Anything older, and a minimum above max_version, is a tls_config_error when the context is
  // made.
  Self& min_version(tls_version v) {
    min_version_ = v;
    return self();
  }
  // The newest version to speak: tls_1_2 is for peers that get 1.3 wrong.
  Self& max_version(tls_version v) {
    max_version_ = v;
    return self();
  }
  // Appends each connection's secrets to a file, for a program that reads captured traffic (the
  // format of SSLKEYLOGFILE). Whoever has the file reads everything.
  Self& key_log_file(std::string path) {
    key_log_ = std::move(path);
    return self();
  }
  // The same, to where the environment variable SSLKEYLOGFILE points, if it is set.
  Self& key_log_from_environment();
  // Where the time comes from by which certificates are valid or not. Without one: the system's
  // clock, and in the simulation its own (simulation_options::start).
  Self& clock(std::chrono::system_clock::time_point (*now)() noexcept) {
    clock_ = now;
    return self();
  }

  std::vector<std::string> alpn_;
  tls_version min_version_ = tls_version::tls_1_2;
  tls_version max_version_ = tls_version::tls_1_3;
  rondo::detail::nanoseconds handshake_timeout_ = tls_handshake_limit;
  std::string key_log_;
  std::chrono::system_clock::time_point (*clock_)() noexcept = nullptr;

 private:
  friend Self;
  tls_options() = default;
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

std::string key_log_environment();

template <class Self>
Self& tls_options<Self>::key_log_from_environment() {
  return key_log_file(key_log_environment());
}

}  // namespace detail

class tls_client_options : public detail::tls_options<tls_client_options> {
 public:
  tls_client_options() = default;

  // Whom to trust, in PEM. Once any is given the system's own are trusted only if asked for.
  tls_client_options& ca_file(std::string path) {
    ca_.push_back({{}, std::move(path)});
    return *this;
  }
  tls_client_options& ca_pem(std::string text) {
    ca_.push_back({std::move(text), {}});
    return *this;
  }
  // A folder with a file a certificate, named by hash (openssl-rehash(1)).
  tls_client_options& ca_folder(std::string path) {
    ca_folders_.push_back(std::move(path));
    return *this;
  }
  tls_client_options& system_roots() {
    system_roots_ = true;
    return *this;
  }
  // Revoked certificates. Once any list is given, the issuer of a server's certificate must have
  // one that is up to date; lists of the authorities above it count if they are given.
  tls_client_options& crl_file(std::string path) {
    crl_.push_back({{}, std::move(path)});
    return *this;
  }
  tls_client_options& crl_pem(std::string text) {
    crl_.push_back({std::move(text), {}});
    return *this;
  }
  // Who the client is, for servers that ask: the chain, its own certificate first, and its key.
  tls_client_options& certificate_file(std::string chain, std::string key) {
    certificates_ = {{{{}, std::move(chain)}, {{}, std::move(key)}}};
    return *this;
  }
  tls_client_options& certificate_pem(std::string chain, std::string key) {
    certificates_ = {{{std::move(chain), {}}, {std::move(key), {}}}};
    return *this;
  }
  // Accepts every server whoever it is: the connection is secret, but nobody knows with whom.
  tls_client_options& insecure() {
    insecure_ = true;
    return *this;
  }
  // Whether to take up earlier sessions with the same name. True.
  tls_client_options& resumption(bool yes) {
    resumption_ = yes;
    return *this;
  }

  std::vector<detail::pem_source> ca_;
  std::vector<std::string> ca_folders_;
  std::vector<detail::pem_source> crl_;
  std::vector<detail::tls_certificate> certificates_;
  bool system_roots_ = false;
  bool insecure_ = false;
  bool resumption_ = true;
};

class tls_server_options : public detail::tls_options<tls_server_options> {
 public:
  tls_server_options() = default;

  // Who the server is: the chain, its own certificate first, and its key, in PEM. Given several
  // times, the name that the client asks for (SNI) chooses the first whose subjectAltName matches,
  // else the first of all.
  tls_server_options& certificate_file(std::string chain, std::string key) {
    certificates_.push_back({{{}, std::move(chain)}, {{}, std::move(key)}});
    return *this;
  }
  tls_server_options& certificate_pem(std::string chain, std::string key) {
    certificates_.push_back({{std::move(chain), {}}, {std::move(key), {}}});
    return *this;
  }
  // Asks clients for a certificate that one of these authorities has signed. A client without one
  // is refused, unless `optional`.
  tls_server_options& client_ca_file(std::string path, bool optional = false) {
    client_ca_.push_back({{}, std::move(path)});
    client_optional_ = optional;
    return *this;
  }
  tls_server_options& client_ca_pem(std::string text, bool optional = false) {
    client_ca_.push_back({std::move(text), {}});
    client_optional_ = optional;
    return *this;
  }

  std::vector<detail::tls_certificate> certificates_;
  std::vector<detail::pem_source> client_ca_;
  bool client_optional_ = false;
};

class tls_context {
 public:
  // None yet: a stream made with it throws.
  tls_context() noexcept = default;
  // Throw tls_config_error, which names the file or the setting and what is wrong with it (a path
  // with a NUL byte, too, before anything is opened); tls_error (not_available) in a build without
  // TLS. Files are read here, once.
  static tls_context client(const tls_client_options& options = {});
  static tls_context server(const tls_server_options& options);

  explicit operator bool() const noexcept { return settings_ != nullptr; }
  // The same without the client's certificate, and without sessions that know it: for a server that
  // need not learn who the client is.
  tls_context without_certificate() const noexcept {
    tls_context c = *this;
    c.anonymous_ = true;
    return c;
  }
  // The same, offering these protocols (ALPN) in place of any that it has; for a client. Sessions
  // are shared. Throws tls_config_error.
  tls_context offering(const std::vector<std::string>& protocols) const;
  // Whether it was made with protocols to offer.
  bool offers_protocols() const noexcept;
  // Of this context and its copies alone, in this process; 0: none.
  std::uint64_t id() const noexcept;

  // For tls_stream.
  const std::shared_ptr<const detail::tls_settings>& settings() const noexcept { return settings_; }
  bool is_anonymous() const noexcept { return anonymous_; }
  // In place of the settings' own; null: those.
  const detail::tls_protocols* protocols() const noexcept { return protocols_.get(); }

 private:
  explicit tls_context(std::shared_ptr<const detail::tls_settings> s) noexcept
      : settings_(std::move(s)) {}
  std::shared_ptr<const detail::tls_settings> settings_;
  std::shared_ptr<const detail::tls_protocols> protocols_;
  bool anonymous_ = false;
};

// A context that can be replaced while a server runs: new certificates without dropping a
// connection. Streams go on with the context that they began with. Copies share. From any thread.
//
//   tls_reloadable current(tls_context::server(options));
//   …                                          // accept with current.get()
//   // throws and changes nothing if the files are bad
//   current.replace(tls_context::server(options));
class tls_reloadable {
 public:
  // Begins with this one.
  tls_reloadable(tls_context first) : shared_(std::make_shared<shared>(std::move(first))) {}
  // The one for connections that come now.
  tls_context get() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->context;
  }
  // From now on new connections have this one.
  void replace(tls_context next) {
    const std::lock_guard lock(shared_->mutex);
    std::swap(shared_->context, next);
  }

 private:
  struct shared {
    explicit shared(tls_context c) : context(std::move(c)) {}
    std::mutex mutex;
    tls_context context;
  };
  std::shared_ptr<shared> shared_;
};

}  // namespace rondo::net
