#include <rondo/http/server/write_watch.hpp>
#include <rondo/net/options.hpp>
#include <rondo/runtime/loop.hpp>

#include <array>
#include <cstring>
#include <system_error>

namespace rondo::http::detail {
namespace {

// tcpi_bytes_acked of Linux' tcp_info, which glibc's lacks; its place is ABI.
constexpr std::size_t bytes_acked_at = 120;

}  // namespace

write_watch::~write_watch() {
  if (armed()) rondo::detail::this_core().timers().disarm(*this);
}

void write_watch::start() noexcept {
  seen_ = moves_;
  quiet_ = 0;
  look_again();
}

void write_watch::look_again() noexcept {
  rondo::detail::this_core().timers().arm(*this, quarter_);
}

void write_watch::look() noexcept {
  if (!under_way_) return;  // the next write starts it
  if (moves_ != seen_) {
    start();
    return;
  }
  ++quiet_;
  // A large send buffer takes nothing more for long while a slow peer reads: what it acknowledges
  // counts. Asked twice, at both ends of the last quarter.
  if (quiet_ == looks - 1) acknowledged_ = acknowledged();
  if (quiet_ < looks) {
    look_again();
  } else if (acknowledged() != acknowledged_) {
    start();
  } else {
    cut();
  }
}

// Whoever writes ends with io_errc::closed.
void write_watch::cut() noexcept {
  try {
    // Without it the kernel would keep what the peer does not take.
    stream_.socket().set(net::options::linger(std::chrono::seconds(0)));
  } catch (const std::system_error&) {  // it is closed all the same
  }
  stream_.abort();
}

// Over TCP, how many bytes the peer has acknowledged; always the same where that is not known.
std::uint64_t write_watch::acknowledged() const noexcept {
  std::array<std::byte, bytes_acked_at + sizeof(std::uint64_t)> info{};
  try {
    stream_.socket().native().get_option(IPPROTO_TCP, TCP_INFO, info.data(), info.size());
  } catch (const std::system_error&) {
    return 0;
  }
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, info.data() + bytes_acked_at, sizeof bytes);
  return bytes;
}

}  // namespace rondo::http::detail
