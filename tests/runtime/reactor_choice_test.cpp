#include "support/run_on.hpp"
#include "support/seccomp.hpp"

#include <rondo/runtime.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using namespace rondo;

task<std::string> name_of_the_reactor() { co_return std::string(this_loop().reactor_name()); }

// What a child process writes to stderr, and how it ends.
struct child_report {
  std::string text;
  int status = -1;
};

child_report report_of_child(int (*body)()) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 2);
    ::unsetenv("RONDO_REACTOR");
    ::_exit(body());
  }
  ::close(ends[1]);
  child_report r;
  char buffer[512];
  for (;;) {
    const ssize_t n = ::read(ends[0], buffer, sizeof buffer);
    if (n > 0)
      r.text.append(buffer, static_cast<std::size_t>(n));
    else if (n == 0 || errno != EINTR)
      break;
  }
  ::close(ends[0]);
  while (::waitpid(child, &r.status, 0) < 0 && errno == EINTR) {
  }
  return r;
}

constexpr int no_filters = 3;

TEST(ReactorChoice, FallsBackToEpollAndSaysOnceWhy) {
  const child_report r = report_of_child([] {
    if (!rondo_test::forbid_io_uring()) return no_filters;
    const bool epoll =
        run(name_of_the_reactor()) == "epoll" && run(name_of_the_reactor()) == "epoll";
    return epoll ? 0 : 1;
  });
  if (WIFEXITED(r.status) && WEXITSTATUS(r.status) == no_filters)
    GTEST_SKIP() << "no seccomp on this system";
  EXPECT_EQ(r.status, 0) << r.text;
  EXPECT_TRUE(r.text.starts_with("rondo: using epoll, because io_uring cannot be had")) << r.text;
  EXPECT_EQ(r.text.find('\n'), r.text.size() - 1) << r.text;
}

TEST(ReactorChoice, ByNameGivesIoUringOrTheReasonAsAnError) {
  const child_report r = report_of_child([] {
    if (!rondo_test::forbid_io_uring()) return no_filters;
    try {
      run(name_of_the_reactor(), run_options().reactor(reactor_kind::io_uring));
    } catch (const std::system_error& e) {
      return e.code() == std::errc::operation_not_permitted ? 0 : 1;
    }
    return 2;
  });
  if (WIFEXITED(r.status) && WEXITSTATUS(r.status) == no_filters)
    GTEST_SKIP() << "no seccomp on this system";
  EXPECT_EQ(r.status, 0) << r.text;
  EXPECT_EQ(r.text, "");
}

TEST(ReactorChoice, ASetupOfIoUringThatDoesNotExistIsRefusedByName) {
  const child_report r = report_of_child([] {
    ::setenv("RONDO_IO_URING_FLAGS", "SQPOLL", 1);
    try {
      run(name_of_the_reactor());
    } catch (const std::invalid_argument& e) {
      return std::string(e.what()) ==
                     "RONDO_IO_URING_FLAGS is \"SQPOLL\"; it may be one of "
                     "DEFER_TASKRUN, COOP_TASKRUN, none"
                 ? 0
                 : 1;
    }
    return 2;
  });
  EXPECT_EQ(r.status, 0) << r.text;
}

}  // namespace
