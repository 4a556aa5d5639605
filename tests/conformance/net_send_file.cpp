// Files to streams, and the folders that they are opened in.
#include "net/net_support.hpp"
#include "support/allocations.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::file;
using net::root_directory;
using net::send_file;
using net::send_file_some;

namespace net_send_file {
namespace {

// What arrives at the client while the server's end sends and closes.
template <class Send>
task<std::string> received(Send send) {
  stream_pair p = co_await connect_pair();
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await send(p.server);
      p.server.close();
    });
    got = co_await read_text(p.client);
  });
  co_return got;
}

// A pair between which little fits (in the simulation 64 KiB, as ever).
task<stream_pair> narrow_pair() {
  stream_pair p = co_await connect_pair();
  p.server.set(net::options::send_buffer(32 * 1024));
  p.client.set(net::options::receive_buffer(32 * 1024));
  co_return p;
}

// More than fits.
constexpr std::size_t much = 1 << 20;

void forget_what_is_in_memory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ::fsync(fd);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

}  // namespace

CONFORMANCE(SendFile, BringsFilesOfAllSizesWhole) {
  const temporary_folder folder;
  for (const std::size_t size :
       {0U, 1U, 1000U, 64U << 10, (64U << 10) + 1, 512U << 10, (512U << 10) + 1, (3U << 20) + 7}) {
    const std::string content = pattern(size, size + 1);
    file f = co_await file::open(folder.write("f", content));
    std::uint64_t gone = 0;
    const std::string got = co_await received(
        [&](tcp_stream& s) -> task<> { gone = co_await send_file(s, f, 0, size); });
    EXPECT_EQ(gone, size);
    EXPECT_TRUE(got == content) << size << " bytes became " << got.size();
  }
}

// sendfile(2) cannot be told to leave SIGPIPE alone: a client that resets ended the program.
ON_KERNEL_REACTORS(SendFile, ToAPeerThatHasGoneIsAnErrorAndNoSignal) {
  static volatile sig_atomic_t signals;
  signals = 0;
  struct sigaction counting{};
  counting.sa_handler = [](int) { signals = signals + 1; };
  struct sigaction before{};
  ::sigaction(SIGPIPE, &counting, &before);
  const temporary_folder folder;
  const std::string path = folder.write("f", pattern(much));
  run_on(reactor, [&]() -> task<> {
    const file f = co_await file::open(path);
    stream_pair p = co_await connect_pair();
    p.client.set(net::options::linger(0s));
    p.client.close();
    for (int failed = 0; failed < 3;)  // a reset is told once, and EPIPE from then on
      failed += (co_await as_result(send_file(p.server, f, 0, much))).has_error() ? 1 : 0;
    // And one that goes in the middle of a file: what went before is given, and the signal raised.
    stream_pair q = co_await narrow_pair();
    q.client.set(net::options::linger(0s));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { (void)co_await as_result(send_file(q.server, f, 0, much)); });
      std::vector<std::byte> room(100'000);
      (void)co_await q.client.read_some(room);
      q.client.close();
    });
  });
  ::sigaction(SIGPIPE, &before, nullptr);
  EXPECT_EQ(signals, 0);
}

