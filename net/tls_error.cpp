#include <rondo/net/tls_error.hpp>

namespace rondo::net {
namespace {

class tls_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.tls"; }
  std::string message(int code) const override {
    switch (static_cast<tls_errc>(code)) {
      case tls_errc::not_available: return "this build has no TLS";
      case tls_errc::configuration: return "TLS cannot be set up like this";
      case tls_errc::certificate_refused: return "the peer's certificate is refused";
      case tls_errc::alert: return "the peer refused with an alert";
      case tls_errc::protocol: return "the TLS protocol failed";
      case tls_errc::truncated: return "the stream ended without close_notify";
      case tls_errc::handshake_timeout: return "the TLS handshake took too long";
    }
    return "unknown error " + std::to_string(code);
  }
};

}  // namespace

const std::error_category& tls_category() noexcept {
  static const tls_category_type category;
  return category;
}

tls_error::tls_error(tls_errc code, const std::string& what)
    : std::system_error(make_error_code(code), what) {}

}  // namespace rondo::net
