#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/loop.hpp>

#include <sys/random.h>

#include <cerrno>
#include <system_error>
#include <vector>

namespace rondo::http::detail {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  const rondo::detail::loop_core* l = rondo::detail::this_thread.running_loop;
  if (l && l->simulated()) {
    rondo::detail::random_source from(
        static_cast<std::uint64_t>(l->now().time_since_epoch().count()));
    for (unsigned char& b : raw) b = static_cast<unsigned char>(from.next());
  } else {
    for (std::size_t have = 0; have < bytes;) {
      const ssize_t n = ::getrandom(raw.data() + have, bytes - have, 0);
      if (n < 0 && errno != EINTR)
        throw std::system_error(errno, std::system_category(), "getrandom");
      if (n > 0) have += static_cast<std::size_t>(n);
    }
  }
  std::string out;
  out.reserve(2 * bytes);
  for (const unsigned char b : raw) {
    out += "0123456789abcdef"[b >> 4];
    out += "0123456789abcdef"[b & 15];
  }
  return out;
}

}  // namespace rondo::http::detail