CONFORMANCE(SendFile, BringsAPartAndNoMoreThanThereIs) {
  const temporary_folder folder;
  const std::string content = pattern(700'000);
  file f = co_await file::open(folder.write("f", content));
  std::uint64_t part = 0;
  std::uint64_t end = 0;
  std::uint64_t past = 1;
  const std::string got = co_await received([&](tcp_stream& s) -> task<> {
    part = co_await send_file(s, f, 1000, 600'000);
    end = co_await send_file(s, f, 699'000, 5'000'000);
    past = co_await send_file(s, f, 800'000, 10);
  });
  EXPECT_EQ(part, 600'000U);
  EXPECT_EQ(end, 1'000U);
  EXPECT_EQ(past, 0U);
  EXPECT_TRUE(got == content.substr(1000, 600'000) + content.substr(699'000));
}

CONFORMANCE(SendFile, ReadsWhatIsNotInMemory) {
  const temporary_folder folder;
  const std::string content = pattern(2'000'000);
  const std::string path = folder.write("f", content);
  file f = co_await file::open(path);
  forget_what_is_in_memory(path);
  const std::string got = co_await received(
      [&](tcp_stream& s) -> task<> { co_await send_file(s, f, 0, content.size()); });
  EXPECT_TRUE(got == content);
}

CONFORMANCE(SendFile, OfAFileThatShrinksSaysHowMuchWent) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  const std::string path = folder.write("f", content);
  file f = co_await file::open(path);
  stream_pair p = co_await narrow_pair();
  std::uint64_t gone = 0;
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      gone = co_await send_file(p.server, f, 0, content.size());
      p.server.close();
    });
    got = co_await read_text(p.client, 100'000);
    std::filesystem::resize_file(path, 50'000);
    got += co_await read_text(p.client);
  });
  // Not what it was: what is on its way is the file's own memory, whose last page has been cut.
  EXPECT_LT(gone, content.size());
  EXPECT_EQ(got.size(), gone);
}

CONFORMANCE(SendFile, WaitsForASlowReader) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  std::string got;
  bool sent = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await send_file(p.server, f, 0, content.size());
      sent = true;
      p.server.close();
    });
    co_await sleep_for(5ms);
    EXPECT_FALSE(sent);
    got = co_await read_text(p.client);
  });
  EXPECT_TRUE(got == content);
}

// On io_uring the socket does not block for the length of each call: nobody else may notice.
CONFORMANCE(SendFile, LeavesAReaderBesideItAlone) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  const std::string asked = pattern(60'000);
  std::string got;
  std::string heard;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await send_file(p.server, f, 0, content.size());
      co_await p.server.shutdown_write();
    });
    g.spawn([&]() -> task<> { heard = co_await read_text(p.server); });
    g.spawn([&]() -> task<> {
      for (std::size_t at = 0; at < asked.size(); at += 100) {
        co_await write_text(p.client, std::string_view(asked).substr(at, 100));
        if (at % 1000 == 0) co_await sleep_for(20us);
      }
      co_await p.client.shutdown_write();
    });
    got = co_await read_text(p.client);
  });
  EXPECT_TRUE(got == content);
  EXPECT_TRUE(heard == asked);
}

CONFORMANCE(SendFile, FailsWhenThePeerIsGone) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  outcome<std::uint64_t> r;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { r = co_await as_result(send_file(p.server, f, 0, content.size())); });
    co_await read_text(p.client, 1000);
    p.client.close();
  });
  EXPECT_TRUE(r.code() == system_code(ECONNRESET) || r.code() == system_code(EPIPE)) << r.code();
}

CONFORMANCE(SendFile, CancelledBreaksTheWriteSide) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  EXPECT_FALSE(co_await try_for(5ms, send_file(p.server, f, 0, content.size())));
  EXPECT_EQ((co_await as_result(p.server.write_some(bytes_of("more")))).code(),
            io_errc::write_broken);
  EXPECT_EQ((co_await as_result(send_file(p.server, f, 0, 1))).code(), io_errc::write_broken);
  p.server.close();
  EXPECT_TRUE(content.starts_with(co_await read_text(p.client)));
}

CONFORMANCE(SendFile, APieceThatIsCancelledHasNotGone) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  std::uint64_t gone = 0;
  for (;;) {
    const auto n = co_await try_for(2ms, send_file_some(p.server, f, gone, content.size() - gone));
    if (!n) break;
    EXPECT_LE(*n, 512U << 10);
    gone += *n;
  }
  EXPECT_LT(gone, content.size());
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await send_file(p.server, f, gone, content.size() - gone);
      p.server.close();
    });
    got = co_await read_text(p.client);
  });
  EXPECT_TRUE(got == content);
}

