#include <rondo/net/stream.hpp>

#include <poll.h>

#include <algorithm>

namespace rondo::net::detail {

bool write_pieces_wait::begin(job& j) noexcept {
  if (!next_pieces()) return true;
  return io_wait::begin(j);
}

bool write_pieces_wait::settle() noexcept {
  if (result < 0) return true;
  gone_ += static_cast<std::size_t>(result);
  return !next_pieces();
}

bool write_pieces_wait::next_pieces() noexcept {
  while (!pieces_.empty() && gone_ >= pieces_.front().size()) {
    gone_ -= pieces_.front().size();
    pieces_ = pieces_.subspan(1);
  }
  std::size_t total = 0;
  std::size_t n = 0;
  for (; n < parts_.size() && n < pieces_.size() && total < largest_transfer; ++n) {
    const auto rest = pieces_[n].subspan(n == 0 ? gone_ : 0);
    const std::size_t part = std::min(rest.size(), largest_transfer - total);
    parts_[n] = {const_cast<std::byte*>(rest.data()), part};
    total += part;
  }
  header_ = {};
  header_.msg_iov = parts_.data();
  header_.msg_iovlen = n;
  set_message(&header_, static_cast<std::uint32_t>(total));
  return n > 0;
}

gone_wait::gone_wait(descriptor d, hang_up least) noexcept
    : io_wait(d, io_call::poll(direction::gone, least == hang_up::half ? POLLRDHUP : 0)) {}

hang_up gone_wait::seen() const noexcept {
  return result & (POLLERR | POLLHUP) ? hang_up::full : hang_up::half;
}

bool shutdown_wait::begin(job& j) noexcept {
  if (j.stops_here()) return false;
  result_ = socket_->shutdown(SHUT_WR);
  return true;
}

}  // namespace rondo::net::detail
