#include "self_signed.hpp"

#include <rondo/net/address.hpp>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <set>
#include <stdexcept>

namespace rondo::tools {
namespace {

constexpr long seconds_valid = 30L * 24 * 60 * 60;
// Clocks differ.
constexpr long seconds_before = 60L * 60;
// RFC 5280, section 4.1.2.2: hard to guess, positive, and 20 bytes at most.
constexpr int serial_bits = 127;

template <auto release>
struct released_by {
  template <class T>
  void operator()(T* p) const noexcept {
    release(p);
  }
};
using bio_owner = std::unique_ptr<BIO, released_by<BIO_free>>;
using key_owner = std::unique_ptr<EVP_PKEY, released_by<EVP_PKEY_free>>;
using certificate_owner = std::unique_ptr<X509, released_by<X509_free>>;
using extension_owner = std::unique_ptr<X509_EXTENSION, released_by<X509_EXTENSION_free>>;
using number_owner = std::unique_ptr<BIGNUM, released_by<BN_free>>;

void must(bool went_well) {
  if (!went_well) throw std::runtime_error("OpenSSL could not make a certificate");
}

void extend(X509* certificate, int what, const std::string& value) {
  const extension_owner e(X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()));
  must(e && X509_add_ext(certificate, e.get(), -1) == 1);
}

void number(X509* certificate) {
  const number_owner n(BN_new());
  must(n && BN_rand(n.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  must(BN_to_ASN1_INTEGER(n.get(), X509_get_serialNumber(certificate)) != nullptr);
}

// As OpenSSL's configuration has them: DNS:localhost,IP:127.0.0.1
std::string alternatives(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : std::set<std::string>(names.begin(), names.end())) {
    net::address ip;
    all += (all.empty() ? "" : ",");
    all += (net::address::try_parse(name, ip) ? "IP:" : "DNS:") + name;
  }
  return all;
}

std::string text_of(BIO* memory) {
  char* begin = nullptr;
  const long size = BIO_get_mem_data(memory, &begin);
  must(size > 0);
  return {begin, static_cast<std::size_t>(size)};
}

}  // namespace

self_signed make_self_signed(const std::vector<std::string>& names) {
  if (names.empty()) throw std::invalid_argument("a certificate wants a name");
  const key_owner key(EVP_EC_gen("P-256"));
  const certificate_owner c(X509_new());
  must(key && c);
  must(X509_set_version(c.get(), X509_VERSION_3) == 1);
  number(c.get());
  must(X509_gmtime_adj(X509_getm_notBefore(c.get()), -seconds_before) != nullptr);
  must(X509_gmtime_adj(X509_getm_notAfter(c.get()), seconds_valid) != nullptr);
  must(X509_set_pubkey(c.get(), key.get()) == 1);
  X509_NAME* const subject = X509_get_subject_name(c.get());
  static constexpr unsigned char who[] = "rondo serve";
  must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, who, -1, -1, 0) == 1);
  must(X509_set_issuer_name(c.get(), subject) == 1);
  extend(c.get(), NID_subject_alt_name, alternatives(names));
  extend(c.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(c.get(), NID_ext_key_usage, "serverAuth");
  must(X509_sign(c.get(), key.get(), EVP_sha256()) > 0);

  const bio_owner certificate_text(BIO_new(BIO_s_mem()));
  const bio_owner key_text(BIO_new(BIO_s_mem()));
  must(certificate_text && key_text);
  must(PEM_write_bio_X509(certificate_text.get(), c.get()) == 1);
  must(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
       1);
  return {text_of(certificate_text.get()), text_of(key_text.get())};
}

}  // namespace rondo::tools
