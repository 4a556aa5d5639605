// A name service for tests, in place of the C library's: who asks it is counted, and it can hang.
//
//   const std::uint64_t before = questions_asked();
//   co_await as_result(net::resolve("a.missing.test", 80));
//   EXPECT_EQ(questions_asked() - before, 1U);
//
// It answers for names under .test (RFC 6761, section 6.2) and leaves all others to the system:
//
//   X.missing.test   EAI_NONAME        X.empty.test   EAI_NODATA        X.later.test   EAI_AGAIN
//   X.both.test      2001:db8::1 and 192.0.2.1       X.v4.test, X.v6.test   one of the two
//   X.hangs.test     nothing, as long as a `hanging_names` lives; EAI_AGAIN then
//
// Asked for one family, or with AI_ADDRCONFIG on a machine that is said to lack one, it answers as
// glibc does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo_test {

// Calls of getaddrinfo since the program began.
std::uint64_t questions_asked() noexcept;

class hanging_names {
 public:
  hanging_names();
  hanging_names(const hanging_names&) = delete;
  hanging_names& operator=(const hanging_names&) = delete;
  ~hanging_names();
  // Lookups that hang now.
  std::size_t count() const noexcept;
};

// While it lives, the machine's own addresses (getifaddrs) are loopback and one of each family that
// it has.
class machine_with {
 public:
  machine_with(bool v4, bool v6) noexcept;
  machine_with(const machine_with&) = delete;
  machine_with& operator=(const machine_with&) = delete;
  ~machine_with();
};

}  // namespace rondo_test
