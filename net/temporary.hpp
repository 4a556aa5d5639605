// Temporary files and folders, which go with the object that holds them, whatever happens.
//
//   net::temporary_folder folder = co_await net::temporary_folder::make();
//   net::temporary_file draft = co_await net::temporary_file::make();
//   co_await draft.content().write_at(0, net::bytes_of("text"));
//   use(draft.path(), folder.path());
//
// In TMPDIR, or /tmp, under a name that nobody can guess, for this user alone. A process that is
// killed leaves them: only what has no name goes with its process.
#pragma once

#include <rondo/net/file.hpp>
#include <rondo/runtime/task.hpp>

#include <string>
#include <utility>

namespace rondo::net {

// Movable. Destroyed: the file is removed, if it is still there; it takes a system call.
class temporary_file {
 public:
  // None, to be assigned to.
  temporary_file() noexcept = default;
  // In `folder`, or where temporary files are; its name begins with `prefix`. Throws
  // std::system_error that names the folder. Cancelled: nothing stays.
  static task<temporary_file> make(std::string prefix = "rondo-", std::string folder = {});
  temporary_file(temporary_file&& other) noexcept
      : path_(std::exchange(other.path_, {})), content_(std::move(other.content_)) {}
  temporary_file& operator=(temporary_file&& other) noexcept {
    if (this != &other) {
      remove();
      path_ = std::exchange(other.path_, {});
      content_ = std::move(other.content_);
    }
    return *this;
  }
  ~temporary_file() { remove(); }

  // Absolute, if TMPDIR or `folder` was.
  const std::string& path() const noexcept { return path_; }
  // Open for reading and writing.
  file& content() noexcept { return content_; }
  // It stays, from now on the caller's: its path.
  std::string keep() noexcept { return std::exchange(path_, {}); }

 private:
  void remove() noexcept;

  std::string path_;
  file content_;
};

// Movable. Destroyed: the folder is removed with all that is in it, links not followed. On the
// spot, which takes time for a large tree: remove() does it on a thread.
class temporary_folder {
 public:
  // None, to be assigned to.
  temporary_folder() noexcept = default;
  // Throws and is cancelled as temporary_file::make.
  static task<temporary_folder> make(std::string prefix = "rondo-", std::string folder = {});
  temporary_folder(temporary_folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  temporary_folder& operator=(temporary_folder&& other) noexcept {
    if (this != &other) {
      remove_now();
      path_ = std::exchange(other.path_, {});
    }
    return *this;
  }
  ~temporary_folder() { remove_now(); }

  const std::string& path() const noexcept { return path_; }
  // Now, on a thread. Throws std::system_error that names what could not be removed; the rest may
  // have gone. Cancelled: when the thread is done.
  task<> remove();
  // It stays, from now on the caller's: its path.
  std::string keep() noexcept { return std::exchange(path_, {}); }

 private:
  explicit temporary_folder(std::string path) noexcept : path_(std::move(path)) {}
  void remove_now() noexcept;

  std::string path_;
};

}  // namespace rondo::net
