#include <rondo/http/client/settings.hpp>

#include <stdexcept>

namespace rondo::http::detail {

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
