#include <rondo/net/memory_stream.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <vector>

namespace rondo::net {

namespace detail {

// One direction: a ring of bytes with at most one reader and one writer waiting at it.
class memory_pipe {
 public:
  memory_pipe(std::size_t window, std::size_t largest_transfer)
      : ring_(window), largest_(std::min(largest_transfer, detail::largest_transfer)) {}

  // The count that was moved, 0 at the end of the stream; false: nothing can be moved now.
  bool read(std::span<std::byte> to, std::int32_t& result) noexcept {
    if (reader_closed_) {
      result = rondo::detail::result_closed;
    } else if (size_ == 0 && !to.empty()) {
      if (!ended_) return false;
      result = 0;
    } else {
      const std::size_t n = std::min({to.size(), size_, largest_});
      for (std::size_t i = 0; i < n; ++i) to[i] = ring_[(first_ + i) % ring_.size()];
      first_ = (first_ + n) % ring_.size();
      size_ -= n;
      result = static_cast<std::int32_t>(n);
      serve(direction::out);
    }
    return true;
  }
  bool write(std::span<const std::byte> from, std::int32_t& result) noexcept {
    if (writer_closed_) {
      result = rondo::detail::result_closed;
    } else if (write_broken_) {
      result = rondo::detail::result_write_broken;
    } else if (reader_closed_ || ended_) {
      result = -EPIPE;
    } else if (size_ == ring_.size() && !from.empty()) {
      return false;
    } else {
      const std::size_t n = std::min({from.size(), ring_.size() - size_, largest_});
      for (std::size_t i = 0; i < n; ++i) ring_[(first_ + size_ + i) % ring_.size()] = from[i];
      size_ += n;
      result = static_cast<std::int32_t>(n);
      if (n > 0) serve(direction::in);
    }
    return true;
  }

  void end() noexcept {
    ended_ = true;
    serve(direction::in);
    serve(direction::gone);
  }
  // The other pipe of the connection has ended.
  void ended_too() noexcept { serve(direction::gone); }
  void break_writes() noexcept { write_broken_ = true; }
  // Both ends hear of it: what waits on the one that closes ends with `closed`.
  void close(direction way) noexcept {
    (way == direction::in ? reader_closed_ : writer_closed_) = true;
    ended_ |= way == direction::out;
    serve(direction::in);
    serve(direction::out);
    serve(direction::gone);
  }

  memory_wait*& waiting(direction way) noexcept { return waiting_[rondo::detail::index(way)]; }
  bool readable() const noexcept { return size_ > 0 || ended_ || reader_closed_; }
  bool ended() const noexcept { return ended_; }
  bool reader_closed() const noexcept { return reader_closed_; }

 private:
  // Lets who waits there try again.
  void serve(direction way) noexcept {
    memory_wait*& w = waiting(way);
    if (!w || !w->attempt()) return;
    job* j = std::exchange(w, nullptr)->job_;
    j->wake();
  }

  std::vector<std::byte> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t largest_;
  std::array<memory_wait*, rondo::detail::directions> waiting_{};
  bool ended_ = false;  // nothing more will be written
  bool reader_closed_ = false;
  bool writer_closed_ = false;
  bool write_broken_ = false;
};

bool memory_wait::begin(job& j) noexcept {
  if (j.stops_here()) return false;
  if (!pipe_) {
    result_ = rondo::detail::result_closed;
    return true;
  }
  if (pipe_->waiting(way_)) {
    result_ = rondo::detail::result_busy;
    return true;
  }
  if (attempt()) return true;
  job_ = &j;
  pipe_->waiting(way_) = this;
  j.wait_on(*this);
  return false;
}

void memory_wait::cancel(job& j) noexcept {
  pipe_->waiting(way_) = nullptr;
  withdrawn();
  j.wake_stopped();
}

bool memory_read_wait::attempt() noexcept { return pipe_->read(buffer_, result_); }

bool memory_write_some_wait::attempt() noexcept { return pipe_->write(bytes_, result_); }

bool memory_write_all_wait::attempt() noexcept {
  do {
    if (!pipe_->write(left_, result_)) return false;
    if (result_ < 0) return true;
    left_ = left_.subspan(static_cast<std::size_t>(result_));
  } while (!left_.empty());
  return true;
}

// It waits at the pipe that is read, which the peer closes last.
bool memory_gone_wait::attempt() noexcept {
  if (pipe_->reader_closed()) {
    result_ = rondo::detail::result_closed;
    return true;
  }
  const hang_up seen =
      out_->reader_closed() || (out_->ended() && pipe_->ended()) ? hang_up::full : hang_up::half;
  if (!pipe_->ended() || seen < least_) return false;
  result_ = static_cast<std::int32_t>(seen);
  return true;
}

void memory_write_all_wait::withdrawn() noexcept { pipe_->break_writes(); }

}  // namespace detail

task<> memory_stream::shutdown_write() {
  if (!out_) rondo::detail::throw_io_error(rondo::detail::result_closed, "shutdown");
  out_->end();
  in_->ended_too();
  co_return;
}

void memory_stream::close() noexcept {
  if (in_) in_->close(detail::direction::in);
  if (out_) out_->close(detail::direction::out);
  in_.reset();
  out_.reset();
}

bool memory_stream::readable_now() const noexcept { return !in_ || in_->readable(); }

std::pair<memory_stream, memory_stream> make_memory_streams(std::size_t window,
                                                            std::size_t largest_transfer) {
  if (window == 0 || largest_transfer == 0)
    throw std::invalid_argument("make_memory_streams: a stream needs room for at least one byte");
  auto forth = std::make_shared<detail::memory_pipe>(window, largest_transfer);
  auto back = std::make_shared<detail::memory_pipe>(window, largest_transfer);
  return {memory_stream(back, forth), memory_stream(forth, back)};
}

}  // namespace rondo::net
