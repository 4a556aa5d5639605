// The programs of examples/embedded: 640 fetches, 64 at a time, inside GLib's, libuv's, asio's and
// Qt's loop, beside a timer of that loop. One whose library the machine does not have is skipped.
//
// How late a tick is, is the machine's affair. That none is lost can be counted: whenever a turn of
// the host's begins with its tick due, the host gives it in that turn (asio, whose turn is one
// handler, within what stands before it); and that a turn has two visits to the loop inside at the
// most, which end after a millisecond, so that a task that never rests has two spells in each.
#include "http/http_server_thread.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <gtest/gtest.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace embedded_interop_test {
namespace {

using namespace rondo_test;
using rondo::reactor_kind;

class InsideAnotherLoop : public testing::TestWithParam<const char*> {
 protected:
  static void fetches_beside_its_timer(reactor_kind kind, bool busy = false) {
    const char* folder = std::getenv("RONDO_EMBEDDED_EXAMPLES");
    const std::string program = std::string(folder ? folder : "") + "/" + GetParam();
    if (::access(program.c_str(), X_OK) != 0) GTEST_SKIP() << GetParam() << " is not built here";
    if (const std::string why = missing(kind); !why.empty()) GTEST_SKIP() << why;
    const http_server_thread server(kind, server_scheme::http);
    // 20 KiB each, so that an answer takes several visits.
    (void)server.folder().write("page", std::string(20 << 10, 'x'));
    std::vector<std::string> command{"/usr/bin/env", "RONDO_REACTOR=" + name_of(kind), program,
                                     server.origin() + "/files/page"};
    if (busy) command.insert(command.end(), {"0", "busy"});
    const finished f = run_command(command);
    EXPECT_EQ(f.status, 0) << f.output;
    int fetched = 0;
    std::size_t bytes = 0;
    int ticks = 0;
    int lost = 0;
    int spells = 0;
    EXPECT_EQ(
        std::sscanf(f.output.c_str(), "%d fetches, %zu bytes; %d ticks, %d lost, %d spells a turn",
                    &fetched, &bytes, &ticks, &lost, &spells),
        5)
        << f.output;
    EXPECT_EQ(fetched, 640);
    EXPECT_EQ(bytes, std::size_t{640} * (20 << 10));
    EXPECT_GT(ticks, 1);
    EXPECT_EQ(lost, 0) << f.output;
    EXPECT_LE(spells, 4) << f.output;
    EXPECT_EQ(spells > 0, busy) << f.output;
  }
};

TEST_P(InsideAnotherLoop, FetchesBesideItsTimerOnEpoll) {
  fetches_beside_its_timer(reactor_kind::epoll);
}
TEST_P(InsideAnotherLoop, FetchesBesideItsTimerOnIoUring) {
  fetches_beside_its_timer(reactor_kind::io_uring);
}
TEST_P(InsideAnotherLoop, ATaskThatNeverRestsTakesNoTickOnEpoll) {
  fetches_beside_its_timer(reactor_kind::epoll, true);
}
TEST_P(InsideAnotherLoop, ATaskThatNeverRestsTakesNoTickOnIoUring) {
  fetches_beside_its_timer(reactor_kind::io_uring, true);
}

INSTANTIATE_TEST_SUITE_P(Hosts, InsideAnotherLoop,
                         testing::Values("in_asio", "in_glib", "in_libuv", "in_qt"),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace embedded_interop_test
