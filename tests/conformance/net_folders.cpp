// Folders listed, walked and watched; temporary files.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace net_folders_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::change_kind;
using net::entry_kind;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text = "text") { std::ofstream(path) << text; }

task<std::vector<std::string>> paths_of(generator<net::directory_entry> entries, std::string root) {
  std::vector<std::string> all;
  while (auto e = co_await entries.next()) all.push_back(e->path.substr(root.size() + 1));
  std::ranges::sort(all);
  co_return all;
}

using names = std::vector<std::string>;

}  // namespace

CONFORMANCE(Folder, IsListed) {
  auto folder = co_await net::temporary_folder::make();
  const fs::path at = folder.path();
  write(at / "file");
  fs::create_directory(at / "folder");
  fs::create_symlink("file", at / "link");
  EXPECT_EQ(::mkfifo((at / "fifo").c_str(), 0600), 0);
  std::set<std::pair<std::string, entry_kind>> found;
  auto entries = net::list_directory(folder.path());
  while (auto e = co_await entries.next()) {
    EXPECT_EQ(e->path, folder.path() + '/' + e->name);
    EXPECT_EQ(e->depth, 0U);
    found.emplace(e->name, e->kind);
  }
  const std::set<std::pair<std::string, entry_kind>> expected{{"file", entry_kind::file},
                                                              {"folder", entry_kind::folder},
                                                              {"link", entry_kind::symbolic_link},
                                                              {"fifo", entry_kind::other}};
  EXPECT_EQ(found, expected);
}

CONFORMANCE(Folder, OfThousandsIsListedWhole) {
  auto folder = co_await net::temporary_folder::make();
  for (int i = 0; i < 300; ++i) write(fs::path(folder.path()) / std::to_string(i), "");
  EXPECT_EQ((co_await paths_of(net::list_directory(folder.path()), folder.path())).size(), 300U);
}

CONFORMANCE(Folder, IsWalkedAsDeepAsAsked) {
  auto folder = co_await net::temporary_folder::make();
  const fs::path at = folder.path();
  fs::create_directories(at / "a/b/c");
  write(at / "a/1");
  write(at / "a/b/2");
  write(at / "a/b/c/3");
  fs::create_symlink("..", at / "a/up");  // not followed: it would have no end
  const auto walk = [&](net::walk_options o = {}) {
    return paths_of(net::walk_directory(folder.path(), o), folder.path());
  };
  EXPECT_EQ(co_await walk(), (names{"a", "a/1", "a/b", "a/b/2", "a/b/c", "a/b/c/3", "a/up"}));
  EXPECT_EQ(co_await walk(net::walk_options().max_depth(1)), (names{"a", "a/1", "a/b", "a/up"}));
  EXPECT_EQ(co_await walk(net::walk_options().max_depth(0)), (names{"a"}));
}

CONFORMANCE(Folder, ThatCannotBeReadIsNamed) {
  const auto fails = [](std::string path, int error) -> task<> {
    auto entries = net::list_directory(path);
    const auto r = co_await as_result(entries.next());
    EXPECT_EQ(r.code(), system_code(error)) << path;
    try {
      if (r.has_error()) std::rethrow_exception(r.error());
    } catch (const std::exception& e) {
      EXPECT_NE(std::string_view(e.what()).find(path.c_str()), std::string_view::npos) << e.what();
    }
  };
  co_await fails("/no/such/folder", ENOENT);
  co_await fails("/etc/passwd", ENOTDIR);
  using namespace std::string_literals;
  co_await fails("/tmp\0x"s, EINVAL);
}

CONFORMANCE_RUNS(CancelEveryWait, WalkDirectory) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    auto folder = co_await net::temporary_folder::make();
    fs::create_directories(folder.path() + "/a/b");
    write(folder.path() + "/a/f");
    EXPECT_EQ((co_await paths_of(net::walk_directory(folder.path()), folder.path())).size(), 3U);
    // Left in the middle.
    auto entries = net::walk_directory(folder.path());
    EXPECT_TRUE((co_await entries.next()).has_value());
  });
  if (reactor != reactor_kind::simulated) {
    EXPECT_GE(n.at_rest, 4U);
  }
}

CONFORMANCE(Temporary, FileGoesWithItsObject) {
  std::string path;
  {
    auto f = co_await net::temporary_file::make("draft-");
    path = f.path();
    EXPECT_NE(path.find("/draft-"), std::string::npos);
    co_await f.content().write_at(0, bytes_of("text"));
    EXPECT_EQ(co_await net::read_file(path), "text");
    struct stat s{};
    EXPECT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0600U);
    auto moved = std::move(f);
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
  std::string kept;
  {
    auto f = co_await net::temporary_file::make();
    kept = f.keep();
  }
  EXPECT_TRUE(fs::remove(kept));
}

