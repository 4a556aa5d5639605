#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/websocket/mask_source.hpp>

#include <algorithm>

namespace rondo::http::detail {
namespace {

// Of a thread: a system call for 256 frames.
struct masks {
  std::array<std::byte, 1024> bytes;
  std::size_t used = bytes.size();
};

}  // namespace

mask_key next_mask() {
  thread_local masks of_thread;
  mask_key key;
  if (of_thread.used == of_thread.bytes.size() || randomness_is_simulated()) {
    if (randomness_is_simulated()) {
      fill_random(key);
      return key;
    }
    fill_random(of_thread.bytes);
    of_thread.used = 0;
  }
  std::copy_n(of_thread.bytes.begin() + static_cast<std::ptrdiff_t>(of_thread.used), key.size(),
              key.begin());
  of_thread.used += key.size();
  return key;
}

}  // namespace rondo::http::detail
