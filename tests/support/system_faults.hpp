// Makes one system call fail, or one operation that is handed to io_uring: the n-th of this thread
// from now on.
//
//   fail_system_call(n);                 // n = 0, 1, 2, …
//   … run something …
//   // "recv: Connection reset by peer", "" for none
//   const std::string failed = failed_system_call();
//
// Counted is what the library calls for its sockets and its loop; closing is left alone, because a
// close that fails has closed all the same. A call that fails does nothing else: what it would have
// done has not happened. Each fails with an errno that its man page names; `variant` chooses among
// them.
#pragma once

#include <cstdint>
#include <string>

// ThreadSanitizer stands before the same functions, and learns from them which threads know of one
// another.
#if defined(__SANITIZE_THREAD__)
#define RONDO_TEST_NO_SYSTEM_FAULTS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RONDO_TEST_NO_SYSTEM_FAULTS 1
#endif
#endif

namespace rondo_test {

void fail_system_call(std::uint64_t n, unsigned variant = 0);
// What has failed since, and nothing will any more.
std::string failed_system_call();
// Whether the kernel can make an operation of io_uring fail (Linux 6.10); else only calls do.
bool operations_can_fail();

}  // namespace rondo_test
