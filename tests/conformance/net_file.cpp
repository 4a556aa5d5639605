// Files: by io_uring's own operations, by threads elsewhere.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

namespace net_file_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::file;
using net::file_mode;

namespace {

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string fifo_in(const temporary_folder& folder) {
  const std::string path = folder / "fifo";
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

// What an operation on a file fails with: the code, and whether the message names the path.
template <class T>
void expect_error(const outcome<T>& o, std::error_code code, const std::string& path) {
  EXPECT_EQ(o.code(), code) << path;
  if (!o.has_error()) return;
  try {
    std::rethrow_exception(o.error());
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
  }
}

// A pipe with this text in it and nobody left to write.
class filled_pipe {
 public:
  explicit filled_pipe(std::string_view text) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    fd_ = ends[0];
  }
  filled_pipe(const filled_pipe&) = delete;
  filled_pipe& operator=(const filled_pipe&) = delete;
  ~filled_pipe() { ::close(fd_); }
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

// The program's standard input, for a while.
class standard_input {
 public:
  explicit standard_input(int fd) : before_(::fcntl(0, F_DUPFD_CLOEXEC, 3)) { ::dup2(fd, 0); }
  standard_input(const standard_input&) = delete;
  standard_input& operator=(const standard_input&) = delete;
  ~standard_input() {
    ::dup2(before_, 0);
    ::close(before_);
  }

 private:
  int before_;
};

}  // namespace

CONFORMANCE(File, IsWrittenSyncedAndReadAtAnyOffset) {
  const temporary_folder folder;
  file f = co_await file::open(folder / "f", file_mode::create_new);
  co_await f.write_at(0, bytes_of("hello world"));
  co_await f.write_at(6, bytes_of("there"));
  co_await f.sync();
  co_await f.sync(true);
  EXPECT_EQ(f.size(), 11U);
  EXPECT_EQ(content_of(folder / "f"), "hello there");
  std::array<std::byte, 32> buffer{};
  const std::size_t n = co_await f.read_at(6, buffer);
  EXPECT_EQ(text_of(std::span(buffer).first(n)), "there");
  EXPECT_EQ(co_await f.read_at(11, buffer), 0U);
  EXPECT_EQ(co_await f.read_at(1000, buffer), 0U);
}

CONFORMANCE(File, CarriesMebibytesUnchanged) {
  const temporary_folder folder;
  const std::string sent = pattern(5 << 20);
  file f = co_await file::open(folder / "f", file_mode::truncate);
  co_await f.write_at(0, bytes_of(sent));
  EXPECT_EQ(co_await net::read_file(folder / "f"), sent);
}

CONFORMANCE(File, IsOpenedAsAsked) {
  const temporary_folder folder;
  const std::string path = folder / "f";
  try {
    co_await file::open(path);
    ADD_FAILURE() << "it was opened";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(ENOENT));
    EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
  }
  {
    file f = co_await file::open(path, file_mode::read_write, 0600);
    co_await f.write_at(0, bytes_of("text"));
  }
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ((co_await as_result(file::open(path, file_mode::create_new))).code(),
            system_code(EEXIST));
  file reader = co_await file::open(path);
  EXPECT_EQ((co_await as_result(reader.write_at(0, bytes_of("x")))).code(), system_code(EBADF));
  EXPECT_EQ(reader.size(), 4U);
  file emptied = co_await file::open(path, file_mode::truncate);
  EXPECT_EQ(emptied.size(), 0U);
}

