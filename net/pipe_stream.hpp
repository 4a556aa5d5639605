// pipe_stream: one end of a pipe, a FIFO or a terminal as a byte stream.
//
//   auto [reader, writer] = net::make_pipe();
//   co_await writer.write_all(net::bytes_of("hello"));
//   std::size_t n = co_await reader.read_some(buffer);
//
// A pipe goes one way: reading its writing end, or writing its reading end, fails with EBADF. What
// it is read from and written to is whatever the kernel says is ready, on every reactor, so that
// each wait can be cancelled. In the simulation a pipe is one of memory, without latency and
// faults; a descriptor from outside is looked at there every millisecond of virtual time.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace rondo::net {

namespace detail {
class pipe_end;
class pipe_access;
}  // namespace detail

// Movable. One reader and one writer at a time; a second fails with io_errc::busy. Belongs to the
// loop it was made on.
class pipe_stream {
 public:
  // Closed from the start, to be assigned to.
  pipe_stream() noexcept = default;
  // Takes over the end of a pipe, a terminal or another descriptor that poll(2) serves, and makes
  // it CLOEXEC and non-blocking: a flag that is shared with every duplicate, those of other
  // processes included, so give it one that is nobody else's (for standard input and output there
  // is standard_streams.hpp). Throws std::system_error; then it is the caller's still.
  static pipe_stream adopt(int fd);
  pipe_stream(pipe_stream&&) noexcept = default;
  pipe_stream& operator=(pipe_stream&& other) noexcept {
    if (this != &other) {
      close();
      end_ = std::move(other.end_);
    }
    return *this;
  }
  ~pipe_stream() { close(); }

  // Completes with at least one byte, or 0 when everybody who could write has gone. Throws
  // std::system_error: EBADF, io_errc::closed, io_errc::busy, … Cancelled: no byte is lost, the
  // buffer is the caller's again.
  task<std::size_t> read_some(std::span<std::byte> buffer);
  // Completes with how many bytes went, at least one. Throws as read_some, and EPIPE when nobody
  // reads any more (never SIGPIPE). Cancelled: nothing went.
  task<std::size_t> write_some(std::span<const std::byte> bytes);
  // Completes when everything is in the pipe. Cancelled after a part has gone: later writes fail
  // with io_errc::write_broken.
  task<> write_all(std::span<const std::byte> bytes);
  // Nothing more will be written: a pipe's writing end is closed; a process behind a terminal is
  // sent the end-of-file character (^D, termios(3)). Throws EBADF for a reading end.
  task<> shutdown_write();
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_some(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_all(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  // At once. What runs on it ends with io_errc::closed.
  void close() noexcept;
  bool is_open() const noexcept;
  // True when a read would not wait.
  bool readable_now() const noexcept;

 private:
  friend class detail::pipe_access;
  explicit pipe_stream(std::shared_ptr<detail::pipe_end> e) noexcept : end_(std::move(e)) {}
  std::shared_ptr<detail::pipe_end> end_;
};

static_assert(byte_stream<pipe_stream>);

// Both ends of one pipe.
struct pipe_ends {
  pipe_stream reader;
  pipe_stream writer;
};
// Throws std::system_error.
pipe_ends make_pipe();

}  // namespace rondo::net
