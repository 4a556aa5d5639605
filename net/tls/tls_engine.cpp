#include <rondo/net/address.hpp>
#include <rondo/net/tls/tls_engine.hpp>
#include <rondo/net/tls/tls_random.hpp>
#include <rondo/net/tls/tls_settings.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace rondo::net::detail {
namespace {

// A record's plaintext, and what its header, its tag and TLS 1.3's padding byte add (RFC 8446,
// section 5.2).
constexpr std::size_t record_bytes = 16 * 1024;
constexpr std::size_t record_overhead = 64;
// What one round encrypts before it is sent.
constexpr std::size_t round_bytes = 4 * record_bytes;
// Ciphertext is read to the caller's buffer from this size on; a smaller one would cost a read for
// little.
constexpr std::size_t least_landing = 2 * 1024;
constexpr std::size_t buffer_bytes = record_bytes + 1024;
// What a wait for the peer holds, until so much has come at once that more is likely.
constexpr std::size_t waiting_bytes = 4 * 1024;
// Messages of the protocol's own (KeyUpdate, tickets, requests to renegotiate) in a row without a
// byte of data between them, and bytes that we may come to owe in answer to them.
constexpr std::uint32_t most_idle_talk = 32;
constexpr std::size_t most_owed = 64 * 1024;

// RFC 1034's lengths; RFC 5890's letters, digits and hyphens, and the underscore that real names
// have.
bool can_be_a_host(std::string_view name) noexcept {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (!plain || ++label > 63) return false;
  }
  return label > 0;
}

// OpenSSL 3.0 has no names for those that came with TLS 1.3 (RFC 8446, section 6).
std::string name_of_alert(int number) {
  switch (number) {
    case SSL_AD_MISSING_EXTENSION: return "missing extension";
    case SSL_AD_CERTIFICATE_REQUIRED: return "certificate required";
    default: return SSL_alert_desc_string_long(number);
  }
}

}  // namespace

// What OpenSSL calls back, and how it finds the engine.
struct tls_hooks {
  static tls_engine& engine_of(const SSL* s) noexcept {
    return *static_cast<tls_engine*>(SSL_get_app_data(s));
  }
  static const tls_settings& settings_of(const SSL_CTX* c) noexcept {
    return *static_cast<const tls_settings*>(SSL_CTX_get_app_data(c));
  }

  // --- the transport, as OpenSSL sees it ---

  static int take(BIO* b, char* out, int size) {
    tls_engine& e = *static_cast<tls_engine*>(BIO_get_data(b));
    BIO_clear_retry_flags(b);
    const std::size_t n = std::min(static_cast<std::size_t>(size), e.input_.size());
    if (n == 0) {
      BIO_set_retry_read(b);
      return -1;
    }
    std::memcpy(out, e.input_.data(), n);
    e.input_ = e.input_.subspan(n);
    return static_cast<int>(n);
  }
  static int put(BIO* b, const char* bytes, int size) {
    tls_engine& e = *static_cast<tls_engine*>(BIO_get_data(b));
    BIO_clear_retry_flags(b);
    try {
      const auto* first = reinterpret_cast<const std::byte*>(bytes);
      e.queue_.insert(e.queue_.end(), first, first + size);
    } catch (...) {
      return -1;
    }
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
  static int made(BIO* b) {
    BIO_set_init(b, 1);
    return 1;
  }
  static const BIO_METHOD* transport() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "rondo");
      BIO_meth_set_read(m, take);
      BIO_meth_set_write(m, put);
      BIO_meth_set_ctrl(m, control);
      BIO_meth_set_create(m, made);
      return m;  // for as long as the process lives
    }();
    return method;
  }

  // --- the handshake ---

  // Revocation lists above the peer's own issuer count when they are there, and are not missed when
  // not.
  static int verified(int ok, X509_STORE_CTX* store) {
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const int depth = X509_STORE_CTX_get_error_depth(store);
    if (ok) return 1;
    if (X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0) {
      X509_STORE_CTX_set_error(store, X509_V_OK);
      return 1;
    }
    engine_of(ssl).refused_depth_ = depth;
    return 0;
  }

  static int choose_certificate(SSL* ssl, int*, void* arg) {
    const auto& s = *static_cast<const tls_settings*>(arg);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    for (const ssl_ctx_ptr& c : s.contexts) {
      X509* own = SSL_CTX_get0_certificate(c.get());
      if (X509_check_host(
              own, name, std::strlen(name),
              X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
              nullptr) != 1)
        continue;
      SSL_set_SSL_CTX(ssl, c.get());
      break;
    }
    return SSL_TLSEXT_ERR_OK;
  }

  static int choose_protocol(SSL*, const unsigned char** out, unsigned char* size,
                             const unsigned char* offered, unsigned offered_size, void* arg) {
    const auto& s = *static_cast<const tls_settings*>(arg);
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, s.alpn.data(), static_cast<unsigned>(s.alpn.size()),
                              offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }

  // 0: OpenSSL's reference stays its own; ours is another one.
  static int new_session(SSL* ssl, SSL_SESSION* session) {
    const tls_engine& e = engine_of(ssl);
    if (!e.resumption_ || SSL_SESSION_up_ref(session) != 1) return 0;
    try {
      e.settings_->sessions.keep(e.peer_, ssl_session_ptr(session));
    } catch (const std::bad_alloc&) {
      // The session is gone, and this connection is none the worse: the next handshake is a full
      // one.
      return 0;
    }
    return 0;
  }

  static void log_secret(const SSL* ssl, const char* line) {
    settings_of(SSL_get_SSL_CTX(ssl)).log->write(line);
  }

  // Counts what the peer says of the protocol itself once the handshake is over.
  static void heard(int outgoing, int, int type, const void*, std::size_t, SSL* ssl, void*) {
    tls_engine& e = engine_of(ssl);
    if (!outgoing && e.established_ && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT))
      ++e.idle_talk_;
  }
};