// Whoever is given the file's number next must not be sent in its place.
CONFORMANCE(SendFile, OfAFileThatIsClosedMeanwhileEnds) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  file f = co_await file::open(folder.write("f", content));
  stream_pair p = co_await narrow_pair();
  outcome<std::uint64_t> r;
  std::string got;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      r = co_await as_result(send_file(p.server, f, 0, content.size()));
      p.server.close();
    });
    co_await sleep_for(5ms);
    f.close();
    const file other = co_await file::open(folder.write("other", std::string(1 << 20, 'o')));
    got = co_await read_text(p.client);
  });
  EXPECT_EQ(r.code(), io_errc::closed);
  EXPECT_TRUE(content.starts_with(got));
  EXPECT_EQ((co_await as_result(send_file(p.server, f, 0, 1))).code(), io_errc::closed);
  const file nothing;
  EXPECT_EQ((co_await as_result(send_file(p.server, nothing, 0, 1))).code(), io_errc::closed);
}

CONFORMANCE(SendFile, OfWhatIsNoPlainFile) {
  file f = co_await file::open("/proc/version");
  const std::string content = co_await net::read_file("/proc/version");
  EXPECT_EQ(co_await received([&](tcp_stream& s) -> task<> { co_await send_file(s, f, 0, 4096); }),
            content);
}

CONFORMANCE(SendFile, ToAStreamOfAnotherKind) {
  const temporary_folder folder;
  const std::string content = pattern(300'000);
  file f = co_await file::open(folder.write("f", content));
  auto [a, b] = net::make_memory_streams();
  std::string got;
  co_await with_task_group([&, &a = a, &b = b](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      EXPECT_EQ(co_await send_file(a, f, 0, content.size() + 10), content.size());
      a.close();
    });
    std::vector<char> buffer(10'000);
    while (const std::size_t n = co_await b.read_some(std::as_writable_bytes(std::span(buffer))))
      got.append(buffer.data(), n);
  });
  EXPECT_TRUE(got == content);
}

CONFORMANCE(SendFile, ReadsWhatIsInMemoryAtOnce) {
  const temporary_folder folder;
  file f = co_await file::open(folder.write("f", "0123456789"));
  std::array<std::byte, 4> four{};
  EXPECT_EQ(f.read_now(2, four), 4U);
  EXPECT_EQ(static_cast<char>(four[0]), '2');
  EXPECT_EQ(f.read_now(8, four), 2U);
  EXPECT_EQ(f.read_now(10, four), 0U);
  EXPECT_EQ(f.status().size, 10U);
  EXPECT_EQ(f.status_when_opened().what, net::file_status::type::regular);
  f.close();
  EXPECT_FALSE(f.read_now(0, four));
  EXPECT_EQ((co_await as_result(f.read_at(0, four))).code(), io_errc::closed);
}

CONFORMANCE_RUNS(CancelEveryWait, SendFile) {
  const temporary_folder folder;
  const std::string content = pattern(much);
  const std::string path = folder.write("f", content);
  std::string got;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        got.clear();
        stream_pair p = co_await narrow_pair();
        file f = co_await file::open(path);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            co_await send_file(p.server, f, 0, content.size());
            p.server.close();
          });
          std::vector<std::byte> buffer(1 << 17);
          while (const std::size_t size = co_await p.client.read_some(buffer)) {
            got.append(reinterpret_cast<const char*>(buffer.data()), size);
            if (reactor != reactor_kind::simulated) co_await yield_now();
          }
        });
      },
      [&](outcome<void>& r) {
        EXPECT_FALSE(r.has_error());
        EXPECT_TRUE(content.starts_with(got));
        if (r.has_value()) EXPECT_EQ(got.size(), content.size());
      });
  EXPECT_GE(n.at_rest, 3U);
}

// --- directories ---------------------------------------------------------------------------------

namespace {

task<std::string> text_in(const root_directory& d, std::string path) {
  file f = co_await d.open_file(std::move(path));
  std::array<char, 64> buffer{};
  const std::size_t n = co_await f.read_at(0, std::as_writable_bytes(std::span(buffer)));
  co_return std::string(buffer.data(), n);
}

}  // namespace

