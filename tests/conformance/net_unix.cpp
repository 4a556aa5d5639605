// Unix streams and listeners: abstract names everywhere, paths on the kernel.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::unix_listen_options;
using net::unix_listener;
using net::unix_stream;

namespace {

// Of this process alone.
endpoint abstract(const std::string& name) {
  return endpoint::parse("unix:@rondo-" + std::to_string(::getpid()) + "-" + name);
}

// A folder of its own, removed with what is in it.
class folder {
 public:
  folder() {
    std::string name = std::filesystem::temp_directory_path() / "rondo-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(path_); }
  endpoint socket(const std::string& name) const { return endpoint::unix_path(path_ / name); }
  std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

task<> echo(unix_stream s) {
  std::array<std::byte, 64> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    co_await s.write_all(std::span(buffer).first(n));
}

task<std::string> ask(unix_stream s, std::string text) {
  co_await s.write_all(bytes_of(text));
  co_await s.shutdown_write();
  std::string answer;
  std::array<std::byte, 64> buffer{};
  while (const std::size_t n = co_await s.read_some(buffer))
    answer.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return answer;
}

std::string bind_error(const endpoint& at, const unix_listen_options& options = {}) {
  try {
    unix_listener::bind(at, options);
    return "bound";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(EADDRINUSE));
    return e.what();
  }
}

}  // namespace

CONFORMANCE(Unix, ToldApartByWhatStandsBehindANulByteInAnAbstractName) {
  using namespace std::string_literals;
  const std::string name = abstract("nul").path();
  unix_listener one = unix_listener::bind(endpoint::unix_path(name + "\0one"s));
  unix_listener other = unix_listener::bind(endpoint::unix_path(name + "\0other"s));
  unix_stream s = co_await unix_stream::connect(endpoint::unix_path(name + "\0other"s));
  unix_stream peer = co_await other.accept();
  EXPECT_EQ(s.remote_endpoint().path(), name + "\0other"s);
  const auto none = co_await as_result(unix_stream::connect(endpoint::unix_path(name)));
  EXPECT_EQ(none.code(), system_code(ECONNREFUSED));
}

CONFORMANCE(Unix, ConnectsByAnAbstractName) {
  unix_listener l = unix_listener::bind(abstract("stream"));
  EXPECT_EQ(l.local_endpoint(), abstract("stream"));
  unix_stream client = co_await unix_stream::connect(abstract("stream"));
  unix_stream server = co_await l.accept();
  EXPECT_EQ(client.remote_endpoint(), abstract("stream"));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(echo(std::move(server)));
    EXPECT_EQ(co_await ask(std::move(client), "over unix"), "over unix");
  });
}

CONFORMANCE(Unix, IsRefusedWhereNobodyListens) {
  const auto r = co_await as_result(unix_stream::connect(abstract("nobody")));
  EXPECT_EQ(r.code(), system_code(ECONNREFUSED));
}

CONFORMANCE(Unix, TakesUnixNamesOnly) {
  const auto r = co_await as_result(unix_stream::connect(loopback(80)));
  EXPECT_TRUE(r.has_error());
  EXPECT_THROW(r.value(), std::invalid_argument);
  EXPECT_THROW(unix_listener::bind(loopback(80)), std::invalid_argument);
}

CONFORMANCE(Unix, SaysThatAnAbstractNameIsTaken) {
  unix_listener l = unix_listener::bind(abstract("taken"));
  EXPECT_NE(bind_error(abstract("taken")).find("taken"), std::string::npos);
  co_return;
}

CONFORMANCE(Unix, PairsAreConnected) {
  auto [a, b] = unix_stream::pair();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(echo(std::move(b)));
    EXPECT_EQ(co_await ask(std::move(a), "pair"), "pair");
  });
}

CONFORMANCE(Unix, WaitsWhileTheBacklogIsFull) {
  unix_listener l = unix_listener::bind(abstract("busy"), unix_listen_options().backlog(1));
  std::vector<unix_stream> filling;
  for (int i = 0; i < 8; ++i) {
    auto s = co_await try_for(30ms, unix_stream::connect(abstract("busy")));
    if (!s) break;
    filling.push_back(std::move(*s));
  }
  EXPECT_LT(filling.size(), 8U);
  co_await with_task_group([&](task_group& g) -> task<> {
    auto late = g.spawn(unix_stream::connect(abstract("busy")));
    co_await sleep_for(5ms);
    EXPECT_FALSE(late.done());
    for (std::size_t i = 0; i <= filling.size(); ++i) co_await l.accept();
    EXPECT_TRUE((co_await late.join()).has_value());
  });
}

