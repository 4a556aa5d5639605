// These definitions stand before the C library's.
#include "support/name_service.hpp"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace {

std::atomic<std::uint64_t> asked{0};

std::mutex of_those_that_hang;  // guards the three below
std::condition_variable let_go;
bool hang = false;
std::size_t hanging = 0;

// What the machine is said to have; 0: whatever it has.
constexpr unsigned told = 1;
constexpr unsigned told_v4 = 2;
constexpr unsigned told_v6 = 4;
std::atomic<unsigned> machine{0};

template <class Function>
Function next_of(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int system_getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                       addrinfo** found) {
  static const auto next =
      next_of<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>("getaddrinfo");
  return next(node, service, hints, found);
}

// Puts a numeric address at the end of a list, made by the C library so that freeaddrinfo takes it.
void append(addrinfo*& list, const char* address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo** end = &list;
  while (*end) end = &(*end)->ai_next;
  if (system_getaddrinfo(address, nullptr, &hints, end) != 0) *end = nullptr;
}

int wait_while_it_hangs() {
  std::unique_lock lock(of_those_that_hang);
  ++hanging;
  let_go.wait(lock, [] { return !hang; });
  --hanging;
  return EAI_AGAIN;
}

int answer_lookup(bool has_v4, bool has_v6, const addrinfo& hints, addrinfo** found) {
  bool v4 = hints.ai_family != AF_INET6;
  bool v6 = hints.ai_family != AF_INET;
  const unsigned own = machine.load();
  const bool has_one = ((own & told_v4) != 0) != ((own & told_v6) != 0);
  if ((hints.ai_flags & AI_ADDRCONFIG) != 0 && has_one) {  // glibc narrows the question
    v4 = v4 && (own & told_v4) != 0;
    v6 = v6 && (own & told_v6) != 0;
  }
  *found = nullptr;
  if (has_v6 && v6) append(*found, "2001:db8::1");
  if (has_v4 && v4) append(*found, "192.0.2.1");
  return *found ? 0 : EAI_NONAME;
}

ifaddrs& own_address(std::size_t at, const char* name, unsigned flags, const char* address) {
  struct entry {
    ifaddrs of{};
    sockaddr_in6 v6{};
    sockaddr_in v4{};
  };
  static std::array<entry, 4> entries;
  entry& e = entries[at];
  e = {};
  e.of.ifa_name = const_cast<char*>(name);
  e.of.ifa_flags = flags;
  e.v4.sin_family = AF_INET;
  e.v6.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET, address, &e.v4.sin_addr) == 1)
    e.of.ifa_addr = reinterpret_cast<sockaddr*>(&e.v4);
  else if (::inet_pton(AF_INET6, address, &e.v6.sin6_addr) == 1)
    e.of.ifa_addr = reinterpret_cast<sockaddr*>(&e.v6);
  return e.of;
}

}  // namespace

namespace rondo_test {

std::uint64_t questions_asked() noexcept { return asked.load(); }

hanging_names::hanging_names() {
  const std::lock_guard lock(of_those_that_hang);
  hang = true;
}
hanging_names::~hanging_names() {
  const std::lock_guard lock(of_those_that_hang);
  hang = false;
  let_go.notify_all();
}
std::size_t hanging_names::count() const noexcept {
  const std::lock_guard lock(of_those_that_hang);
  return hanging;
}

machine_with::machine_with(bool v4, bool v6) noexcept {
  machine = told | (v4 ? told_v4 : 0) | (v6 ? told_v6 : 0);
}
machine_with::~machine_with() { machine = 0; }

}  // namespace rondo_test

extern "C" {

int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  ++asked;
  const std::string_view name = node ? node : "";
  if (name.ends_with(".hangs.test")) return wait_while_it_hangs();
  if (name.ends_with(".missing.test")) return EAI_NONAME;
  if (name.ends_with(".empty.test")) return EAI_NODATA;
  if (name.ends_with(".later.test")) return EAI_AGAIN;
  if (name.ends_with(".both.test")) return answer_lookup(true, true, *hints, found);
  if (name.ends_with(".v4.test")) return answer_lookup(true, false, *hints, found);
  if (name.ends_with(".v6.test")) return answer_lookup(false, true, *hints, found);
  return system_getaddrinfo(node, service, hints, found);
}

int getifaddrs(ifaddrs** found) noexcept {
  static const auto next = next_of<int (*)(ifaddrs**)>("getifaddrs");
  const unsigned own = machine.load();
  if (own == 0) return next(found);
  constexpr unsigned lo = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
  constexpr unsigned eth = IFF_UP | IFF_RUNNING;
  ifaddrs* last = &own_address(0, "lo", lo, "127.0.0.1");
  *found = last;
  const auto add = [&](ifaddrs& a) { last = last->ifa_next = &a; };
  add(own_address(1, "lo", lo, "::1"));
  if ((own & told_v4) != 0) add(own_address(2, "eth0", eth, "192.0.2.7"));
  if ((own & told_v6) != 0) add(own_address(3, "eth0", eth, "2001:db8::7"));
  return 0;
}

void freeifaddrs(ifaddrs* list) noexcept {
  static const auto next = next_of<void (*)(ifaddrs*)>("freeifaddrs");
  if (machine.load() == 0) next(list);
}

}  // extern "C"