CONFORMANCE(RootDirectory, OpensWhatIsBelow) {
  const temporary_folder folder;
  folder.write("a", "one");
  folder.write("sub/deep/b", "two");
  std::filesystem::create_symlink("sub/deep/b", folder / "inside");
  std::filesystem::create_symlink("../../a", folder / "sub/deep/up");
  const root_directory d = co_await root_directory::open(folder.path());
  EXPECT_EQ(co_await text_in(d, "a"), "one");
  EXPECT_EQ(co_await text_in(d, "sub/deep/b"), "two");
  EXPECT_EQ(co_await text_in(d, "inside"), "two");
  EXPECT_EQ(co_await text_in(d, "sub/deep/up"), "one");
  EXPECT_EQ(co_await text_in(d, "sub/../a"), "one");
  std::error_code error;
  file now = d.open_file_now("a", error);
  EXPECT_TRUE(now.is_open() || error == std::errc::resource_unavailable_try_again) << error;
  EXPECT_EQ((co_await d.open_file("sub")).status().what, net::file_status::type::directory);
}

CONFORMANCE(RootDirectory, OpensNothingOutside) {
  const temporary_folder outside;
  outside.write("secret", "secret");
  const temporary_folder folder;
  folder.write("a", "one");
  std::filesystem::create_symlink(outside / "secret", folder / "absolute");
  std::filesystem::create_directory_symlink(outside.path(), folder / "folder");
  std::filesystem::create_symlink(
      "../" + std::filesystem::path(outside.path()).filename().string() + "/secret",
      folder / "relative");
  std::filesystem::create_symlink("/proc/self/root", folder / "magic");
  std::filesystem::create_symlink("loop", folder / "loop");
  const root_directory d = co_await root_directory::open(folder.path());
  const auto code = [&](std::string path) -> task<std::error_code> {
    std::error_code error;
    const file f = co_await d.open_file(std::move(path), error);
    EXPECT_FALSE(f.is_open());
    co_return error;
  };
  for (const char* path : {"absolute", "folder/secret", "relative", "magic", "magic/etc/passwd",
                           "..", "../x", "a/../../x", "/etc/passwd"}) {
    const std::error_code error = co_await code(path);
    EXPECT_TRUE(error == system_code(EXDEV) || error == system_code(ELOOP) ||
                error == system_code(ENOTDIR))
        << path << ": " << error.message();
  }
  EXPECT_EQ(co_await code("loop"), system_code(ELOOP));
  EXPECT_EQ(co_await code("none"), system_code(ENOENT));
  EXPECT_EQ(co_await code("a/b"), system_code(ENOTDIR));
  EXPECT_EQ(co_await code(std::string("a\0b", 3)), std::errc::invalid_argument);
  EXPECT_EQ(co_await code(std::string(5000, 'a')), system_code(ENAMETOOLONG));
  outcome<file> thrown = co_await as_result(d.open_file("none"));
  EXPECT_EQ(thrown.code(), system_code(ENOENT));
  EXPECT_EQ((co_await as_result(root_directory::open(folder / "a"))).code(), system_code(ENOTDIR));
  EXPECT_EQ((co_await as_result(root_directory().open_file("a"))).code(), io_errc::closed);
}

CONFORMANCE(RootDirectory, ListsItsEntriesSorted) {
  const temporary_folder folder;
  folder.write("b", "22");
  folder.write("a/x", "");
  folder.write("c", "");
  const root_directory d = root_directory::open_now(folder.path());
  const auto all = co_await d.entries("");
  EXPECT_EQ(all.size(), 3U);
  if (all.size() != 3) co_return;
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[0].kind, net::entry_kind::folder);
  EXPECT_EQ(all[1].name, "b");
  EXPECT_EQ(all[1].path, folder / "b");
  EXPECT_EQ((co_await d.entries("a")).size(), 1U);
  EXPECT_EQ((co_await as_result(d.entries("", 2))).code(), system_code(EFBIG));
  EXPECT_EQ((co_await as_result(d.entries("b"))).code(), system_code(ENOTDIR));
  EXPECT_EQ((co_await as_result(d.entries(".."))).code(), system_code(EXDEV));
}

CONFORMANCE_RUNS(CancelEveryWait, OpenInADirectory) {
  const temporary_folder folder;
  folder.write("a", "one");
  cancel_at_every_wait(reactor, [&]() -> task<> {
    const root_directory d = co_await root_directory::open(folder.path());
    EXPECT_EQ(co_await text_in(d, "a"), "one");
    EXPECT_EQ((co_await d.entries("")).size(), 1U);
  });
}

}  // namespace net_send_file
