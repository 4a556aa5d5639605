#include <rondo/net/parts/path.hpp>
#include <rondo/net/tls/tls_settings.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/runtime/core/wall_clock.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>

namespace rondo::net {
namespace detail {
namespace {

// OpenSSL's level 2: every key worth 112 bits, no signature by SHA-1 or MD5 below a trusted root.
constexpr int security_level = 2;
constexpr const char* tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* tls13_ciphers =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256:P-384:P-521";
constexpr const char* signatures =
    "ed25519:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:"
    "rsa_pss_rsae_sha512:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:"
    "RSA+SHA384:RSA+SHA512";
constexpr std::size_t largest_pem_file = 16 << 20;

struct bio_free {
  void operator()(BIO* b) const noexcept { BIO_free(b); }
};
struct x509_free {
  void operator()(X509* c) const noexcept { X509_free(c); }
};
struct crl_free {
  void operator()(X509_CRL* c) const noexcept { X509_CRL_free(c); }
};
struct key_free {
  void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
};
using bio_ptr = std::unique_ptr<BIO, bio_free>;
using x509_ptr = std::unique_ptr<X509, x509_free>;
using crl_ptr = std::unique_ptr<X509_CRL, crl_free>;
using key_ptr = std::unique_ptr<EVP_PKEY, key_free>;

[[noreturn]] void refuse_settings(const std::string& what) { throw tls_config_error(what); }
[[noreturn]] void refuse_settings(const pem_source& from, const std::string& what) {
  refuse_settings((from.path.empty() ? std::string("PEM text") : from.path) + ": " + what);
}

// A path, before anything is opened by it.
void check_path(const std::string& path) {
  if (holds_nul(path)) refuse_settings(shown(path) + ": " + nul_in_path);
}

std::string read_text(const pem_source& from) {
  if (from.path.empty()) return from.text;
  check_path(from.path);
  std::ifstream file(from.path, std::ios::binary);
  if (!file) refuse_settings(from, std::generic_category().message(errno));
  std::string text;
  char piece[4096];
  while (file.read(piece, sizeof piece), file.gcount() > 0) {
    text.append(piece, static_cast<std::size_t>(file.gcount()));
    if (text.size() > largest_pem_file)
      refuse_settings(from, "larger than any file of certificates");
  }
  if (file.bad()) refuse_settings(from, "cannot be read");
  return text;
}

bio_ptr reader_of(const std::string& text) {
  bio_ptr b(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!b) throw std::bad_alloc();
  return b;
}

// True when PEM reading stopped at the end of the text, and not at something broken.
bool at_the_end() {
  const unsigned long e = ERR_peek_last_error();
  const bool end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

// Nobody sits at a terminal to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

std::vector<x509_ptr> read_certificates(const pem_source& from) {
  const std::string text = read_text(from);
  const bio_ptr in = reader_of(text);
  std::vector<x509_ptr> all;
  ERR_clear_error();
  while (X509* c = PEM_read_bio_X509(in.get(), nullptr, no_passphrase, nullptr))
    all.emplace_back(c);
  if (!at_the_end()) refuse_settings(from, "not a certificate in PEM: " + openssl_reason());
  if (all.empty()) refuse_settings(from, "no certificate in it");
  return all;
}

key_ptr read_key(const pem_source& from) {
  const std::string text = read_text(from);
  const bio_ptr in = reader_of(text);
  ERR_clear_error();
  key_ptr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (!key)
    refuse_settings(from, "no private key in PEM, without a passphrase: " + openssl_reason());
  return key;
}

void trust(SSL_CTX* c, const std::vector<pem_source>& sources) {
  X509_STORE* store = SSL_CTX_get_cert_store(c);
  for (const pem_source& from : sources)
    for (const x509_ptr& certificate : read_certificates(from))
      if (X509_STORE_add_cert(store, certificate.get()) != 1)
        refuse_settings(from, openssl_reason());
}

void add_revoked(SSL_CTX* c, const std::vector<pem_source>& sources) {
  X509_STORE* store = SSL_CTX_get_cert_store(c);
  for (const pem_source& from : sources) {
    const std::string text = read_text(from);
    const bio_ptr in = reader_of(text);
    int count = 0;
    ERR_clear_error();
    for (;; ++count) {
      const crl_ptr list(PEM_read_bio_X509_CRL(in.get(), nullptr, no_passphrase, nullptr));
      if (!list) break;
      if (X509_STORE_add_crl(store, list.get()) != 1) refuse_settings(from, openssl_reason());
    }
    if (!at_the_end()) refuse_settings(from, "not a revocation list in PEM: " + openssl_reason());
    if (count == 0) refuse_settings(from, "no revocation list in it");
  }
}

void use_certificate(SSL_CTX* c, const tls_certificate& own) {
  std::vector<x509_ptr> chain = read_certificates(own.chain);
  const key_ptr key = read_key(own.key);
  if (SSL_CTX_use_certificate(c, chain.front().get()) != 1)
    refuse_settings(own.chain, openssl_reason());
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(c, chain[i].get()) != 1)
      refuse_settings(own.chain, openssl_reason());
  if (SSL_CTX_use_PrivateKey(c, key.get()) != 1 || SSL_CTX_check_private_key(c) != 1)
    refuse_settings(own.key, "not the key of the certificate: " + openssl_reason());
}

std::vector<unsigned char> alpn_on_the_wire(const std::vector<std::string>& protocols) {
  std::vector<unsigned char> wire;
  for (const std::string& p : protocols) {
    if (p.empty() || p.size() > 255) refuse_settings("alpn: a protocol's name has 1 to 255 bytes");
    wire.push_back(static_cast<unsigned char>(p.size()));
    wire.insert(wire.end(), p.begin(), p.end());
  }
  if (wire.size() > 65'535) refuse_settings("alpn: too many protocols");
  return wire;
}

std::uint64_t next_id() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  return ++last;
}

int on_the_wire(tls_version v) noexcept {
  return v == tls_version::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

void check_versions(tls_version oldest, tls_version newest) {
  const auto check = [](const char* setting, tls_version v) {
    if (v < tls_version::tls_1_2)
      refuse_settings(std::string(setting) +
                      ": TLS 1.0 and 1.1 are not spoken (RFC 8996), 1.2 is the oldest");
    if (v > tls_version::tls_1_3)
      refuse_settings(std::string(setting) + ": no such version of TLS");
  };
  check("min_version", oldest);
  check("max_version", newest);
  if (oldest > newest) refuse_settings("min_version is newer than max_version: no version is left");
}

// What both roles share; see the comment of tls_context.hpp. The system's openssl.cnf has had its
// say when the context was made: everything that matters is set here.
template <class Options>
ssl_ctx_ptr new_context(const tls_settings& s, const Options& o) {
  ssl_ctx_ptr owner(SSL_CTX_new(s.client ? TLS_client_method() : TLS_server_method()));
  SSL_CTX* c = owner.get();
  if (!c) refuse_settings("OpenSSL makes no context: " + openssl_reason());
  SSL_CTX_set_security_level(c, security_level);
  SSL_CTX_clear_options(c, SSL_OP_ALL | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET |
                               SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
                               SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_TLSv1_2 |
                               SSL_OP_NO_TLSv1_3);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  const bool set = SSL_CTX_set_min_proto_version(c, on_the_wire(o.min_version_)) == 1 &&
                   SSL_CTX_set_max_proto_version(c, on_the_wire(o.max_version_)) == 1 &&
                   SSL_CTX_set_cipher_list(c, tls12_ciphers) == 1 &&
                   SSL_CTX_set_ciphersuites(c, tls13_ciphers) == 1 &&
                   SSL_CTX_set1_groups_list(c, groups) == 1 &&
                   SSL_CTX_set1_sigalgs_list(c, signatures) == 1;
  if (!set) refuse_settings("OpenSSL does not take our ciphers: " + openssl_reason());
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_early_data(c, 0);
  install_hooks(c, s);
  return owner;
}

template <class Options>
void take_common(tls_settings& s, const Options& o) {
  check_versions(o.min_version_, o.max_version_);
  s.id = next_id();
  s.alpn = alpn_on_the_wire(o.alpn_);
  s.handshake_timeout = o.handshake_timeout_;
  s.clock = o.clock_;
  if (!o.key_log_.empty()) s.log = std::make_unique<key_log>(o.key_log_);
}

}  // namespace

void ssl_ctx_free::operator()(ssl_ctx_st* c) const noexcept { SSL_CTX_free(c); }

key_log::key_log(const std::string& path) {
  check_path(path);
  // For its owner's eyes only.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd >= 0) file_.reset(::fdopen(fd, "a"));
  if (!file_) refuse_settings(path + ": " + std::generic_category().message(errno));
}

void key_log::write(const char* line) const noexcept {
  const std::lock_guard lock(mutex_);
  std::fprintf(file_.get(), "%s\n", line);
  std::fflush(file_.get());
}

std::string key_log_environment() {
  const char* path = std::getenv("SSLKEYLOGFILE");
  return path ? path : "";
}

std::string openssl_reason() {
  std::string text;
  while (const unsigned long e = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(e);
    if (!text.empty()) text += ", ";
    text += reason ? std::string(reason) : "error " + std::to_string(ERR_GET_REASON(e));
  }
  return text.empty() ? "no reason given" : text;
}

std::int64_t verification_time(const tls_settings& s) noexcept {
  using namespace std::chrono;
  if (s.clock) return floor<seconds>(s.clock().time_since_epoch()).count();
  return floor<seconds>(rondo::detail::wall_clock_now().time_since_epoch()).count();
}

}  // namespace detail

tls_context tls_context::client(const tls_client_options& o) {
  using namespace detail;
  auto s = std::make_shared<tls_settings>();
  s->client = true;
  s->insecure = o.insecure_;
  s->resumption = o.resumption_;
  s->revocation = !o.crl_.empty();
  take_common(*s, o);
  ssl_ctx_ptr owner = new_context(*s, o);
  SSL_CTX* c = owner.get();
  trust(c, o.ca_);
  for (const std::string& folder : o.ca_folders_) {
    check_path(folder);
    struct stat found{};
    if (::stat(folder.c_str(), &found) != 0)
      refuse_settings(folder + ": " + std::generic_category().message(errno));
    if (!S_ISDIR(found.st_mode) || SSL_CTX_load_verify_dir(c, folder.c_str()) != 1)
      refuse_settings(folder + ": not a folder of certificates");
  }
  const bool none_given = o.ca_.empty() && o.ca_folders_.empty();
  if (o.system_roots_ || (none_given && !o.insecure_))
    if (SSL_CTX_set_default_verify_paths(c) != 1)
      refuse_settings("the system's certificates: " + openssl_reason());
  add_revoked(c, o.crl_);
  if (!o.certificates_.empty()) use_certificate(c, o.certificates_.front());
  if (!s->alpn.empty() &&
      SSL_CTX_set_alpn_protos(c, s->alpn.data(), static_cast<unsigned>(s->alpn.size())) != 0)
    refuse_settings("alpn: " + openssl_reason());
  SSL_CTX_set_session_cache_mode(
      c, o.resumption_ ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
  s->contexts.push_back(std::move(owner));
  return tls_context(std::move(s));
}

tls_context tls_context::server(const tls_server_options& o) {
  using namespace detail;
  if (o.certificates_.empty())
    refuse_settings("a server needs a certificate: tls_server_options::certificate_file");
  auto s = std::make_shared<tls_settings>();
  take_common(*s, o);
  for (const tls_certificate& own : o.certificates_) {
    ssl_ctx_ptr owner = new_context(*s, o);
    SSL_CTX* c = owner.get();
    use_certificate(c, own);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // sessions live in the clients' tickets
    static constexpr unsigned char resumption_of[] = "rondo";
    SSL_CTX_set_session_id_context(c, resumption_of, sizeof resumption_of - 1);
    if (!o.client_ca_.empty()) {
      trust(c, o.client_ca_);
      for (const pem_source& from : o.client_ca_)
        for (const x509_ptr& certificate : read_certificates(from))
          if (SSL_CTX_add_client_CA(c, certificate.get()) != 1)
            refuse_settings(from, openssl_reason());
      SSL_CTX_set_verify(
          c,
          o.client_optional_ ? SSL_VERIFY_PEER : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
          nullptr);
    }
    s->contexts.push_back(std::move(owner));
  }
  return tls_context(std::move(s));
}

tls_context tls_context::offering(const std::vector<std::string>& protocols) const {
  tls_context c = *this;
  c.protocols_ = std::make_shared<const detail::tls_protocols>(
      detail::tls_protocols{detail::next_id(), detail::alpn_on_the_wire(protocols)});
  return c;
}

bool tls_context::offers_protocols() const noexcept {
  return protocols_ || (settings_ && !settings_->alpn.empty());
}

std::uint64_t tls_context::id() const noexcept {
  if (!settings_) return 0;
  return (protocols_ ? protocols_->id : settings_->id) * 2 + (anonymous_ ? 1 : 0);
}

}  // namespace rondo::net
