// A file's descriptor, and what is known of it: shared by the file and by what runs on it, so that
// a thread, or the kernel, never works on a number that is another's. Internal.
#pragma once

#include <rondo/net/file_status.hpp>
#include <rondo/net/socket.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

struct stat;

namespace rondo::net::detail {

file_status to_status(const struct stat& s) noexcept;

// A file on its way from where it was opened.
class fresh_file {
 public:
  // Takes the descriptor over; a negative one is an errno.
  fresh_file(std::string path, int fd) noexcept : path_(std::move(path)), fd_(fd) {}
  fresh_file(fresh_file&& other) noexcept
      : path_(std::move(other.path_)),
        fd_(std::exchange(other.fd_, -1)),
        status_(other.status_),
        flows_(other.flows_) {}
  fresh_file& operator=(fresh_file&&) = delete;
  ~fresh_file();

  // Finds out what it is: 0 or a negative errno.
  int look() noexcept;
  int fd() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  std::string take_path() noexcept { return std::move(path_); }
  const file_status& status() const noexcept { return status_; }
  bool flows() const noexcept { return flows_; }

 private:
  std::string path_;
  int fd_;
  file_status status_;
  bool flows_ = false;
};

struct open_file {
  // Of one that has been looked at. Throws std::bad_alloc.
  explicit open_file(fresh_file&& f);
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() { close(); }

  // What the reactor has in flight ends now; a thread, or a send_file, keeps the descriptor until
  // it is done.
  void close() noexcept;
  void let_go() noexcept;
  // From now on the reactor serves it. Throws std::system_error, std::bad_alloc.
  void attach();
  [[noreturn]] void fail(std::int32_t result, const char* what) const;

  const std::string path;
  const file_status status;  // when it was opened
  const bool flows;          // a pipe or a terminal: read and written when it is ready
  int fd;
  socket attached;  // open where the reactor serves it, or tells when it is ready
  bool closed = false;
  std::array<bool, 2> used{};  // by a thread, by direction
  int sends = 0;               // of it, that are under way
};

// Refuses a file that was never opened, or has been moved from: throws io_errc::closed.
void want_open(const std::shared_ptr<open_file>& f, const char* what);

}  // namespace rondo::net::detail