CONFORMANCE(File, IsClosedOnceItIsClosed) {
  const temporary_folder folder;
  file f = co_await file::open(folder / "f", file_mode::truncate);
  file moved = std::move(f);
  EXPECT_FALSE(f.is_open());  // NOLINT(bugprone-use-after-move)
  moved.close();
  EXPECT_FALSE(moved.is_open());
  std::array<std::byte, 4> buffer{};
  EXPECT_EQ((co_await as_result(moved.read_at(0, buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(moved.write_at(0, buffer))).code(), io_errc::closed);
  EXPECT_EQ((co_await as_result(moved.sync())).code(), io_errc::closed);
  EXPECT_THROW(moved.size(), std::system_error);
}

CONFORMANCE(File, IsReadWhateverItsSizeSays) {
  EXPECT_FALSE((co_await net::read_file("/proc/self/status")).empty());
  const temporary_folder folder;
  std::ofstream(folder / "f") << "12345678";
  EXPECT_EQ(co_await net::read_file(folder / "f", 8), "12345678");
  EXPECT_EQ((co_await as_result(net::read_file(folder / "f", 7))).code(), system_code(EFBIG));
  std::ofstream(folder / "empty").flush();
  EXPECT_EQ(co_await net::read_file(folder / "empty"), "");
}

CONFORMANCE(File, IsReadThatSaysNothingOfItsSize) {
  for (const char* path : {"/proc/self/status", "/proc/self/maps", "/proc/cpuinfo",
                           "/proc/sys/kernel/hostname", "/sys/class/net/lo/mtu"}) {
    if (!std::filesystem::exists(path)) continue;
    const std::string text = co_await net::read_file(path);
    EXPECT_FALSE(text.empty()) << path;
    if (!std::string_view(path).ends_with("self/status") &&
        !std::string_view(path).ends_with("maps")) {  // which change
      EXPECT_EQ(text, content_of(path)) << path;
    }
  }
  EXPECT_EQ(co_await net::read_file("/dev/null"), "");
}

CONFORMANCE(File, WithoutALimitIsReadWhole) {
  const temporary_folder folder;
  std::ofstream(folder / "f") << "12345678";
  EXPECT_EQ(co_await net::read_file(folder / "f", std::numeric_limits<std::size_t>::max()),
            "12345678");
  EXPECT_EQ((co_await as_result(net::read_file(folder / "f", 0))).code(), system_code(EFBIG));
}

CONFORMANCE(File, OfAPipeIsReadToItsEnd) {
  const std::string text = pattern(60'000);
  {
    const filled_pipe pipe(text);
    EXPECT_EQ(co_await net::read_file("/dev/fd/" + std::to_string(pipe.fd())), text);
  }
  {
    const filled_pipe pipe(text);
    const standard_input in(pipe.fd());
    EXPECT_EQ(co_await net::read_file("/dev/stdin"), text);
  }
  const filled_pipe pipe(text);
  expect_error(co_await as_result(net::read_file("/dev/fd/" + std::to_string(pipe.fd()), 59'999)),
               system_code(EFBIG), "/dev/fd/" + std::to_string(pipe.fd()));
}

CONFORMANCE(File, ThatIsAFifoIsReadUntilItsWriterHasGone) {
  const temporary_folder folder;
  const std::string path = fifo_in(folder);
  const std::string sent = pattern(300'000);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { got = co_await net::read_file(path); });
    file writer = co_await file::open(path, file_mode::read_write);
    for (std::size_t at = 0; at < sent.size(); at += 100'000) {
      co_await writer.write_at(at, bytes_of(sent).subspan(at, 100'000));
      co_await sleep_for(2ms);  // the reader finds it empty
    }
  });
  EXPECT_EQ(got, sent);
}

CONFORMANCE(File, ThatIsAFifoIsReadThoughItsWriterComesLate) {
  const temporary_folder folder;
  const std::string path = fifo_in(folder);
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { got = co_await net::read_file(path); });
    co_await sleep_for(10ms);
    file writer = co_await file::open(path, file_mode::truncate);
    co_await writer.write_at(0, bytes_of("late"));
  });
  EXPECT_EQ(got, "late");
}

CONFORMANCE(File, ThatIsAFifoIsLeftInTimeWhenNobodyWrites) {
  const temporary_folder folder;
  const std::string path = fifo_in(folder);
  EXPECT_FALSE(co_await try_for(200ms, net::read_file(path)));
  file f = co_await file::open(path);
  std::array<std::byte, 4> buffer{};
  EXPECT_FALSE(co_await try_for(20ms, f.read_at(0, buffer)));
}

CONFORMANCE(File, ThatIsAFullFifoIsLeftInTimeWhenNobodyReads) {
  const temporary_folder folder;
  file f = co_await file::open(fifo_in(folder), file_mode::read_write);
  const std::string large(1 << 20, 'x');
  EXPECT_FALSE(co_await try_for(20ms, f.write_at(0, bytes_of(large))));
}

CONFORMANCE(File, ThatIsAFifoEndsItsReaderWhenItIsClosed) {
  const temporary_folder folder;
  const std::string path = fifo_in(folder);
  file f = co_await file::open(path);
  std::array<std::byte, 4> buffer{};
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reader = g.spawn([&]() -> task<outcome<std::size_t>> {
      co_return co_await as_result(f.read_at(0, buffer));
    });
    co_await sleep_for(5ms);
    expect_error(co_await as_result(f.read_at(0, buffer)), io_errc::busy, path);
    f.close();
    const auto ended = co_await reader.join();
    EXPECT_TRUE(ended.has_value());
    if (ended.has_value()) expect_error(ended.value(), io_errc::closed, path);
  });
}

CONFORMANCE(File, ThatIsATerminalIsReadToItsEnd) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_GE(master, 0);
  EXPECT_TRUE(::grantpt(master) == 0 && ::unlockpt(master) == 0);
  const std::string path = ::ptsname(master);
  // The end of input (^D) counts once somebody has the terminal open.
  const int held = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  EXPECT_GE(held, 0);
  EXPECT_EQ(::write(master, "a line\n\x04", 8), 8);
  EXPECT_EQ(co_await net::read_file(path), "a line\n");
  EXPECT_FALSE(co_await try_for(20ms, net::read_file(path)));
  ::close(held);
  ::close(master);
}

CONFORMANCE(File, ThatIsAFolderIsNotRead) {
  const temporary_folder folder;
  const std::string path = folder / ".";
  expect_error(co_await as_result(net::read_file(path)), system_code(EISDIR), path);
  file f = co_await file::open(path);
  std::array<std::byte, 4> buffer{};
  expect_error(co_await as_result(f.read_at(0, buffer)), system_code(EISDIR), path);
  co_await f.sync();  // what was made and removed in it
}

