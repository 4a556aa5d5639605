// Unix sockets: streams between processes of one machine, by path or by abstract name.
//
//   unix_listener l = unix_listener::bind(endpoint::parse("unix:/run/app.sock"));
//   unix_stream s = co_await unix_stream::connect(endpoint::parse("unix:@app"));   // abstract
#pragma once

#include <rondo/net/accept.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace rondo::net {

// Who is at the other end, as the kernel knows it.
struct peer_credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

class unix_stream : public stream_socket {
 public:
  static constexpr rondo::detail::transfers transfer_style =
      rondo::detail::transfers::may_stop_short;

  // Closed from the start, to be assigned to.
  unix_stream() = default;
  explicit unix_stream(socket s) noexcept : stream_socket(std::move(s)) {}

  // Waits while the listener's backlog is full. Throws std::system_error that names the endpoint:
  // ENOENT, ECONNREFUSED (nobody listens there any more), EACCES; std::invalid_argument for an IP
  // endpoint. Cancelled: nothing stays open.
  static task<unix_stream> connect(endpoint to);
  // Two ends of one connection. Throws std::system_error.
  static std::pair<unix_stream, unix_stream> pair();
  // Takes over a connected Unix stream socket that came from elsewhere; see socket::adopt.
  static unix_stream adopt(int fd);

  // Of the process that connected, or listened, when it did (unix(7), SO_PEERCRED). Throws
  // std::system_error.
  peer_credentials credentials() const;
};

// What becomes of a socket's file. Every setter returns the object itself.
struct unix_listen_options {
  unix_listen_options& backlog(int n) noexcept {
    backlog_ = n;
    return *this;
  }
  // Permissions of the file, before anybody can connect. By default the umask's.
  unix_listen_options& mode(mode_t m) noexcept {
    mode_ = m;
    return *this;
  }
  // Whether a file that nobody listens at any more is removed and replaced. False: bind says what
  // it found. A file of another kind, or one that somebody listens at, is never touched.
  unix_listen_options& replace_stale(bool yes) noexcept {
    replace_stale_ = yes;
    return *this;
  }
  // Whether close() removes the file, if it is still ours. True.
  unix_listen_options& unlink_on_close(bool yes) noexcept {
    unlink_on_close_ = yes;
    return *this;
  }

  int backlog_ = 4096;
  std::optional<mode_t> mode_;
  bool replace_stale_ = false;
  bool unlink_on_close_ = true;
};

namespace detail {

// The file that a bound socket made. Removes it when it goes, unless somebody has replaced it
// meanwhile.
class socket_file {
 public:
  socket_file() = default;
  // Of a socket that was just bound to `path`. Not of an abstract name.
  explicit socket_file(const std::string& path);
  socket_file(socket_file&& other) noexcept
      : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}
  socket_file& operator=(socket_file&& other) noexcept {
    if (this != &other) {
      remove();
      path_ = std::exchange(other.path_, {});
      device_ = other.device_;
      inode_ = other.inode_;
    }
    return *this;
  }
  ~socket_file() { remove(); }
  void remove() noexcept;
  // It stays.
  void release() noexcept { path_.clear(); }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Binds to a Unix name as the options say. Throws std::system_error that says what stands in the
// way.
socket_file bind_unix(socket& s, int type, const endpoint& at, const unix_listen_options& options);

// Throws std::invalid_argument that says who wants a Unix name.
void want_unix(const endpoint& e, const char* who);

}  // namespace detail

class unix_listener : public stream_listener<unix_stream> {
 public:
  // Closed from the start, to be assigned to.
  unix_listener() = default;
  // Binds and listens. Throws std::system_error that names the endpoint, and for EADDRINUSE says
  // whether somebody listens there, a stale file was left there, or it is no socket at all;
  // std::invalid_argument for an IP endpoint.
  static unix_listener bind(const endpoint& at, const unix_listen_options& options = {});
  // Takes over a Unix stream socket that listens already; its file stays when it is closed.
  static unix_listener adopt(int fd);

  void close() noexcept {
    stream_listener::close();
    file_.remove();
  }

 private:
  explicit unix_listener(socket s) noexcept : stream_listener(std::move(s)) {}
  detail::socket_file file_;
};

}  // namespace rondo::net
