#include <rondo/net/parts/open_file.hpp>
#include <rondo/net/parts/path.hpp>
#include <rondo/net/root_directory.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

namespace rondo::net {

namespace detail {

struct open_root {
  open_root(std::string p, int f) noexcept : path(std::move(p)), fd(f) {}
  open_root(const open_root&) = delete;
  open_root& operator=(const open_root&) = delete;
  ~open_root() { rondo::detail::close_unattached(fd); }

  const std::string path;
  const int fd;
};

}  // namespace detail

namespace {

using detail::open_root;

// linux/openat2.h of Linux 5.12.
constexpr std::uint64_t resolve_cached = 0x20;
constexpr std::uint64_t resolve_beneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
// How often a path is resolved again while somebody renames what is on it (openat2(2), EAGAIN).
constexpr int most_races = 64;

constinit std::atomic<bool> lacks_cached{false};
constinit std::atomic<bool> lacks_openat2{false};

// A descriptor or a negative errno.
int open_at(int dir, const char* path, int flags, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = resolve;
  long fd = -1;
  do fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
  while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// Step by step, and through no link: what a kernel without openat2 can promise.
int open_step_by_step(int dir, std::string_view path, int flags) noexcept {
  int at = dir;
  const auto go_to = [&at, dir](int next) {
    if (at != dir) rondo::detail::close_unattached(at);
    at = next;
  };
  if (path.starts_with('/')) return -EXDEV;
  for (;;) {
    const std::size_t end = path.find('/');
    const bool last =
        end == std::string_view::npos || path.find_first_not_of('/', end) == std::string_view::npos;
    const std::string step(path.substr(0, end));
    int next = -1;
    if (step == "..")
      next = -EXDEV;
    else {
      const int how = last ? flags | (end == std::string_view::npos ? 0 : O_DIRECTORY)
                           : O_PATH | O_DIRECTORY | O_CLOEXEC;
      next = ::openat(at, step.empty() ? "." : step.c_str(), how | O_NOFOLLOW);
      if (next < 0) next = -errno;
    }
    go_to(next);
    if (last || next < 0) return next;
    path.remove_prefix(path.find_first_not_of('/', end));
  }
}

// -EAGAIN when it may have to wait.
int open_beneath_now(int dir, const char* path, int flags) noexcept {
  if (lacks_cached.load(std::memory_order_relaxed)) return -EAGAIN;
  const int fd = open_at(dir, path, flags, resolve_beneath | resolve_cached);
  if (fd != -EINVAL && fd != -ENOSYS && fd != -EPERM) return fd;
  lacks_cached.store(true, std::memory_order_relaxed);
  return -EAGAIN;
}

int open_beneath(int dir, const std::string& path, int flags) noexcept {
  int fd = -ENOSYS;
  if (!lacks_openat2.load(std::memory_order_relaxed))
    for (int races = 0; races < most_races; ++races) {
      fd = open_at(dir, path.c_str(), flags, resolve_beneath);
      if (fd != -EAGAIN) break;
    }
  if (fd != -ENOSYS && fd != -EPERM) return fd;  // EPERM: a filter of system calls
  lacks_openat2.store(true, std::memory_order_relaxed);
  return open_step_by_step(dir, path, flags);
}

std::string full_path(const open_root& d, std::string_view path) {
  std::string all = d.path;
  if (!all.ends_with('/')) all += '/';
  return all.append(path);
}

const char* or_here(const std::string& path) noexcept { return path.empty() ? "." : path.c_str(); }

// On a thread, which keeps the directory for as long as it needs it. What stat says of a file may
// have to come from the disk too.
detail::fresh_file open_for_folder(const std::shared_ptr<const open_root>& d,
                                   const std::string& path) {
  detail::fresh_file f(full_path(*d, path), open_beneath(d->fd, or_here(path), read_flags));
  if (f.fd() < 0) return f;
  const int r = f.look();
  return r < 0 ? detail::fresh_file(f.take_path(), r) : std::move(f);
}

file opened_as(detail::fresh_file&& f, std::error_code& error) {
  if (f.fd() < 0) {
    error = {-f.fd(), std::system_category()};
    return {};
  }
  return detail::from_shared(std::make_shared<detail::open_file>(std::move(f)));
}

std::error_code refusal_of(const std::shared_ptr<const open_root>& d, std::string_view path) {
  if (!d) return io_errc::closed;
  if (detail::holds_nul(path)) return std::make_error_code(std::errc::invalid_argument);
  return {};
}

file try_at_once(const std::shared_ptr<const open_root>& d, const std::string& path,
                 std::error_code& error) {
  if (rondo::detail::this_core().simulated()) return opened_as(open_for_folder(d, path), error);
  detail::fresh_file f(full_path(*d, path), open_beneath_now(d->fd, or_here(path), read_flags));
  if (f.fd() >= 0) {
    if (const int r = f.look(); r < 0)
      return opened_as(detail::fresh_file(f.take_path(), r), error);
  }
  return opened_as(std::move(f), error);
}

task<file> open_in(std::shared_ptr<const open_root> d, std::string path, std::error_code& error) {
  error = refusal_of(d, path);
  if (error) co_return file();
  file f = try_at_once(d, path, error);
  if (error != std::errc::resource_unavailable_try_again) co_return f;
  error.clear();
  co_return opened_as(co_await to_thread(&open_for_folder, d, path), error);
}

task<file> open_or_throw(std::shared_ptr<const open_root> d, std::string path) {
  std::error_code error;
  file f = co_await open_in(d, path, error);
  if (error)
    throw std::system_error(error,
                            "open " + (d ? full_path(*d, detail::shown(path)) : std::string()));
  co_return f;
}

entry_kind kind_of_entry(const struct stat& s) noexcept {
  if (S_ISREG(s.st_mode)) return entry_kind::file;
  if (S_ISDIR(s.st_mode)) return entry_kind::folder;
  return S_ISLNK(s.st_mode) ? entry_kind::symbolic_link : entry_kind::other;
}

std::vector<directory_entry> list_here(const std::shared_ptr<const open_root>& d,
                                       const std::string& path, std::size_t most) {
  const auto fail = [&](int error) {
    throw std::system_error(error, std::system_category(), "list " + full_path(*d, path));
  };
  const int fd = open_beneath(d->fd, or_here(path), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (fd < 0) fail(-fd);
  DIR* const dir = ::fdopendir(fd);
  if (!dir) {
    const int error = errno;
    rondo::detail::close_unattached(fd);
    fail(error);
  }
  struct closer {
    void operator()(DIR* p) const noexcept { ::closedir(p); }
  };
  const std::unique_ptr<DIR, closer> open(dir);
  std::vector<directory_entry> all;
  for (;;) {
    errno = 0;
    const dirent* const e = ::readdir(dir);  // NOLINT(concurrency-mt-unsafe): a stream of its own
    if (!e) break;
    const std::string_view name(static_cast<const char*>(e->d_name));
    if (name == "." || name == "..") continue;
    struct stat s{};
    if (::fstatat(fd, e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;  // it has gone
    if (all.size() == most) fail(EFBIG);
    all.push_back({full_path(*d, path.empty() ? std::string(name) : path + '/' + std::string(name)),
                   std::string(name), kind_of_entry(s), 0});
  }
  if (errno != 0) fail(errno);
  std::ranges::sort(all, {}, &directory_entry::name);
  return all;
}

task<std::vector<directory_entry>> list_below(std::shared_ptr<const open_root> d, std::string path,
                                              std::size_t most) {
  if (const std::error_code error = refusal_of(d, path))
    throw std::system_error(error, "list " + detail::shown(path));
  co_return co_await to_thread(&list_here, d, path, most);
}

}  // namespace

root_directory root_directory::open_now(const std::string& path) {
  detail::refuse_nul(path, "open");
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::system_category(), "open " + path);
  root_directory d;
  try {
    d.open_ = std::make_shared<open_root>(path, fd);
  } catch (...) {
    rondo::detail::close_unattached(fd);
    throw;
  }
  return d;
}

task<root_directory> root_directory::open(std::string path) {
  co_return co_await to_thread(&root_directory::open_now, std::move(path));
}

file root_directory::open_file_now(const std::string& path, std::error_code& error) const {
  error = refusal_of(open_, path);
  return error ? file() : try_at_once(open_, path, error);
}

// Of the open directory and not of its owner, who may go before the task begins.
task<file> root_directory::open_file(std::string path, std::error_code& error) const {
  return open_in(open_, std::move(path), error);
}
task<file> root_directory::open_file(std::string path) const {
  return open_or_throw(open_, std::move(path));
}

task<std::vector<directory_entry>> root_directory::entries(std::string path,
                                                           std::size_t most) const {
  return list_below(open_, std::move(path), most);
}

}  // namespace rondo::net
