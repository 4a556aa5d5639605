// root_directory: files below one folder, and nothing outside it.
//
//   root_directory site = co_await root_directory::open("public");
//   file page = co_await site.open_file("docs/index.html");
//
// The kernel resolves the whole path and refuses each step that leads out (openat2(2),
// RESOLVE_BENEATH): "..", an absolute path, a link to either. Links that stay inside are followed.
// So a name that a peer has sent can be opened as it is. Where the kernel has no openat2 (before
// Linux 5.6, or forbidden), no link is followed at all.
#pragma once

#include <rondo/net/directory.hpp>
#include <rondo/net/file.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace rondo::net {

namespace detail {
struct open_root;
}

// Movable. Refers to the folder itself, wherever it is moved to meanwhile. May be used on every
// loop.
class root_directory {
 public:
  // Refers to nothing, to be assigned to.
  root_directory() noexcept = default;
  // On a thread. Throws std::system_error that names the path: ENOENT, ENOTDIR, … Cancelled:
  // nothing stays open.
  static task<root_directory> open(std::string path);
  // The same on the spot: for the time before anything is served.
  static root_directory open_now(const std::string& path);

  // For reading. At once when the way there is in memory (RESOLVE_CACHED), else on a thread. Throws
  // std::system_error that names the path: ENOENT; EXDEV for a path that leads out; ELOOP; EACCES;
  // EINVAL for a NUL byte; … Cancelled: nothing stays open.
  task<file> open_file(std::string path) const;
  // The same without a throw for what the system says: then the file is closed, and `error`, which
  // must stay until it is over, says why. Cancelled: nothing stays open.
  task<file> open_file(std::string path, std::error_code& error) const;
  // At once, or resource_unavailable_try_again: it may have to wait for a disk.
  file open_file_now(const std::string& path, std::error_code& error) const;

  // What is in a folder below ("" is this one), sorted by name, without "." and "..", at depth 0.
  // On a thread. Throws as open_file, and EFBIG for more than `most`. Cancelled: when the thread is
  // done.
  task<std::vector<directory_entry>> entries(std::string path, std::size_t most = 10'000) const;

  bool is_open() const noexcept { return open_ != nullptr; }

 private:
  std::shared_ptr<const detail::open_root> open_;
};

}  // namespace rondo::net
