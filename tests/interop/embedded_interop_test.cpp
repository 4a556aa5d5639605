// The programs of examples/embedded: 640 fetches, 64 at a time, inside GLib's, libuv's, asio's and
// Qt's loop, beside a timer of that loop. One whose library the machine does not have is skipped.
#include "http/http_server_thread.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace embedded_interop_test {
namespace {

using namespace rondo_test;
using rondo::reactor_kind;

class InsideAnotherLoop : public testing::TestWithParam<const char*> {
 protected:
  static void fetches_beside_its_timer(reactor_kind kind) {
    const char* folder = std::getenv("RONDO_EMBEDDED_EXAMPLES");
    const std::string program = std::string(folder ? folder : "") + "/" + GetParam();
    if (::access(program.c_str(), X_OK) != 0) GTEST_SKIP() << GetParam() << " is not built here";
    if (const std::string why = missing(kind); !why.empty()) GTEST_SKIP() << why;
    const http_server_thread server(kind, server_scheme::http);
    // 20 KiB each, so that an answer takes several visits.
    (void)server.folder().write("page", std::string(20 << 10, 'x'));
    const finished f = run_command({"/usr/bin/env", "RONDO_REACTOR=" + name_of(kind), program,
                                    server.origin() + "/files/page"});
    EXPECT_EQ(f.status, 0) << f.output;
    int fetched = 0;
    std::size_t bytes = 0;
    int ticks = 0;
    double longest_ms = 0;
    EXPECT_EQ(
        std::sscanf(f.output.c_str(), "%d fetches, %zu bytes; %d ticks, the longest after %lf",
                    &fetched, &bytes, &ticks, &longest_ms),
        4)
        << f.output;
    EXPECT_EQ(fetched, 640);
    EXPECT_EQ(bytes, std::size_t{640} * (20 << 10));
    EXPECT_GT(ticks, 0);
    RecordProperty("longest_ms", std::to_string(longest_ms));
  }
};

TEST_P(InsideAnotherLoop, FetchesBesideItsTimerOnEpoll) {
  fetches_beside_its_timer(reactor_kind::epoll);
}
TEST_P(InsideAnotherLoop, FetchesBesideItsTimerOnIoUring) {
  fetches_beside_its_timer(reactor_kind::io_uring);
}

INSTANTIATE_TEST_SUITE_P(Hosts, InsideAnotherLoop,
                         testing::Values("in_asio", "in_glib", "in_libuv", "in_qt"),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace embedded_interop_test
