// The program's own streams: read and written without a change to what it shares with others.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>

namespace net_standard_streams_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::pipe_stream;

namespace {

// One of descriptors 0, 1 and 2 is another, for a while.
class replaced {
 public:
  replaced(int number, int by) : number_(number), before_(::fcntl(number, F_DUPFD_CLOEXEC, 3)) {
    ::dup2(by, number);
  }
  replaced(const replaced&) = delete;
  replaced& operator=(const replaced&) = delete;
  ~replaced() {
    ::dup2(before_, number_);
    ::close(before_);
  }

 private:
  int number_;
  int before_;
};

struct ends {
  int first = -1;
  int second = -1;
  ends() = default;
  ends(const ends&) = delete;
  ends& operator=(const ends&) = delete;
  ~ends() {
    close_first();
    close_second();
  }
  void close_first() { close_one(first); }
  void close_second() { close_one(second); }
  static void close_one(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
};
// Blocking, as a shell gives them: `first` is read, `second` is written.
struct raw_pipe : ends {
  raw_pipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    first = fds[0];
    second = fds[1];
  }
};
// `first` is who sits there, `second` the line.
struct raw_terminal : ends {
  raw_terminal() {
    first = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_TRUE(::grantpt(first) == 0 && ::unlockpt(first) == 0);
    second = ::open(::ptsname(first), O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(second, 0);
  }
  void type(std::string_view text) const {
    EXPECT_EQ(::write(first, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
};

bool non_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

task<std::string> read_some_text(pipe_stream& s) {
  std::array<std::byte, 100> buffer{};
  const std::size_t n = co_await s.read_some(buffer);
  co_return std::string(reinterpret_cast<const char*>(buffer.data()), n);
}

}  // namespace

CONFORMANCE(StandardStreams, AreReadWithoutAChangeToThePipe) {
  raw_pipe p;
  const replaced in(0, p.first);
  pipe_stream s = net::standard_input();
  EXPECT_FALSE(co_await try_for(5ms, read_some_text(s)));
  EXPECT_FALSE(non_blocking(0));
  EXPECT_EQ(::write(p.second, "text", 4), 4);
  EXPECT_EQ(co_await read_some_text(s), "text");
  p.close_second();
  EXPECT_EQ(co_await read_some_text(s), "");
  s.close();
  EXPECT_GE(::fcntl(0, F_GETFD), 0);  // it is there still
}

CONFORMANCE(StandardStreams, AreWrittenWithoutAChangeToThePipe) {
  raw_pipe p;
  const replaced out(1, p.second);
  p.close_second();
  pipe_stream s = net::standard_output();
  const std::string text(200'000, 'x');
  EXPECT_FALSE(co_await try_for(5ms, s.write_all(bytes_of(text))));  // more than fits
  EXPECT_FALSE(non_blocking(1));
  EXPECT_FALSE(non_blocking(p.first));
  s.close();
  std::array<char, 10> some{};
  EXPECT_EQ(::read(p.first, some.data(), some.size()), 10);
}

// A pipe that nobody reads cannot be opened once more.
CONFORMANCE(StandardStreams, ThatNobodyReadsAreAnErrorAndNoSignal) {
  raw_pipe p;
  const replaced err(2, p.second);
  p.close_first();
  pipe_stream s = net::standard_error();
  EXPECT_EQ((co_await as_result(s.write_all(bytes_of("x")))).code(), system_code(EPIPE));
  EXPECT_FALSE(non_blocking(2));
}

CONFORMANCE(StandardStreams, OfASocketAreReadAndWritten) {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  {
    const replaced in(0, fds[0]);
    const replaced out(1, fds[0]);
    pipe_stream reader = net::standard_input();
    pipe_stream writer = net::standard_output();
    EXPECT_FALSE(co_await try_for(5ms, read_some_text(reader)));
    EXPECT_EQ(::write(fds[1], "ping", 4), 4);
    EXPECT_EQ(co_await read_some_text(reader), "ping");
    co_await writer.write_all(bytes_of("pong"));
    std::array<char, 4> got{};
    EXPECT_EQ(::read(fds[1], got.data(), got.size()), 4);
    EXPECT_FALSE(non_blocking(0));
  }
  ::close(fds[0]);
  ::close(fds[1]);
}

CONFORMANCE(StandardStreams, OfAFileAreReadFromWhereItStands) {
  const temporary_folder folder;
  folder.write("f", "0123456789");
  const int fd = ::open((folder.path() + "/f").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_EQ(::lseek(fd, 4, SEEK_SET), 4);
  {
    const replaced in(0, fd);
    pipe_stream s = net::standard_input();
    EXPECT_EQ(co_await read_some_text(s), "456789");
    EXPECT_EQ(co_await read_some_text(s), "");
  }
  ::close(fd);
}

CONFORMANCE(StandardStreams, PromptForLines) {
  raw_terminal t;
  const replaced in(0, t.second);
  const replaced out(1, t.second);
  net::line_prompt prompt(100);
  t.type("Ada\nahead\n");
  EXPECT_EQ(co_await prompt.ask("name? "), "Ada");
  EXPECT_EQ(co_await prompt.ask("more? "), "ahead");
  EXPECT_FALSE(co_await try_for(5ms, prompt.ask("gone? ")));
  t.type("half");
  EXPECT_FALSE(co_await try_for(5ms, prompt.ask("gone? ")));
  t.type(" a line\n");
  EXPECT_EQ(co_await prompt.ask("last? "), "half a line");
  t.type("\x04");
  EXPECT_EQ(co_await prompt.ask(""), std::nullopt);
  EXPECT_FALSE(non_blocking(0));
  std::array<char, 1000> shown{};
  const ssize_t n = ::read(t.first, shown.data(), shown.size());
  EXPECT_NE(std::string_view(shown.data(), static_cast<std::size_t>(n)).find("name? "),
            std::string_view::npos);
}

CONFORMANCE(StandardStreams, PromptForLinesOfALimitedLength) {
  raw_pipe p;
  const replaced in(0, p.first);
  const std::string longer(20, 'x');
  EXPECT_EQ(::write(p.second, longer.data(), longer.size()), 20);
  net::line_prompt prompt(net::standard_input(), net::standard_error(), 10);
  try {
    (void)co_await prompt.ask("");
    ADD_FAILURE() << "a line of 20 bytes was taken";
  } catch (const net::limit_exceeded&) {
  }
}

CONFORMANCE_RUNS(CancelEveryWait, LinePrompt) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    raw_pipe p;
    const replaced in(0, p.first);
    raw_pipe q;
    const replaced out(1, q.second);
    net::line_prompt prompt;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await prompt.ask("? "), "a line"); });
      co_await sleep_for(100us);
      EXPECT_EQ(::write(p.second, "a line\n", 7), 7);
    });
  });
  EXPECT_GE(n.at_rest, 2U);
}