void install_hooks(ssl_ctx_st* context, const tls_settings& s) {
  if (SSL_CTX_set_app_data(context, const_cast<tls_settings*>(&s)) != 1) throw std::bad_alloc();
  if (s.log) SSL_CTX_set_keylog_callback(context, tls_hooks::log_secret);
  SSL_CTX_set_msg_callback(context, tls_hooks::heard);
  if (s.client) {
    SSL_CTX_sess_set_new_cb(context, tls_hooks::new_session);
    return;
  }
  SSL_CTX_set_tlsext_servername_callback(context, tls_hooks::choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(context, const_cast<tls_settings*>(&s));
  if (!s.alpn.empty())
    SSL_CTX_set_alpn_select_cb(context, tls_hooks::choose_protocol, const_cast<tls_settings*>(&s));
}

void tls_engine::ssl_free::operator()(ssl_st* s) const noexcept { SSL_free(s); }

// --- making --------------------------------------------------------------------------------------

tls_engine::tls_engine(const tls_context& context, role r, std::string_view server_name)
    : settings_(context.settings()), role_(r) {
  if (!settings_) throw tls_config_error("a TLS stream needs a tls_context");
  if (settings_->client != (r == role::client))
    throw tls_config_error(settings_->client ? "accept was given a client's tls_context"
                                             : "connect was given a server's tls_context");
  use_simulated_randomness();
  ERR_clear_error();
  ssl_.reset(SSL_new(settings_->contexts.front().get()));
  BIO* transport = ssl_ ? BIO_new(tls_hooks::transport()) : nullptr;
  if (!transport) throw std::bad_alloc();
  BIO_set_data(transport, this);
  SSL_set_bio(ssl_.get(), transport, transport);
  if (SSL_set_app_data(ssl_.get(), this) != 1) throw std::bad_alloc();
  X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl_.get()), verification_time(*settings_));
  if (r == role::client) {
    SSL_set_connect_state(ssl_.get());
    if (context.is_anonymous()) SSL_certs_clear(ssl_.get());
    if (const tls_protocols* own = context.protocols())
      if (SSL_set_alpn_protos(ssl_.get(), own->wire.data(),
                              static_cast<unsigned>(own->wire.size())) != 0)
        throw std::bad_alloc();
    resumption_ = settings_->resumption && !context.is_anonymous() && !server_name.empty();
    set_peer(server_name);
  } else {
    SSL_set_accept_state(ssl_.get());
    SSL_set_verify(ssl_.get(), SSL_get_verify_mode(ssl_.get()), tls_hooks::verified);
  }
}

tls_engine::~tls_engine() = default;

