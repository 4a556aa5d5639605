// Files: by io_uring's own operations, by threads elsewhere.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <array>
#include <filesystem>
#include <fstream>

namespace net_file_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::file;
using net::file_mode;

namespace {

class temporary_folder {
 public:
  temporary_folder() {
    std::string name = std::filesystem::temp_directory_path() / "rondo-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string content_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

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

}  // namespace net_file_cases