CONFORMANCE(PipeStream, CarriesMoreThanItHolds) {
  auto [reader, writer] = net::make_pipe();
  const std::string text = pattern(1 << 20);
  std::string got;
  co_await with_task_group([&, &reader = reader, &writer = writer](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      std::vector<std::byte> buffer(10'000);
      while (const std::size_t n = co_await reader.read_some(buffer))
        got.append(reinterpret_cast<const char*>(buffer.data()), n);
    });
    co_await writer.write_all(bytes_of(text));
    EXPECT_TRUE(writer.is_open());
    co_await writer.shutdown_write();
    EXPECT_FALSE(writer.is_open());
  });
  EXPECT_EQ(got, text);
  EXPECT_EQ((co_await as_result(writer.write_all(bytes_of("x")))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(reader.shutdown_write())).code(), system_code(EBADF));
  EXPECT_TRUE(reader.readable_now());
}

CONFORMANCE_RUNS(CancelEveryWait, PipeStream) {
  const std::string text = pattern(200'000);
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        auto [reader, writer] = net::make_pipe();
        co_await with_task_group([&, &reader = reader, &writer = writer](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            std::vector<std::byte> buffer(50'000);
            while (const std::size_t m = co_await reader.read_some(buffer))
              got.append(reinterpret_cast<const char*>(buffer.data()), m);
          });
          co_await writer.write_all(bytes_of(text));
          writer.close();
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(text.starts_with(got));
        if (r.has_value()) {
          EXPECT_EQ(got.size(), text.size());
        }
      });
  EXPECT_GE(n.at_rest, 3U);
}

// The signal would end this program.
CONFORMANCE(PipeStream, ThatNobodyReadsIsAnErrorAndNoSignal) {
  auto [reader, writer] = net::make_pipe();
  reader.close();
  EXPECT_EQ((co_await as_result(writer.write_all(bytes_of("x")))).code(), system_code(EPIPE));
  EXPECT_EQ((co_await as_result(writer.write_some(bytes_of("x")))).code(), system_code(EPIPE));
}

}  // namespace net_standard_streams_cases