CONFORMANCE(Unix, IsServed) {
  net::serve_handle server;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(
        net::serve(unix_listener::bind(abstract("served")), echo, net::serve_options(), server));
    for (const char* text : {"one", "two"})
      EXPECT_EQ(co_await ask(co_await unix_stream::connect(abstract("served")), text), text);
    server.stop();
  });
  EXPECT_EQ(server.accepted(), 2U);
}

ON_KERNEL_REACTORS(Unix, MakesItsFileWithItsModeAndRemovesIt) {
  run_on(reactor, []() -> task<> {
    const folder f;
    unix_listener l = unix_listener::bind(f.socket("s"), unix_listen_options().mode(0600));
    struct stat made{};
    EXPECT_EQ(::stat(f.file("s").c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777U, 0600U);
    unix_stream client = co_await unix_stream::connect(f.socket("s"));
    unix_stream server = co_await l.accept();
    EXPECT_EQ(client.credentials().pid, ::getpid());
    EXPECT_EQ(server.credentials().uid, ::getuid());
    unix_listener moved = std::move(l);
    EXPECT_TRUE(std::filesystem::exists(f.file("s")));
    moved.close();
    EXPECT_FALSE(std::filesystem::exists(f.file("s")));
    const auto gone = co_await as_result(unix_stream::connect(f.socket("s")));
    EXPECT_EQ(gone.code(), system_code(ENOENT));
  });
}

ON_KERNEL_REACTORS(Unix, SaysWhatStandsInItsWay) {
  run_on(reactor, []() -> task<> {
    const folder f;
    {
      unix_listener first = unix_listener::bind(f.socket("s"));
      EXPECT_NE(bind_error(f.socket("s"), unix_listen_options().replace_stale(true))
                    .find("another socket is bound there"),
                std::string::npos);
      EXPECT_TRUE(std::filesystem::exists(f.file("s")));
    }
    std::ofstream(f.file("text")) << "a file";
    EXPECT_NE(bind_error(f.socket("text"), unix_listen_options().replace_stale(true))
                  .find("no socket stands there"),
              std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(f.file("text")));
    co_return;
  });
}

ON_KERNEL_REACTORS(Unix, ReplacesAStaleFileOnlyWhenAskedTo) {
  run_on(reactor, []() -> task<> {
    const folder f;
    unix_listener::bind(f.socket("s"), unix_listen_options().unlink_on_close(false));
    EXPECT_TRUE(std::filesystem::exists(f.file("s")));
    EXPECT_NE(bind_error(f.socket("s")).find("left there by a process that is gone"),
              std::string::npos);
    unix_listener l = unix_listener::bind(f.socket("s"), unix_listen_options().replace_stale(true));
    unix_stream client = co_await unix_stream::connect(f.socket("s"));
    EXPECT_TRUE(client.is_open());
  });
}

ON_KERNEL_REACTORS(Unix, LeavesAFileThatSomebodyElseHasPutThere) {
  run_on(reactor, []() -> task<> {
    const folder f;
    unix_listener first = unix_listener::bind(f.socket("s"));
    std::filesystem::remove(f.file("s"));
    unix_listener second = unix_listener::bind(f.socket("s"));
    first.close();
    EXPECT_TRUE(std::filesystem::exists(f.file("s")));
    co_return;
  });
}

CONFORMANCE_RUNS(CancelEveryWait, UnixStream) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    unix_listener l = unix_listener::bind(abstract("cancel"), unix_listen_options().backlog(1));
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i)
        g.spawn([]() -> task<> {
          EXPECT_EQ(co_await ask(co_await unix_stream::connect(abstract("cancel")), "x"), "x");
        });
      for (int i = 0; i < 3; ++i) {
        co_await sleep_for(200us);
        g.spawn(echo(co_await l.accept()));
      }
    });
  });
  EXPECT_GE(n.at_rest, 6U);
}