CONFORMANCE(Temporary, FolderGoesWithAllThatIsInIt) {
  auto outside = co_await net::temporary_file::make();
  std::string path;
  {
    auto f = co_await net::temporary_folder::make("work-");
    path = f.path();
    struct stat s{};
    EXPECT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0700U);
    fs::create_directories(path + "/a/b");
    write(path + "/a/b/f");
    fs::create_symlink(outside.path(), path + "/link");
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::exists(outside.path()));  // what a link led to stays
  auto f = co_await net::temporary_folder::make("inner-", fs::path(outside.path()).parent_path());
  path = f.path();
  write(path + "/f");
  co_await f.remove();
  EXPECT_FALSE(fs::exists(path));
  const auto r = co_await as_result(net::temporary_folder::make("x-", "/no/such/folder"));
  EXPECT_EQ(r.code(), system_code(ENOENT));
  EXPECT_EQ((co_await as_result(net::temporary_file::make("a/b"))).code(), system_code(EINVAL));
}

CONFORMANCE_RUNS(CancelEveryWait, Temporary) {
  std::string in;
  run_on(reactor, [&]() -> task<> {
    auto folder = co_await net::temporary_folder::make();
    in = folder.keep();
  });
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        auto f = co_await net::temporary_file::make("f-", in);
        auto d = co_await net::temporary_folder::make("d-", in);
        write(d.path() + "/f");
        co_await d.remove();
      },
      [&] { EXPECT_TRUE(fs::is_empty(in)); });
  if (reactor != reactor_kind::simulated) {
    EXPECT_GE(n.at_rest, 3U);
  }
  fs::remove_all(in);
}

CONFORMANCE(FileWatch, TellsWhatHappensInAFolder) {
  auto folder = co_await net::temporary_folder::make();
  const std::string at = folder.path();
  net::file_watch watch;
  watch.add(at);
  const auto expect_next = [&](change_kind what, std::string_view name) -> task<net::file_change> {
    auto c = co_await watch.next();
    EXPECT_EQ(c.what, what) << c.path;
    EXPECT_EQ(c.path, at + std::string(name));
    co_return c;
  };
  EXPECT_FALSE(co_await try_for(5ms, watch.next()));
  write(at + "/f", "text");
  co_await expect_next(change_kind::created, "/f");
  co_await expect_next(change_kind::modified, "/f");
  co_await expect_next(change_kind::written, "/f");
  fs::create_directory(at + "/d");
  EXPECT_TRUE((co_await expect_next(change_kind::created, "/d")).is_folder);
  fs::rename(at + "/f", at + "/g");
  const auto from = co_await expect_next(change_kind::moved_from, "/f");
  const auto to = co_await expect_next(change_kind::moved_to, "/g");
  EXPECT_NE(from.cookie, 0U);
  EXPECT_EQ(from.cookie, to.cookie);
  ::chmod((at + "/g").c_str(), 0600);
  co_await expect_next(change_kind::attributes, "/g");
  fs::remove(at + "/g");
  co_await expect_next(change_kind::removed, "/g");
  EXPECT_TRUE(watch.remove(at));
  write(at + "/unseen");
  EXPECT_FALSE(co_await try_for(5ms, watch.next()));
  EXPECT_FALSE(watch.remove(at));
}

CONFORMANCE(FileWatch, TellsThatWhatIsWatchedHasGone) {
  auto folder = co_await net::temporary_folder::make();
  const std::string file = folder.path() + "/f";
  write(file);
  net::file_watch watch;
  watch.add(file);
  fs::remove(file);
  net::file_change c = co_await watch.next();
  while (c.what == change_kind::attributes) c = co_await watch.next();  // its links
  EXPECT_EQ(c.what, change_kind::watched_gone);
  EXPECT_EQ(c.path, file);
  try {
    watch.add(file);
    ADD_FAILURE() << "it is not there";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(ENOENT));
    EXPECT_NE(std::string_view(e.what()).find(file), std::string_view::npos);
  }
}

CONFORMANCE_RUNS(CancelEveryWait, FileWatch) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    auto folder = co_await net::temporary_folder::make();
    net::file_watch watch;
    watch.add(folder.path());
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        EXPECT_EQ((co_await watch.next()).what, change_kind::created);
        EXPECT_EQ((co_await watch.next()).what, change_kind::written);
      });
      co_await sleep_for(100us);
      write(folder.path() + "/f", "");
    });
  });
  EXPECT_GE(n.at_rest, 2U);
}

}  // namespace net_folders_cases
