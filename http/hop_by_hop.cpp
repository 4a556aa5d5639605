#include <rondo/http/hop_by_hop.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>

namespace rondo::http {

bool is_hop_by_hop(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 10> names{"Connection",
                                                          "Keep-Alive",
                                                          "Proxy-Authenticate",
                                                          "Proxy-Authorization",
                                                          "Proxy-Connection",
                                                          "Proxy-Authentication-Info",
                                                          "TE",
                                                          "Trailer",
                                                          "Transfer-Encoding",
                                                          "Upgrade"};
  return std::ranges::any_of(names, [&](std::string_view n) { return detail::iequals(n, name); });
}

headers without_hop_by_hop(const headers& fields) {
  headers out;
  for (const auto& [name, value] : fields)
    if (!is_hop_by_hop(name) && !fields.has_token("Connection", name)) out.add(name, value);
  return out;
}

}  // namespace rondo::http