void tls_engine::set_peer(std::string_view name) {
  SSL* s = ssl_.get();
  X509_VERIFY_PARAM* rules = SSL_get0_param(s);
  if (!settings_->insecure) {
    SSL_set_verify(s, SSL_VERIFY_PEER, tls_hooks::verified);
    if (settings_->revocation)
      X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    if (name.empty())
      throw tls_config_error(
          "connect needs the name that the server's certificate must be for; a tls_context that is "
          "insecure() alone can do without");
  }
  if (name.empty()) return;
  address ip;
  if (address::try_parse(name, ip)) {
    peer_ = address(ip.is_v6() ? address::v6(ip.bytes()) : ip)
                .to_string();  // no certificate has a zone
    if (!settings_->insecure && X509_VERIFY_PARAM_set1_ip_asc(rules, peer_.c_str()) != 1)
      throw tls_config_error("\"" + peer_ + "\": " + openssl_reason());
  } else {
    std::string_view host = name;
    if (host.ends_with('.')) host.remove_suffix(1);
    if (!can_be_a_host(host))
      throw tls_config_error("\"" + std::string(name) +
                             "\" is no host name (names outside ASCII are given as A-labels)");
    peer_ = host;
    std::ranges::transform(peer_, peer_.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (!settings_->insecure) {
      X509_VERIFY_PARAM_set_hostflags(
          rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
      if (X509_VERIFY_PARAM_set1_host(rules, peer_.c_str(), 0) != 1) throw std::bad_alloc();
    }
    if (SSL_set_tlsext_host_name(s, peer_.c_str()) != 1) throw std::bad_alloc();
  }
  if (!resumption_) return;
  const ssl_session_ptr earlier = settings_->sessions.take(peer_, verification_time(*settings_));
  if (earlier) SSL_set_session(s, earlier.get());
}

// --- the handshake -------------------------------------------------------------------------------

bool tls_engine::handshake() {
  if (failed_) std::rethrow_exception(failed_);
  // OpenSSL takes 50 KB for a handshake. A client that has said nothing yet is not worth them.
  if (role_ == role::server && input_.empty() && !greeted_) return false;
  greeted_ = true;
  ERR_clear_error();
  const int r = SSL_do_handshake(ssl_.get());
  if (r != 1) {
    const int error = SSL_get_error(ssl_.get(), r);
    if (error == SSL_ERROR_WANT_READ) return false;
    fail(failure_of(error));
  }
  check_peer();
  established_ = true;
  if (input_.empty()) buffer_.reset();
  return true;
}

// OpenSSL has done so already; that a client never goes on without is worth a second look.
void tls_engine::check_peer() {
  if (role_ == role::server || settings_->insecure) return;
  const long result = SSL_get_verify_result(ssl_.get());
  if (!SSL_get0_peer_certificate(ssl_.get()) || result != X509_V_OK)
    fail(std::make_exception_ptr(
        tls_certificate_error(result, "no certificate was verified", 0, peer_)));
}

std::exception_ptr tls_engine::failure_of(int ssl_error) const {
  const std::string who = peer_.empty() ? std::string("TLS") : "TLS with " + peer_;
  const unsigned long last = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(last);
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      verdict != X509_V_OK) {
    const std::string text = X509_verify_cert_error_string(verdict);
    ERR_clear_error();
    return std::make_exception_ptr(
        tls_certificate_error(verdict, text, refused_depth_, who + ": " + text));
  }
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    const std::string name = name_of_alert(alert);
    ERR_clear_error();
    return std::make_exception_ptr(tls_alert(alert, name, who + ": alert \"" + name + '"'));
  }
  std::string why = openssl_reason();
  if (ssl_error == SSL_ERROR_SYSCALL) why = "out of memory";
  return std::make_exception_ptr(tls_error(tls_errc::protocol, who + ": " + why));
}

void tls_engine::fail(std::exception_ptr why) {
  failed_ = std::move(why);
  input_ = {};
  std::rethrow_exception(failed_);
}

// --- data ----------------------------------------------------------------------------------------

std::optional<std::size_t> tls_engine::read(std::span<std::byte> out) {
  if (failed_) std::rethrow_exception(failed_);
  if (ended_) return 0;
  std::size_t total = 0;
  while (total < out.size()) {
    std::size_t n = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_.get(), out.data() + total, out.size() - total, &n) == 1) {
      total += n;
      idle_talk_ = 0;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), 0);
    if (error == SSL_ERROR_ZERO_RETURN) {
      ended_ = true;
      return total;
    }
    if (error == SSL_ERROR_WANT_READ) {
      refuse_idle_talk();
      if (total == 0) return std::nullopt;
      if (SSL_has_pending(ssl_.get()) == 0) buffer_.reset();
      return total;
    }
    if (total == 0) fail(failure_of(error));
    failed_ = failure_of(error);  // after what came before it
    input_ = {};
    return total;
  }
  return total;
}

