// send_file: bytes of a file to a stream, without passing them through the program where the
// system can.
//
//   file f = co_await file::open("big.iso");
//   std::uint64_t gone = co_await send_file(stream, f, 0, f.size());
//
// To a TCP or Unix socket on epoll and io_uring it is sendfile(2), 512 KiB at a time, each piece
// when it is in memory: what is not is read in a thread first, so that no disk holds up the loop.
// Elsewhere (TLS, the simulation, other streams, what is no plain file) the file is read and
// written.
#pragma once

#include <rondo/net/file.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace rondo::net {

namespace detail {

// What is read at a time where a file must be read to be sent.
inline constexpr std::size_t file_piece_bytes = 64 * 1024;

task<std::size_t> send_some_to_socket(descriptor to, std::shared_ptr<open_file> from,
                                      std::uint64_t offset, std::uint64_t count);
task<std::uint64_t> send_all_to_socket(descriptor to, std::shared_ptr<open_file> from,
                                       std::uint64_t offset, std::uint64_t count);

// Written as a whole: a stream whose write_some is cancelled may have taken some of it.
template <byte_stream S>
task<std::size_t> send_some_by_reading(S& to, std::shared_ptr<open_file> from, std::uint64_t offset,
                                       std::uint64_t count) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(file_piece_bytes);
  const std::span room(buffer.get(), std::min<std::uint64_t>(count, file_piece_bytes));
  const std::size_t n = co_await read_some_at(std::move(from), offset, room);
  if (n > 0) co_await to.write_all(room.first(n));
  co_return n;
}

template <byte_stream S>
task<std::uint64_t> send_all_by_reading(S& to, std::shared_ptr<open_file> from,
                                        std::uint64_t offset, std::uint64_t count) {
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(file_piece_bytes);
  std::uint64_t gone = 0;
  while (gone < count) {
    const std::span room(buffer.get(), std::min<std::uint64_t>(count - gone, file_piece_bytes));
    const std::size_t n = co_await read_some_at(from, offset + gone, room);
    if (n == 0) break;
    co_await to.write_all(room.first(n));
    gone += n;
  }
  co_return gone;
}

}  // namespace detail

// Sends `count` bytes of `from` that begin at `offset`, or what there is of them: gives how many
// went, fewer where the file ends early. Throws std::system_error that names the file: of the
// stream's write, of reading, and io_errc::closed when the file is closed meanwhile. Others may
// read the file. What is changed in it while it is sent may go out either way: the system sends its
// memory. Cancelled: as write_all, the write side of the stream is broken unless nothing has gone.
template <byte_stream S>
task<std::uint64_t> send_file(S& to, const file& from, std::uint64_t offset, std::uint64_t count) {
  if constexpr (std::derived_from<S, stream_socket>)
    return detail::send_all_to_socket(to.native().get(), detail::shared(from), offset, count);
  else
    return detail::send_all_by_reading(to, detail::shared(from), offset, count);
}

// The same for a piece of it: completes when at least one byte has gone, at most 512 KiB; 0 where
// the file ends, or when `count` is 0. Cancelled on a socket: nothing of it has gone; else as
// write_all. Throws as send_file.
template <byte_stream S>
task<std::size_t> send_file_some(S& to, const file& from, std::uint64_t offset,
                                 std::uint64_t count) {
  if constexpr (std::derived_from<S, stream_socket>)
    return detail::send_some_to_socket(to.native().get(), detail::shared(from), offset, count);
  else
    return detail::send_some_by_reading(to, detail::shared(from), offset, count);
}

}  // namespace rondo::net
