#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/loop.hpp>

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <vector>

namespace rondo::http::detail {

bool randomness_is_simulated() noexcept {
  const rondo::detail::loop_core* l = rondo::detail::this_thread.running_loop;
  return l && l->simulated();
}

void fill_random(std::span<std::byte> bytes) {
  if (randomness_is_simulated()) {
    rondo::detail::random_source from(static_cast<std::uint64_t>(
        rondo::detail::this_thread.running_loop->now().time_since_epoch().count()));
    for (std::byte& b : bytes) b = static_cast<std::byte>(from.next());
    return;
  }
  for (std::size_t have = 0; have < bytes.size();) {
    const ssize_t n = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (n < 0 && errno != EINTR)
      throw std::system_error(errno, std::system_category(), "getrandom");
    if (n > 0) have += static_cast<std::size_t>(n);
  }
}

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> raw(bytes);
  fill_random(raw);
  std::string out;
  out.reserve(2 * bytes);
  for (const std::byte b : raw) {
    out += "0123456789abcdef"[static_cast<unsigned>(b) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned>(b) & 15];
  }
  return out;
}

}  // namespace rondo::http::detail
