// What stands behind a pipe_stream. Internal.
#pragma once

#include <rondo/net/memory_stream.hpp>
#include <rondo/net/parts/owned_descriptor.hpp>
#include <rondo/net/pipe_stream.hpp>

#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace rondo::net::detail {

// What a descriptor is, for how it is read and written.
struct pipe_traits {
  bool reads = false;
  bool writes = false;
  bool is_socket = false;
  bool is_pseudo_terminal = false;  // the side of whoever made it
  bool non_blocking = true;         // else a shared descriptor, whose flag is not ours to set
};

// Shared by the stream and by what runs on it, so that nobody works on a number that is another's.
class pipe_end {
 public:
  // Throws std::bad_alloc.
  pipe_end(owned_descriptor fd, pipe_traits t);
  pipe_end(memory_stream m, pipe_traits t) noexcept : traits(t), memory(std::move(m)) {}
  pipe_end(const pipe_end&) = delete;
  pipe_end& operator=(const pipe_end&) = delete;
  ~pipe_end() { close(); }

  void close() noexcept;
  int fd() const noexcept { return attached.is_open() ? attached.get().fd : seen.get(); }

  const pipe_traits traits;
  socket attached;        // where a reactor tells when it is ready
  owned_descriptor seen;  // in the simulation, where nobody does
  std::optional<memory_stream> memory;
  bool closed = false;
  bool write_broken = false;
  std::array<bool, 2> looking{};  // in the simulation, by direction
};

// For the library: pipe_streams out of what they stand on, and the other way round.
class pipe_access {
 public:
  static pipe_stream make(owned_descriptor fd, pipe_traits t) {
    return pipe_stream(std::make_shared<pipe_end>(std::move(fd), t));
  }
  static pipe_stream make(memory_stream m, pipe_traits t) {
    return pipe_stream(std::make_shared<pipe_end>(std::move(m), t));
  }
  static const std::shared_ptr<pipe_end>& peek(const pipe_stream& s) noexcept { return s.end_; }
  static pipe_stream give(std::shared_ptr<pipe_end> e) noexcept {
    return pipe_stream(std::move(e));
  }
};

// Which ways an open descriptor goes, and whether it is a socket. Throws std::system_error.
pipe_traits traits_of(int fd);
void set_non_blocking(int fd, bool yes);

}  // namespace rondo::net::detail
