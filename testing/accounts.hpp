// accounts: what a program has at a moment and must give back: coroutine frames, descriptors, and
// memory.
//
//   const auto before = test::accounts::now();
//   run(work());
//   before.expect_unchanged("after work()");   // throws a failure that names what differs
//
// Memory is counted in programs of which one source file includes
// <rondo/testing/count_allocations.hpp>.
#pragma once

#include <rondo/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace rondo::test {

struct accounts {
  // Of this thread: coroutine frames, and the records of children. Tasks that are made on one
  // thread and end on another move the account.
  std::int64_t frames = 0;
  // Open in the process.
  std::size_t descriptors = 0;
  // What operator new has given in the process and operator delete has not taken back.
  std::optional<std::int64_t> allocations;

  // Throws std::system_error where /proc is not there.
  static accounts now();

  // One line for each account that differs from what it is now: how it was, how it is, and which
  // descriptors are open. Empty when none does. Frames and descriptors only, because a program may
  // keep memory for its next use; cancel_at_every_wait looks at memory too.
  std::string changes() const;
  // Throws a failure that begins with `when` and says what has changed.
  void expect_unchanged(const std::string& when) const;

  bool operator==(const accounts&) const = default;
};

}  // namespace rondo::test
