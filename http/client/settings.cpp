#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/digest.hpp>
#include <rondo/http/client/settings.hpp>

#include <stdexcept>

namespace rondo::http::detail {

credentials digest_credentials(std::string_view username, std::string_view password) {
  if (!digest_is_there())
    throw std::logic_error("Digest authentication needs a Rondo that was built with OpenSSL");
  (void)basic_authorization(username, password);  // the same bytes are refused
  return {std::string(username), std::string(password)};
}

void phase_limits::set(phase p, rondo::detail::nanoseconds d) {
  switch (p) {
    case phase::pool:
    case phase::connect:
    case phase::tls:
    case phase::write:
    case phase::first_byte:
    case phase::read:
    case phase::total: break;
    default:
      throw std::invalid_argument("the phase \"" + std::string(to_string(p)) +
                                  "\" has no timeout of its own");
  }
  if (d < no_limit) throw std::invalid_argument("a timeout must not be negative");
  times_[static_cast<std::size_t>(p)] = d;
}

}  // namespace rondo::http::detail
