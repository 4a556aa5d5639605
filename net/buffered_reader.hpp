// buffered_reader: lines and exact counts out of a byte stream.
//
//   buffered_reader in(stream);
//   std::string_view line = co_await in.read_line(8192);
//
// What it returns points into its buffer and holds until the next call. A read that is cancelled,
// or fails, loses nothing: what had come stays in the buffer.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace rondo::net {

// The stream ended in the middle of what was asked for.
class unexpected_end : public std::runtime_error {
 public:
  unexpected_end() : std::runtime_error("the stream ended early") {}
};

// What was asked for did not come within the limit.
class limit_exceeded : public std::runtime_error {
 public:
  explicit limit_exceeded(std::size_t limit)
      : std::runtime_error("no delimiter within " + std::to_string(limit) + " bytes") {}
};

template <byte_stream S>
class buffered_reader {
 public:
  // Reads from `stream`, which must outlive it, at least `chunk` bytes at a time when it can.
  explicit buffered_reader(S& stream, std::size_t chunk = 16 * 1024) noexcept
      : stream_(stream), chunk_(chunk) {}

  // What is in the buffer, without reading; not consumed.
  std::span<const std::byte> buffered() const noexcept {
    return {buffer_.data() + first_, end_ - first_};
  }

  // At least one byte, not consumed; empty at the end of the stream. Throws what the stream throws.
  task<std::span<const std::byte>> peek() {
    if (first_ == end_) co_await fill();
    co_return buffered();
  }
  // Takes `n` bytes from the front of what was peeked at.
  void consume(std::size_t n) noexcept { first_ += std::min(n, end_ - first_); }

  // Exactly `n` bytes. Throws unexpected_end.
  task<std::span<const std::byte>> read_exactly(std::size_t n) {
    while (end_ - first_ < n)
      if (co_await fill() == 0) throw unexpected_end();
    co_return take(n);
  }
  // Up to and with `delimiter`. Throws limit_exceeded when it does not end within `limit` bytes,
  // unexpected_end.
  task<std::string_view> read_until(std::string_view delimiter, std::size_t limit) {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view have(reinterpret_cast<const char*>(buffer_.data()) + first_,
                                  end_ - first_);
      const std::size_t at = have.find(delimiter, searched);
      if (at != std::string_view::npos && at + delimiter.size() <= limit)
        co_return as_text(take(at + delimiter.size()));
      if (at != std::string_view::npos || have.size() >= limit) throw limit_exceeded(limit);
      searched = have.size() < delimiter.size() ? 0 : have.size() - delimiter.size() + 1;
      if (co_await fill() == 0) throw unexpected_end();
    }
  }
  // A line without its LF or CRLF. At the end of the stream: what is left, then unexpected_end.
  // Throws limit_exceeded as read_until does.
  task<std::string_view> read_line(std::size_t limit) {
    std::string_view line;
    try {
      line = co_await read_until("\n", limit);
    } catch (const unexpected_end&) {
      if (first_ == end_) throw;
      co_return as_text(take(end_ - first_));
    }
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    co_return line;
  }

 private:
  static std::string_view as_text(std::span<const std::byte> b) noexcept {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }
  std::span<const std::byte> take(std::size_t n) noexcept {
    const std::span<const std::byte> result(buffer_.data() + first_, n);
    first_ += n;
    return result;
  }
  // Reads once into the room behind what is there; 0 at the end of the stream.
  task<std::size_t> fill() {
    if (first_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + first_, end_ - first_);
      end_ -= first_;
      first_ = 0;
    }
    if (buffer_.size() - end_ < chunk_) buffer_.resize(std::max(buffer_.size() * 2, end_ + chunk_));
    const std::size_t n = co_await stream_.read_some(std::span(buffer_).subspan(end_));
    end_ += n;
    co_return n;
  }

  S& stream_;
  std::size_t chunk_;
  std::vector<std::byte> buffer_;
  std::size_t first_ = 0;
  std::size_t end_ = 0;
};

}  // namespace rondo::net