void tls_engine::refuse_idle_talk() {
  if (idle_talk_ > most_idle_talk)
    fail(std::make_exception_ptr(tls_error(
        tls_errc::protocol, "TLS with " + peer_ + ": messages without end, and no data")));
  if (queue_.size() - queued_data_ > most_owed)
    fail(std::make_exception_ptr(
        tls_error(tls_errc::protocol, "TLS with " + peer_ + ": asks for answers and takes none")));
}

std::size_t tls_engine::write(std::span<const std::byte> plain) {
  if (failed_) std::rethrow_exception(failed_);
  plain = plain.first(std::min(plain.size(), round_bytes));
  const std::size_t records = plain.size() / record_bytes + 1;
  queue_.reserve(queue_.size() + plain.size() + records * record_overhead);
  const std::size_t before = queue_.size();
  std::size_t n = 0;
  ERR_clear_error();
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &n) != 1)
    fail(failure_of(SSL_get_error(ssl_.get(), 0)));
  queued_data_ += queue_.size() - before;
  return n;
}

void tls_engine::close_notify() noexcept {
  if (!established_ || failed_ || close_sent_) return;
  close_sent_ = true;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void tls_engine::transport_ended() {
  if (failed_) std::rethrow_exception(failed_);
  if (ended_) return;
  fail(std::make_exception_ptr(tls_truncated(
      (peer_.empty() ? std::string("TLS") : "TLS with " + peer_) +
      (established_ ? ": the transport ended" : ": the transport ended during the handshake"))));
}

// OpenSSL copies a record out of the landing before it decrypts it, and a record's plaintext is
// shorter than itself: so the plaintext never reaches ciphertext that is still to be taken, unless
// OpenSSL held a part of the record from before.
std::span<std::byte> tls_engine::landing(std::span<std::byte> out) {
  if (out.size() >= least_landing && SSL_has_pending(ssl_.get()) == 0) {
    buffer_.reset();
    landing_ = out;
  } else {
    const std::size_t wanted = much_came_ ? buffer_bytes : waiting_bytes;
    if (!buffer_ || buffer_size_ != wanted) {
      buffer_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
      buffer_size_ = wanted;
    }
    landing_ = {buffer_.get(), wanted};
  }
  return landing_;
}

void tls_engine::arrived(std::size_t n) noexcept {
  input_ = landing_.first(n);
  much_came_ = n >= waiting_bytes;
}

std::span<const std::byte> tls_engine::outgoing() noexcept {
  if (sent_ == sending_.size()) {
    sent_ = 0;
    sending_ = std::exchange(queue_, {});
    queued_data_ = 0;
  }
  return std::span<const std::byte>(sending_).subspan(sent_);
}

bool tls_engine::has_input() const noexcept {
  return failed_ || ended_ || !input_.empty() || SSL_has_pending(ssl_.get()) == 1;
}

// --- facts ---------------------------------------------------------------------------------------

rondo::detail::nanoseconds tls_engine::handshake_timeout() const noexcept {
  return settings_->handshake_timeout;
}
std::string_view tls_engine::protocol() const noexcept { return SSL_get_version(ssl_.get()); }
std::string_view tls_engine::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }
std::string_view tls_engine::alpn() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}
std::string_view tls_engine::server_name() const noexcept {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name ? std::string_view(name) : std::string_view();
}
bool tls_engine::resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::string tls_engine::peer_subject() const {
  const X509* c = SSL_get0_peer_certificate(ssl_.get());
  BIO* out = c ? BIO_new(BIO_s_mem()) : nullptr;
  if (!out) return {};
  X509_NAME_print_ex(out, X509_get_subject_name(c), 0, XN_FLAG_RFC2253);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string subject(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return subject;
}

std::vector<std::byte> tls_engine::peer_certificate() const {
  X509* c = SSL_get0_peer_certificate(ssl_.get());
  const int size = c ? i2d_X509(c, nullptr) : 0;
  if (size <= 0) return {};
  std::vector<std::byte> der(static_cast<std::size_t>(size));
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(c, &at);
  return der;
}

}  // namespace rondo::net::detail
