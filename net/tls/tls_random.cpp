#include <rondo/net/tls/tls_random.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/reactor/current_simulation.hpp>
#include <rondo/runtime/simulation.hpp>

#include <openssl/rand.h>

#include <cstring>
#include <mutex>

// RAND_set_rand_method is what OpenSSL 3 calls deprecated; its successor would be a provider and a
// library context for each simulation.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace rondo::net::detail {
namespace {

constexpr std::uint64_t apart_from_the_network = 0x746c735f73656564;

const rondo::detail::loop_core* simulation() noexcept {
  const rondo::detail::loop_core* l = rondo::detail::this_thread.running_loop;
  return l && l->simulated() ? l : nullptr;
}

int draw(unsigned char* out, int size) {
  const rondo::detail::loop_core* l = simulation();
  if (!l) return RAND_OpenSSL()->bytes(out, size);
  thread_local std::uint64_t of_loop = 0;
  thread_local rondo::detail::random_source source(0);
  if (of_loop != l->id()) {
    of_loop = l->id();
    const simulation_options* world = rondo::detail::current_simulation();
    source = rondo::detail::random_source((world ? world->seed_ : 0) ^ apart_from_the_network);
  }
  for (int at = 0; at < size; at += 8) {
    const std::uint64_t word = source.next();
    std::memcpy(out + at, &word, static_cast<std::size_t>(std::min(8, size - at)));
  }
  return 1;
}

int add_seed(const void* from, int size, double entropy) {
  return RAND_OpenSSL()->add(from, size, entropy);
}
int seed(const void* from, int size) { return RAND_OpenSSL()->seed(from, size); }
int status() { return simulation() ? 1 : RAND_OpenSSL()->status(); }

}  // namespace

void use_simulated_randomness() {
  if (!simulation()) return;
  static std::once_flag once;
  std::call_once(once, [] {
    static const RAND_METHOD method{seed, draw, nullptr, add_seed, draw, status};
    RAND_set_rand_method(&method);
  });
}

}  // namespace rondo::net::detail

#pragma GCC diagnostic pop