CONFORMANCE(File, NamesItsPathInEveryError) {
  const temporary_folder folder;
  const std::string path = folder / "f";
  expect_error(co_await as_result(net::read_file(path)), system_code(ENOENT), path);
  std::ofstream(path) << "12345678";
  expect_error(co_await as_result(net::read_file(path, 7)), system_code(EFBIG), path);
  file f = co_await file::open(path);
  expect_error(co_await as_result(f.write_at(0, bytes_of("x"))), system_code(EBADF), path);
  std::array<std::byte, 4> buffer{};
  for (const std::uint64_t beyond : {~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    expect_error(co_await as_result(f.read_at(beyond, buffer)), system_code(EINVAL), path);
    file w = co_await file::open(path, file_mode::read_write);
    expect_error(co_await as_result(w.write_at(beyond, buffer)), system_code(EINVAL), path);
  }
  f.close();
  expect_error(co_await as_result(f.read_at(0, buffer)), io_errc::closed, path);
  expect_error(co_await as_result(f.write_at(0, buffer)), io_errc::closed, path);
  expect_error(co_await as_result(f.sync()), io_errc::closed, path);
  try {
    f.size();
    ADD_FAILURE() << "it has a size";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), io_errc::closed);
    EXPECT_NE(std::string(e.what()).find(path), std::string::npos) << e.what();
  }
}

// A path ends at its first NUL byte: what stands before it is another file.
CONFORMANCE(File, IsNotOpenedByAPathWithANulByte) {
  using namespace std::string_literals;
  const temporary_folder folder;
  const std::string secret = folder / "secret";
  std::ofstream(secret) << "content";
  for (const std::string& end : {"\0"s, "\0.png"s, "\0\0"s}) {
    for (const file_mode mode :
         {file_mode::read_only, file_mode::read_write, file_mode::create_new, file_mode::truncate})
      expect_error(co_await as_result(file::open(secret + end, mode)), system_code(EINVAL),
                   secret + "\\0");
    expect_error(co_await as_result(net::read_file(secret + end)), system_code(EINVAL),
                 secret + "\\0");
    expect_error(co_await as_result(file::open(folder / "new" + end, file_mode::create_new)),
                 system_code(EINVAL), folder / "new");
    EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  }
  EXPECT_EQ(content_of(secret), "content");
}

// What is read is what the file was at some time: at least what it kept all the while, and in
// order.
CONFORMANCE(File, ThatChangesWhileItIsReadIsReadToItsEndOfThen) {
  const temporary_folder folder;
  const std::string path = folder / "f";
  const std::string text = pattern(6 << 20);
  const std::size_t half = text.size() / 2;
  for (const bool grows : {true, false}) {
    std::ofstream(path, std::ios::binary) << text.substr(0, grows ? half : text.size());
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { got = co_await net::read_file(path); });
      co_await yield_now();
      if (grows) {
        file f = co_await file::open(path, file_mode::read_write);
        co_await f.write_at(half, bytes_of(text).subspan(half));
      } else {
        std::filesystem::resize_file(path, half);
      }
    });
    EXPECT_GE(got.size(), half);
    EXPECT_EQ(got, std::string_view(text).substr(0, got.size()));
  }
}

// The first has only begun when the second comes.
ON_KERNEL_REACTORS(File, RefusesASecondWriter) {
  run_on(reactor, []() -> task<> {
    const temporary_folder folder;
    file f = co_await file::open(folder / "f", file_mode::truncate);
    std::string large(8 << 20, 'x');
    int busy = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 2; ++i)
        g.spawn([&]() -> task<> {
          const auto r = co_await as_result(f.write_at(0, bytes_of(large)));
          busy += r.code() == io_errc::busy;
        });
      co_return;
    });
    EXPECT_EQ(busy, 1);
  });
}

CONFORMANCE_RUNS(CancelEveryWait, File) {
  const temporary_folder folder;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        file f = co_await file::open(folder / "f", file_mode::truncate);
        const std::string text = pattern(100'000);
        co_await f.write_at(0, bytes_of(text));
        co_await f.sync();
        std::vector<std::byte> buffer(100'000);
        EXPECT_EQ(co_await f.read_at(0, buffer), buffer.size());
        EXPECT_EQ(text_of(buffer), text);
        EXPECT_EQ((co_await net::read_file(folder / "f")).size(), text.size());
      },
      [] { wait_for_abandoned_lookups(); });
  if (reactor != reactor_kind::simulated) {
    EXPECT_GE(n.at_rest, 5U);
  }
}

CONFORMANCE_RUNS(CancelEveryWait, FileThatIsAFifo) {
  const temporary_folder folder;
  const std::string path = fifo_in(folder);
  const std::string sent = pattern(150'000);
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        std::string got;
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> { got = co_await net::read_file(path); });
          file writer = co_await file::open(path, file_mode::read_write);
          co_await writer.write_at(0, bytes_of(sent));
        });
        EXPECT_EQ(got, sent);
      },
      [] { wait_for_abandoned_lookups(); });
  EXPECT_GE(n.at_rest, 3U);
}

}  // namespace net_file_cases
